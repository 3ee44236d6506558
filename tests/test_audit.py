"""The sample, the page and the key of an audit, on a run over hostile texts."""

import base64
import dataclasses
import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

import fret
from audit_run import HOSTILE, run_hostile
from fret.audit.files import Key, read_key
from fret.audit.page import render_page
from fret.audit.sample import draw_examples, draw_passages, share_out
from fret.cli import app
from fret.pipeline import Pipeline
from fret.records import Example, Judgement
from fret.single_page import escape_json, show_controls


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["audit", *arguments])


def said(result: Result) -> str:
    return " ".join(result.output.split())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audit")
    run_hostile(folder)
    return folder


@pytest.fixture
def pipeline(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    monkeypatch.chdir(place)
    yield fret.load("hostile.yaml")


def data_of(page: Path) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text())
    assert found
    return json.loads(found[1])


def key_of(pipeline: Pipeline, audit: str) -> Key:
    return read_key(audit, Path(), pipeline.stored.path / f"audit-{audit}.key.json")


# --- the sample -------------------------------------------------------------------------------


def many_examples(pipeline: Pipeline, counts: dict[tuple[str, str], int]) -> list[Example]:
    one = next(pipeline.rows(Example))
    return [
        dataclasses.replace(one, query_id=f"{kind}-{split}-{i}", task_type=kind, split=split)
        for (kind, split), count in counts.items()
        for i in range(count)
    ]


def test_the_sample_is_spread_over_types_and_splits_as_the_dataset_is(pipeline: Pipeline) -> None:
    counts = {("qa", "train"): 600, ("qa", "test"): 60, ("claim", "train"): 300, ("", "test"): 40}
    examples = many_examples(pipeline, counts)
    drawn, found = draw_examples(examples, 50, seed=4)
    assert found == counts and len({e.query_id for e in drawn}) == 50
    by_stratum = Counter((e.task_type, e.split) for e in drawn)
    assert all(abs(by_stratum[s] - 50 * n / 1000) < 1 for s, n in counts.items())


def test_each_example_is_drawn_equally_often_however_rare_its_type(pipeline: Pipeline) -> None:
    counts = {("qa", "train"): 37, ("claim", "train"): 2, ("rare", "test"): 1}
    examples = many_examples(pipeline, counts)
    times = Counter(e.query_id for seed in range(2000) for e in draw_examples(examples, 8, seed)[0])
    # 8 of 40, 2000 times: 400 expected, standard deviation 18.
    assert set(times) == {e.query_id for e in examples}
    assert all(320 < n < 480 for n in times.values())


def test_points_never_fall_twice_on_a_row() -> None:
    for start in (0.0, 0.3, 0.9999999):
        for n in range(1, 12):
            counts = {("a", ""): 1, ("b", ""): 7, ("c", ""): 3}
            shares = share_out(counts, n, start=start)
            assert sum(shares.values()) == min(n, 11)
            assert all(shares[s] <= counts[s] for s in counts)


def test_a_seed_draws_the_same_whatever_the_order_of_rows(pipeline: Pipeline) -> None:
    examples = many_examples(pipeline, {("qa", "train"): 100, ("claim", "test"): 100})
    drawn = draw_examples(examples, 20, seed=1)[0]
    assert draw_examples(reversed(examples), 20, seed=1)[0] == drawn
    assert draw_examples(examples, 20, seed=2)[0] != drawn


def judged(pipeline: Pipeline) -> list[tuple[Example, Judgement]]:
    judgements = {j.query_id: j for j in pipeline.rows(Judgement)}
    return [(e, judgements[e.query_id]) for e in pipeline.rows(Example)]


def test_each_query_shows_the_positive_a_negative_and_others_shuffled(pipeline: Pipeline) -> None:
    places = Counter()
    for example, judgement in judged(pipeline):
        for seed in range(30):
            shown = draw_passages(
                example, judgement, 4, random.Random(f"{seed} {example.query_id}")
            )
            roles = [s.role for s in shown]
            assert Counter(roles) == {"positive": 1, "negative": 1, "other": 2}
            assert len({s.passage_id for s in shown}) == 4
            assert shown[roles.index("positive")].passage_id == example.positive_id
            assert shown[roles.index("negative")].passage_id in example.negative_ids
            ranks = dict(zip(judgement.passage_ids, judgement.fused_ranks, strict=True))
            assert all(s.rank == ranks[s.passage_id] for s in shown)
            places[roles.index("positive")] += 1
    total = sum(places.values())
    assert all(abs(n / total - 0.25) < 0.08 for n in places.values()) and len(places) == 4


