"""The score of marks, worked by hand, and what is said of files that cannot be scored."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from fret.audit import score_marks
from fret.audit.files import Judge, Key, KeyPassage, KeyQuery, write_key
from fret.audit.score import grade_to_mark
from fret.audit.statistics import Share
from fret.cli import app
from fret.errors import UserError

AUDIT = "0123456789ab"
# Letters on the page: a positive, b negative, c the seed (not chosen), d another candidate.
GRADES = {"a": 2.9, "b": 0.4, "c": 1.6, "d": None}


def make_key(n: int, *, graded: bool = True, types: tuple[str, ...] = ("qa",)) -> Key:
    def passage(letter: str) -> KeyPassage:
        return KeyPassage(
            passage_id=letter * 20,
            role={"a": "positive", "b": "negative"}.get(letter, "other"),  # type: ignore[arg-type]
            is_seed=letter == "c",
            rank=ord(letter),
            grades=[GRADES[letter]] if graded else [],
        )

    queries = {
        str(i): KeyQuery(
            query_id=str(i),
            task_type=types[i % len(types)],
            split="train",
            language="en",
            positive_is_seed=False,
            passages={letter: passage(letter) for letter in "abcd"},
        )
        for i in range(1, n + 1)
    }
    return Key(
        audit=AUDIT,
        run="small",
        fingerprint="f",
        seed=0,
        rows={"qa, train": n},
        scorers=["relevance" if graded else "unigram"],
        judges=[Judge(scorer="relevance", model="tiny")] if graded else [],
        queries=queries,
    )


def marked(*passages: str, marker: str = "", **flags: Any) -> dict[str, Any]:
    """A file of marks; one text per query, such as `a2 b0`."""
    return {
        "kind": "fret audit marks",
        "version": 1,
        "audit": AUDIT,
        "marker": marker,
        "saved": "2026-01-01T00:00:00.000Z",
        "marks": {
            str(i): {
                "passages": {mark[0]: int(mark[1]) for mark in text.split() if mark[0] in "abcd"},
                "nonsense": "nonsense" in text,
                "skipped": "skip" in text,
                "note": "",
            }
            for i, text in enumerate(passages, 1)
        },
        **flags,
    }


Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Save:
    monkeypatch.chdir(tmp_path)

    def write(name: str, data: Any) -> Path:
        path = tmp_path / name
        path.write_text(data if isinstance(data, str) else json.dumps(data), "utf-8")
        return path

    return write


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "data/runs/small" / f"audit-{AUDIT}.key.json"
    write_key(path, make_key(8))
    return path


def test_shares_are_those_counted_by_hand(save: Save, key: Path) -> None:
    path = save(
        "m.json",
        marked(
            "a2 b0 c1 d0",
            "a2 b2 c2 d0",
            "a1 b1 c2 d0",
            "a0 b0 c0 d2",
            "a2",
            "nonsense a0 b2",
            "skip a0",
        ),
    )
    person = score_marks([path]).people[0]
    assert person.shares == {
        "positives relevant": Share(3, 5),
        "positives partly": Share(1, 5),
        "further positives relevant": Share(0, 0),
        "negatives relevant": Share(1, 4),
        "negatives partly": Share(1, 4),
        "positive above negative": Share(1, 4),
        "another candidate better": Share(2, 4),
        "seed better": Share(1, 4),
        "seed worse": Share(1, 4),
        "queries nonsense": Share(1, 6),
    }
    assert (person.n_queries, person.n_passages, person.n_skipped) == (6, 20, 1)
    assert person.n_counting == 17
    told = said(call(path))
    assert "6 of 8 queries and 20 of 32 passages" in told
    assert "of these passages 17 count, the others are of queries skipped or called" in told
    assert person.name == "m"
    assert person.to_look_at == {
        "positive not relevant": ["4"],
        "negative relevant": ["2"],
        "query nonsense": ["6"],
    }


def test_grades_become_marks_by_the_scale_of_the_prompt() -> None:
    grades = [0.0, 0.5, 1.0, 1.49, 1.5, 2.0, 2.49, 2.5, 3.0]
    assert [grade_to_mark(grade) for grade in grades] == [0, 0, 0, 0, 1, 1, 1, 2, 2]


def test_kappa_with_the_judge_is_that_worked_by_hand(save: Save, key: Path) -> None:
    # The judge says 2 of a, 0 of b, 1 of c, and nothing of d. Pairs (person, judge):
    # (2,2) (0,0) (1,1) (1,2) (0,0) (0,1): linear disagreement 2/6. Person: 3, 2, 1 of 0, 1, 2;
    # judge: 2, 2, 2. Expected: (3*2*1 + 3*2*2 + 2*2*1 + 2*2*1 + 1*2*2 + 1*2*1) / 36 = 32/36.
    path = save("m.json", marked("a2 b0 c1 d2", "a1 b0 c0"))
    (judge,) = score_marks([path]).people[0].judges
    assert (judge.scorer, judge.model) == ("relevance", "tiny")
    linear = judge.kappas["linear"]
    assert (linear.n, linear.n_queries) == (6, 2)
    assert linear.kappa == pytest.approx(1 - (2 / 6) / (32 / 36))
    # At least partly: (1,1) (0,0) (1,1) (1,1) (0,0) (0,1): observed 5/6, chance 18/36.
    assert judge.kappas["at least partly"].kappa == pytest.approx((5 / 6 - 0.5) / 0.5)
    # Relevant: (1,1) (0,0) (0,0) (0,1) (0,0) (0,0): observed 5/6, chance (1*2 + 5*4)/36.
    assert judge.kappas["relevant"].kappa == pytest.approx((5 / 6 - 22 / 36) / (1 - 22 / 36))


def test_people_are_compared_where_both_marked(save: Save, key: Path) -> None:
    first = save("one.json", marked("a2 b0", "a2 b0", "nonsense", marker="Ada"))
    second = save("two.json", marked("a2 b0 c1", "a2 b2", "a0", marker="بسمة"))
    report = score_marks([first, second])
    (pair,) = report.between
    assert (pair.first, pair.second) == ("Ada", "بسمة")
    # (1,1) (0,0) (1,1) (0,1): observed 3/4, chance (2*1 + 2*3)/16.
    assert pair.kappas["relevant"].n == 4
    assert pair.kappas["relevant"].kappa == pytest.approx((0.75 - 0.5) / 0.5)


def test_notes_are_handed_on(save: Save, key: Path) -> None:
    data = marked("a2", "b1")
    data["marks"]["2"]["note"] = "odd <b>"
    assert score_marks([save("m.json", data)]).people[0].notes == {"2": "odd <b>"}


def test_people_of_one_name_stay_apart(save: Save, key: Path) -> None:
    files = [save(f"{i}.json", marked("a2", marker="Ada")) for i in range(2)]
    assert [p.name for p in score_marks(files).people] == ["Ada (1)", "Ada (2)"]
    result = call(*files)
    assert "1.json are all by 'Ada' and count as 2 people" in " ".join(result.stderr.split())
    assert not call(files[0]).stderr


def test_types_with_enough_queries_are_shown_apart(save: Save, tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    write_key(key, make_key(24, types=("qa", "claim")))
    path = save("m.json", marked(*["a2 b0 c1"] * 19))
    person = score_marks([path], key=key).people[0]
    assert {kind: part.n_queries for kind, part in person.by_type.items()} == {"claim": 10}
    assert person.n_rare == 9
    claims = person.by_type["claim"]
    assert claims.shares["positives relevant"] == Share(10, 10)
    assert claims.kappa and claims.kappa.kappa == 1.0


# --- the command ------------------------------------------------------------------------------


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["audit", "--score", *map(str, arguments)])


def said(result: Result) -> str:
    return " ".join(result.output.split())


def test_the_score_is_shown_and_written(save: Save, key: Path, tmp_path: Path) -> None:
    path = save("m.json", marked("a2 b0 c1", "a2 b2 c0", marker="\x1b[31mAda [bold]"))
    result = call(path, "--json", tmp_path / "score.json")
    assert result.exit_code == 0, result.output
    text = said(result)
    assert "�[31mAda [bold]" in text and "\x1b" not in result.output
    assert "2 of 8 queries and 6 of 32 passages" in text
    assert "positives that are relevant 100.0% 34.2% to 100.0% 2 of 2" in text
    assert "negatives that are relevant (false negatives) 50.0% 9.5% to 90.5% 1 of 2" in text
    assert "three marks, linear weights" in text
    data = json.loads((tmp_path / "score.json").read_text())
    assert data["people"][0]["shares"]["negatives relevant"] == {
        "n": 1,
        "of": 2,
        "share": 0.5,
        "low": pytest.approx(0.0945, abs=1e-4),
        "high": pytest.approx(0.9055, abs=1e-4),
    }
    assert data["people"][0]["judges"][0]["kappas"]["linear"]["n"] == 6
    assert data["audit"] == AUDIT and data["run"] == "small"


def test_two_people_get_a_table_each_and_one_between(save: Save, key: Path) -> None:
    files = [save(f"{n}.json", marked("a2 b0", "a1 b0", marker=n)) for n in ("Ada", "Bo")]
    result = call(*files)
    assert result.exit_code == 0 and "Ada and Bo" in said(result)


def test_without_grades_the_judge_is_said_to_be_out_of_reach(save: Save, key: Path) -> None:
    write_key(key, make_key(8, graded=False))
    result = call(save("m.json", marked("a2 b0")))
    assert result.exit_code == 0
    assert "not available, for no scorer of this run grades (unigram only rank)" in said(result)


def test_all_marks_alike_make_kappa_undefined_not_wrong(save: Save, key: Path) -> None:
    result = call(save("m.json", marked("a2", "a2")))
    assert result.exit_code == 0 and "undefined: one mark only" in said(result)


def changed(**fields: Any) -> dict[str, Any]:
    return {**marked("a2"), **fields}


BAD: dict[str, tuple[Any, str]] = {
    "empty": ("", "is empty. Save it again"),
    "cut off": (json.dumps(marked("a2"))[:60], "or it was cut off: line 1"),
    "no json": ("name,mark\nAda,2\n", "is not a file of marks"),
    "a list": ([1], "does not say `kind: fret audit marks`"),
    "a key": (make_key(1).model_dump(), "does not say `kind: fret audit marks`"),
    "deep": ("[" * 100_000, "it cannot be parsed"),
    "newer version": (changed(version=2), "damaged: version"),
    "other audit": (changed(audit="f" * 12), "audit-ffffffffffff.key.json is neither beside"),
    "a path as audit": (changed(audit="../../etc/pwd"), "damaged: audit"),
    "unknown query": (
        changed(marks={"99": {}}),
        "what the audit 0123456789ab does not have: query 99",
    ),
    "unknown passage": (
        changed(marks={"1": {"passages": {"z": 1}}}),
        "does not have: passage z of query 1",
    ),
    "unknown mark": (changed(marks={"1": {"passages": {"a": 3}}}), "damaged: marks.1.passages.a"),
    "a mark as text": (
        changed(marks={"1": {"passages": {"a": "2"}}}),
        "damaged: marks.1.passages.a",
    ),
    "a mark as truth": (changed(marks={"1": {"passages": {"a": True}}}), "marks.1.passages.a"),
    "more fields": (changed(extra=1), "damaged: extra"),
    "nothing marked": (changed(marks={"1": {"note": "hm"}}), "holds no marks yet"),
    "all skipped": (changed(marks={"1": {"skipped": True}}), "holds no marks yet"),
}


@pytest.mark.parametrize("case", sorted(BAD))
def test_files_that_cannot_be_scored_are_told_with_status_2(
    case: str, save: Save, key: Path
) -> None:
    data, message = BAD[case]
    result = call(save("bad.json", data))
    assert result.exit_code == 2 and message in said(result)
    assert "bad.json" in said(result) and "Traceback" not in result.output


def test_a_binary_file_a_folder_and_a_missing_file_are_told(
    save: Save, key: Path, tmp_path: Path
) -> None:
    (tmp_path / "page.png").write_bytes(b"\x89PNG\xff\xfe")
    for name, message in (
        ("page.png", "it is no text"),
        ("data", "cannot be read: Is a directory"),
        ("no.json", "cannot be read: No such file"),
    ):
        result = call(tmp_path / name)
        assert result.exit_code == 2 and message in said(result)


def test_marks_of_two_audits_are_not_mixed(save: Save, key: Path) -> None:
    first, second = save("1.json", marked("a2")), save("2.json", changed(audit="f" * 12))
    result = call(first, second)
    assert result.exit_code == 2 and "Score each audit by itself" in said(result)


def test_the_key_may_lie_beside_the_marks_or_be_named(
    save: Save, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save("m.json", marked("a2"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    result = call(path)
    assert result.exit_code == 2 and "--key FILE" in said(result)
    assert call(path, "--key", key).exit_code == 0
    assert call(path, "--key", tmp_path / "none.json").exit_code == 2
    key.rename(tmp_path / key.name)
    assert call(path).exit_code == 0


def test_the_wrong_or_a_damaged_key_is_told(save: Save, tmp_path: Path) -> None:
    path, other = save("m.json", marked("a2")), tmp_path / "other.json"
    write_key(other, make_key(2).model_copy(update={"audit": "f" * 12}))
    result = call(path, "--key", other)
    assert result.exit_code == 2 and "is the key of the audit ffffffffffff" in said(result)
    other.write_text(other.read_text()[:200])
    result = call(path, "--key", other)
    assert result.exit_code == 2 and "cut off" in said(result) and "its seed" in said(result)
    with pytest.raises(UserError):
        score_marks([path], key=other)