def test_the_seed_is_shown_where_it_was_not_chosen(pipeline: Pipeline) -> None:
    example, judgement = judged(pipeline)[0]
    free = [
        i for i in judgement.passage_ids if i not in {example.positive_id, *example.negative_ids}
    ]
    judgement = dataclasses.replace(judgement, seed_id=free[-1])
    for seed in range(20):
        shown = draw_passages(example, judgement, 4, random.Random(seed))
        assert [s.role for s in shown if s.is_seed] == ["other"]


def test_many_negatives_leave_room_for_another_and_unjudged_ones_are_shown(
    pipeline: Pipeline,
) -> None:
    example, judgement = judged(pipeline)[0]
    others = [i for i in judgement.passage_ids if i != example.positive_id]
    example = dataclasses.replace(example, negative_ids=("deeper", *others[:3]))
    seen = Counter()
    for seed in range(60):
        shown = draw_passages(example, judgement, 4, random.Random(seed))
        assert Counter(s.role for s in shown) == {"positive": 1, "negative": 2, "other": 1}
        seen.update(s.passage_id for s in shown if s.role == "negative")
        assert all(s.rank is None for s in shown if s.passage_id == "deeper")
    assert set(seen) == set(example.negative_ids)


def test_one_further_positive_is_shown_in_its_own_role(pipeline: Pipeline) -> None:
    example, judgement = judged(pipeline)[0]
    others = [i for i in judgement.passage_ids if i not in example.negative_ids]
    extra = tuple(i for i in others if i != example.positive_id)[:2]
    example = dataclasses.replace(example, extra_positive_ids=extra)
    seen = Counter()
    for seed in range(40):
        shown = draw_passages(example, judgement, 4, random.Random(seed))
        roles = Counter(s.role for s in shown)
        assert roles == {"positive": 1, "extra": 1, "negative": 1, "other": 1}
        seen.update(s.passage_id for s in shown if s.role == "extra")
        assert not {s.passage_id for s in shown if s.role == "other"} & set(extra)
    assert set(seen) == set(extra)


def test_where_nothing_else_was_judged_fewer_are_shown(pipeline: Pipeline) -> None:
    example, judgement = judged(pipeline)[0]
    alone = dataclasses.replace(judgement, fused_ranks=tuple(None for _ in judgement.fused_ranks))
    shown = draw_passages(example, alone, 6, random.Random(0))
    assert sorted(s.role for s in shown) == ["negative", "positive"]


# --- page and key -----------------------------------------------------------------------------


def test_page_and_key_name_the_same_passages(pipeline: Pipeline) -> None:
    made = pipeline.audit(5, seed=3)
    assert made.page == pipeline.stored.path / "audit.html"
    key, data = key_of(pipeline, made.id), data_of(made.page)
    texts = {p.id: (p.title, p.text) for p in pipeline.rows(fret.records.Passage)}
    examples = {e.query_id: e for e in pipeline.rows(Example)}
    assert data["audit"] == made.id == key.audit and list(key.queries) == ["1", "2", "3", "4", "5"]
    for query in data["queries"]:
        told = key.queries[query["id"]]
        example = examples[told.query_id]
        assert query["task"] == show_controls(example.task)
        assert query["text"] == show_controls(example.query)
        for passage in query["passages"]:
            entry = told.passages[passage["id"]]
            shown = tuple(map(show_controls, texts[entry.passage_id]))
            assert (passage["title"], passage["text"]) == shown
            assert (entry.role == "positive") == (entry.passage_id == example.positive_id)
    assert key.fingerprint == pipeline.status()[-1].fingerprint
    assert sum(key.rows.values()) == made.n_examples == len(examples)


def test_the_page_does_not_tell_which_is_what(pipeline: Pipeline) -> None:
    made = pipeline.audit(5)
    page, key = made.page.read_text(), key_of(pipeline, made.id)
    for query in key.queries.values():
        assert query.query_id not in page
        assert not any(p.passage_id in page for p in query.passages.values())
    text = page.partition('id="data"')[2].partition("</script>")[0]
    assert not re.search(r'"(role|rank|grade|positive|negative|seed|score)\w*":', text)


def test_the_same_arguments_give_the_same_files(pipeline: Pipeline) -> None:
    made = pipeline.audit(6, seed=1)
    before = made.page.read_bytes(), made.key.read_bytes()
    assert pipeline.audit(6, seed=1) == made
    assert (made.page.read_bytes(), made.key.read_bytes()) == before
    ids = {made.id, *(pipeline.audit(6, seed=s, per_query=p).id for s, p in ((2, 4), (1, 5)))}
    assert len(ids) == 3 and all(pipeline.stored.path.glob(f"audit-{i}.key.json") for i in ids)


def test_hostile_text_cannot_leave_the_data_and_nothing_else_runs(pipeline: Pipeline) -> None:
    page = pipeline.audit(100, per_query=26).page.read_text()
    assert page.count("<script") == page.count("</script") == 2
    assert all(c not in page for c in "\u2028\u2029") and "{{" not in page.replace("{{7*7}}", "")
    shown = json.dumps(data_of(pipeline.stored.path / "audit.html"))
    assert all(json.dumps(show_controls(text))[1:-1] in shown for text in HOSTILE)
    assert not set("\x7f\u202e\u2066") & set(page) and "safe \ufffd gnihton" in page
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy
    for kind, body in re.findall(r"<(script|style)>(.*?)</\1>", page, re.DOTALL):
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        told = policy[1].replace("&#39;", "'")
        assert f"{kind}-src 'sha256-{digest}'" in told and "default-src 'none'" in told
    assert not re.search(
        r"\son\w+=|https?://|\bsrc=|innerHTML|\beval\b", page.replace(shown, "")[:9000]
    )


def test_a_hostile_run_name_is_text() -> None:
    page = render_page("</title><script>alert(1)</script>{{7*7}}", {"audit": "", "queries": []})
    assert page.count("<script") == 2 and "{{7*7}}" in page


def test_escaped_json_is_the_same_data() -> None:
    data = {"</script>": ["<!--", "&amp;", "\u2028\u2029", "\\u003c", "\x00\x7f\ud83d\ude00"[:4]]}
    text = escape_json(data)
    assert json.loads(text) == data and not set("<>&\u2028\u2029") & set(text)


# --- the command ------------------------------------------------------------------------------


def test_the_command_says_where_page_and_key_are(pipeline: Pipeline, tmp_path: Path) -> None:
    page = tmp_path / "to send" / "page.html"
    result = call("hostile.yaml", "--n", "4", "--out", str(page))
    assert result.exit_code == 0, result.output
    assert f"{page}: 4 of" in said(result) and "16 passages to mark" in said(result)
    assert len(data_of(page)["queries"]) == 4
    assert [p.name for p in page.parent.iterdir()] == ["page.html"]  # the key stays with the run
    assert call("hostile.yaml", "--out", str(page)).exit_code == 0  # an old page is replaced


def test_more_than_there_are_is_said(pipeline: Pipeline) -> None:
    result = call("hostile.yaml", "--n", "1000")
    n = len(list(pipeline.rows(Example)))
    assert result.exit_code == 0 and f"1000 were asked for; the run has {n} examples" in said(
        result
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.yaml"], "There is no pipeline file 'nowhere.yaml'"),
        (["hostile.yaml", "--set", "run=other"], "An audit needs a finished run"),
        (["hostile.yaml", "--out", "hostile.yaml"], "exists and is no audit page"),
        (["hostile.yaml", "--out", "."], "is a folder"),
        (["hostile.yaml", "--per-query", "2"], "greater than or equal to 3"),
        (["hostile.yaml", "--n", "0"], "greater than or equal to 1"),
        (["hostile.yaml", "more.json"], "add --score"),
        (["hostile.yaml", "--json", "x.json"], "add --score"),
    ],
)
def test_mistakes_end_with_status_2_and_nothing_written(
    arguments: list[str], message: str, pipeline: Pipeline
) -> None:
    before = {p: p.stat().st_mtime_ns for p in Path().rglob("*") if p.is_file()}
    result = call(*arguments)
    assert result.exit_code == 2 and message in said(result)
    assert {p: p.stat().st_mtime_ns for p in Path().rglob("*") if p.is_file()} == before


def test_examples_of_other_judgements_are_refused(tmp_path: Path, monkeypatch: Any) -> None:
    run_hostile(tmp_path)
    monkeypatch.chdir(tmp_path)
    settings = yaml.safe_load(Path("hostile.yaml").read_text())
    settings["judgements"] = {"scorers": [{"kind": "unigram", "mu": 50}]}
    Path("hostile.yaml").write_text(yaml.safe_dump(settings))
    fret.load("hostile.yaml").run(["judgements"], redo="judgements")
    result = call("hostile.yaml")
    assert result.exit_code == 2, result.output


@pytest.mark.slow
def test_grades_of_the_judge_stand_in_the_key(llm_pipeline: Path) -> None:
    pipeline = fret.load(llm_pipeline)
    pipeline.run()
    made = pipeline.audit(5)
    key = key_of(pipeline, made.id)
    assert [(j.scorer, j.model) for j in key.judges] == [("relevance", "tiny")]
    grades = [g for q in key.queries.values() for p in q.passages.values() for g in p.grades]
    assert len(grades) == made.n_passages and all(g is None or 0 <= g <= 3 for g in grades)
    assert any(g is not None for g in grades)
