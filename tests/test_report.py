"""The report's files: figures, marks, bounded parts, pictures, and the command."""

import base64
import hashlib
import json
import re
import struct
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import fret
from fret.cli import app
from fret.errors import UserError
from fret.figures import percent
from fret.pipeline import Pipeline
from fret.records import Example
from fret.report import write_report
from fret.report.counting import BoundedCounter, Lowest, draw, share_out
from fret.report.drawing import Bars, Histograms, Panel, Shares, clip_label
from fret.report.gather import RANKS, gather
from fret.report.pictures import draw as draw_chart
from fret.report.pictures import forget_drawn
from fret.report.source import N_TO_READ
from fret.report.to_read import _ROOM
from fret.retrieval.query_words import QueryWords
from fret.single_page import escape_json
from fret.sites import site_of
from fret.store import Run
from report_runs import run_hostile, run_single
from report_scale import write_run

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    return run_hostile(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def written(hostile: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the report of the hostile run, written twice: in `one` and in `two`."""
    folder = tmp_path_factory.mktemp("written")
    for name in ("one", "two"):
        forget_drawn()
        write_report(folder / name, Run(hostile.stored.path.parent, hostile.name))
    return folder


def data_of(page: Path) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text())
    assert found
    return dict(json.loads(found[1]))


# --- counting ---------------------------------------------------------------------------------


def test_the_lowest_draws_are_kept_whatever_the_order() -> None:
    ids = [f"q{i}" for i in range(500)]
    expected = sorted(ids, key=draw)[:20]
    for order in (ids, ids[::-1]):
        lowest: Lowest[str] = Lowest(20)
        for query_id in order:
            if lowest.wants(draw(query_id)):
                lowest.add(draw(query_id), query_id)
        assert list(lowest) == expected


def test_a_full_counter_keeps_what_is_frequent() -> None:
    counter = BoundedCounter(100)
    for i in range(10_000):
        counter.add("often" if i % 3 == 0 else f"once {i}")
    assert len(counter) <= 100 and not counter.is_exact
    assert counter.ranked()[0] == ("often", 3_334)
    small = BoundedCounter(100)
    for name in "abcab":
        small.add(name)
    assert small.is_exact and small.ranked() == [("a", 2), ("b", 2), ("c", 1)]


def test_places_are_shared_by_the_root_of_the_size() -> None:
    assert share_out({"a": 3, "b": 2}, 10) == {"a": 3, "b": 2}
    shares = share_out({"large": 10_000, "middle": 100, "small": 1}, 111)
    assert sum(shares.values()) == 111 and shares["small"] == 1
    assert shares["large"] == pytest.approx(100, abs=2)
    many = share_out({f"group {i}": 1 + i for i in range(1_000)}, 300)
    assert sum(many.values()) == 300 and max(many.values()) <= 2


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0%"), (1, "100%"), (0.0004, "under 0.1%"), (0.9996, "over 99.9%"), (0.1654, "16.5%")],
)
def test_a_share_is_never_told_as_none_or_all_where_it_is_not(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://www.A.example:8080/x", "a.example"),
        ("folder/page.htm", ""),
        ("", ""),
        ("http://[bad", ""),
    ],
)
def test_sites_of_addresses(url: str, site: str) -> None:
    assert site_of(url) == site


# --- marks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "language", "text", "marked"),
    [
        ("how do ships sail", "en", "A SHIP sails; the how.", ["SHIP", "sails"]),
        ("aceite de oliva", "es", "Los aceites de oliva.", ["aceites", "oliva"]),
        ("東京の春", "ja", "今日は東京の春。", ["東京の春"]),
        ("stop", "", "Ｓｔｏｐ it", ["Ｓｔｏｐ"]),
        ("what is the", "en", "what is the", []),
        ("smile 😀", "en", "😀 smiled 😀", ["smiled"]),
        ("x", "en", "", []),
    ],
)
def test_words_of_the_query_are_marked(
    query: str, language: str, text: str, marked: list[str]
) -> None:
    pieces = QueryWords(query, language).cut(text)
    assert "".join(pieces) == text and len(pieces) % 2 == 1
    assert pieces[1::2] == marked


# --- figures ----------------------------------------------------------------------------------


def test_figures_are_those_of_the_rows(hostile: Pipeline) -> None:
    rows = list(hostile.rows(Example))
    found = gather(rows, n_to_read=5, relevant_from=2.0)
    assert found.n == len(rows) and found.positive_grades == Counter()
    ranks = found.ranks["positive, by unigram"]
    assert ranks.total() == len(rows) and set(ranks) <= set(RANKS)
    assert ranks["1"] == sum(row.positive_ranks[0] == 1 for row in rows)
    pairs = [
        (row.positive_scores[0], scores[0])
        for row in rows
        for scores in row.negative_scores
        if row.positive_scores[0] is not None and scores[0] is not None
    ]
    won = sum(1.0 if a > b else 0.5 * (a == b) for a, b in pairs)  # type: ignore[operator]
    assert (found.duels["unigram"].of, found.duels["unigram"].won) == (len(pairs), won)
    assert sum(n for _, n in found.sites.ranked()) == len(rows)


def test_every_example_of_a_small_run_can_be_read(hostile: Pipeline, written: Path) -> None:
    rows = {row.query_id: row for row in hostile.rows(Example)}
    told = {e["id"]: e for e in data_of(written / "one" / "report.html")["examples"]}
    assert told.keys() == rows.keys()
    for query_id, shown in told.items():
        row = rows[query_id]
        positive, *others = shown["passages"]
        assert (positive["role"], "".join(positive["text"])[:15]) == (
            "positive",
            row.positive.replace("\u202e", "\ufffd")[:15],
        )
        assert [p["pick"] for p in others if p["role"] == "negative"] == list(row.negative_picks)
        assert shown["reasons"] == sorted(set(row.refused_reasons))


def test_a_judges_grades_and_the_cost_are_told(llm_pipeline: Path) -> None:
    priced = llm_pipeline.read_text().replace("timeout_s: 5}", "timeout_s: 5, price: PRICE}")
    llm_pipeline.write_text(priced.replace("PRICE", "{input: 2.0, output: 10.0}"))
    pipeline = fret.load(llm_pipeline)
    pipeline.run()
    page = pipeline.report()
    rows = list(pipeline.rows(Example))
    relevant = sum(row.positive_grade is not None and row.positive_grade >= 2 for row in rows)
    text = page.read_text()
    assert f'<dd class="figure">{percent(relevant / len(rows))}</dd>' in text
    assert "of the graded positives count as relevant" in text and "No judge graded" not in text
    assert "answers of language models" in text and "tokens for each example" in text
    assert (page.parent / "pictures" / "grades.png").exists()
    usage = [manifest.usage for manifest in pipeline.status()]
    tokens_in, tokens_out = (
        sum(u.get(key, 0) for u in usage) for key in ("input_tokens", "output_tokens")
    )
    assert tokens_in > 0 and f"${(2 * tokens_in + 10 * tokens_out) / 1e6:,.2f} by the" in text


def test_one_example_whose_negative_nobody_scored(tmp_path: Path) -> None:
    pipeline = run_single(tmp_path)
    (row,) = pipeline.rows(Example)
    page = pipeline.report()
    text = page.read_text()
    assert '<dd class="figure">1</dd>' in text and len(data_of(page)["examples"]) == 1
    assert row.negatives
    found = gather([_without_scores(row)], n_to_read=5, relevant_from=2.0)
    assert found.duels == {} and found.ranks["positive, by unigram"]["1"] == 1


def _without_scores(row: Example) -> Example:
    from dataclasses import replace

    return replace(row, negative_scores=((None,),) * len(row.negatives))


def test_without_scores_of_negatives_the_report_says_so(tmp_path: Path) -> None:
    pipeline = run_single(tmp_path)
    stored = pipeline.stored
    (row,) = pipeline.rows(Example)

    class Count:
        read, usage = 1, dict[str, float]()

    stored.stage("examples").write_shard(0, Example, [_without_scores(row)], count=Count())
    write_report(tmp_path / "out", Run(stored.path.parent, stored.name))
    text = (tmp_path / "out" / "report.html").read_text()
    assert "No negative has a score, so positives cannot be compared with them." in text


# --- bounds and equality ----------------------------------------------------------------------


def test_many_examples_give_a_bounded_page_of_every_group(
    hostile: Pipeline, tmp_path: Path
) -> None:
    n = 1_200
    run = write_run(tmp_path, hostile.stored, n)
    pictures = write_report(tmp_path / "out", run)
    page = tmp_path / "out" / "report.html"
    examples = data_of(page)["examples"]
    assert len(examples) == N_TO_READ and page.stat().st_size < 15_000_000
    assert f"{N_TO_READ} of {n:,} examples, drawn over" in page.read_text()
    assert len({e["language"] for e in examples}) >= 39
    for example in examples:
        size = sum(len(escape_json("".join(p["text"])).encode()) for p in example["passages"])
        assert size <= _ROOM
    assert all((tmp_path / "out" / p.path).stat().st_size < 300_000 for p in pictures)


def test_equal_runs_give_equal_files(written: Path) -> None:
    one, two = written / "one", written / "two"
    files = [p.relative_to(one) for p in one.rglob("*") if p.is_file()]
    assert len(files) > 5
    for file in files:
        assert (one / file).read_bytes() == (two / file).read_bytes()
        assert str(written.parent).encode() not in (one / file).read_bytes()


def test_pictures_are_named_and_told(hostile: Pipeline, tmp_path: Path) -> None:
    old = tmp_path / "pictures" / "old.png"
    old.parent.mkdir()
    old.touch()
    pictures = write_report(tmp_path, hostile.stored)
    # What was there before is gone.
    assert {tmp_path / p.path for p in pictures} == set(old.parent.iterdir())
    assert [Path(p.path).name for p in pictures][:2] == ["funnel.png", "task-types.png"]
    for picture in pictures:
        data = (tmp_path / picture.path).read_bytes()
        width, height = struct.unpack(">II", data[16:24])
        assert data.startswith(b"\x89PNG") and width == 840 and 100 < height < 1500
        assert b"tEXt" not in data and b"tIME" not in data  # no version, no date
        assert picture.caption.endswith(".") and len(picture.caption) < 400


# --- safety -----------------------------------------------------------------------------------


def test_nothing_of_the_run_can_become_markup(written: Path) -> None:
    page = (written / "one" / "report.html").read_text()
    assert page.count("<script") == page.count("</script") == 2 and "{{" not in page.replace(
        "{{7*7}}", ""
    )
    assert not set("\x7f\u202e\u2066") & set(page)
    assert not re.search(r"\sstyle=|\son\w+=\"|<img|<link|<a href=\"[^#]|\bsrc=", page)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy and "default-src &#39;none&#39;" in policy[1]
    for kind, body in re.findall(r"<(script|style)>(.*?)</\1>", page, re.DOTALL):
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy[1].replace("&#39;", "'")


HARD_NAMES = ["</svg><script>x</script>", "$x^2$ \\frac", "a\x00b\ufffe\u202e", "字" * 50, ""]


@pytest.mark.parametrize(
    "form",
    [
        Bars(HARD_NAMES, [[1.0, 0.0, 2.0, 3.0, 0.0]], ["1", "0", "2", "3", "0"]),
        Bars(["none"], [[0.0], [0.0]], ["0"], names=("a", "b")),
        Shares(HARD_NAMES, [[0.5, 0.5]] * 5, ("x", "y")),
        Histograms([Panel("$x$ \x00 字", [0, 1, 2], [("a", [0.5, 0.5]), ("b", [0.0, 1.0])])]),
        Histograms([Panel("one", [0, 1], [("a", [1.0])], at=0.5, is_whole=True)]),
    ],
)
def test_any_name_can_be_drawn(form: Any) -> None:
    svg, png = draw_chart("x", form)
    assert "<script" not in svg and "style=" not in svg and "<style" not in svg
    assert not re.search(r"#[0-9a-f]{6}\b", svg.replace("&#", ""))  # every colour is a class
    ids = set(re.findall(r'id="([^"]+)"', svg))
    assert ids == set(re.findall(r'(?:url\(|href=")#([^")]+)', svg))
    forget_drawn()
    assert png.startswith(b"\x89PNG") and (svg, png) == draw_chart("x", form)


def test_a_chart_that_was_drawn_is_not_taken_for_another() -> None:
    bars = {"labels": ["a"], "parts": [[1.0]], "notes": ["1"]}
    first = draw_chart("x", Bars(**bars))
    assert draw_chart("x", Bars(**bars)) == first
    others = (("y", bars), ("x", bars | {"notes": ["2"]}), ("x", bars | {"labels": ["b"]}))
    assert all(draw_chart(name, Bars(**other)) != first for name, other in others)


def test_labels_are_one_short_line() -> None:
    assert clip_label("a\nb\u202ec") == "a b\ufffdc" and clip_label("") == "(none)"
    assert len(clip_label("x" * 99)) == 30


# --- the command ------------------------------------------------------------------------------


def test_the_command_writes_the_page_anew_and_says_where(small: Path) -> None:
    fret.load(small).run()
    page = fret.load(small).stored.dataset_dir / "report.html"
    page.unlink(missing_ok=True)
    done = RUNNER.invoke(app, ["report", str(small)])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[0] == str(page) and page.exists()
    assert (page.parent / "pictures" / "funnel.png").exists()
    assert fret.load(small).dataset()["train"].num_rows > 0  # it still loads


def test_examples_that_do_not_fit_are_told(tmp_path: Path) -> None:
    pipeline = run_single(tmp_path)
    manifest = pipeline.stored.path / "examples" / "manifest.json"
    data = json.loads(manifest.read_text())
    before = (pipeline.report()).read_bytes()
    for change, message in (
        ({"reads": {"judgements": "0" * 64}}, "were made from other judgements"),
        ({"measures": {}}, "are of another version of fret"),
    ):
        manifest.write_text(json.dumps({**data, **change}))
        with pytest.raises(UserError, match=message):
            pipeline.report()
    assert (pipeline.stored.dataset_dir / "report.html").read_bytes() == before


@pytest.mark.parametrize(
    ("begin", "message"),
    [
        ([], "There is no run in"),
        (["pages", "passages"], "the stage queries is not done"),
    ],
)
def test_an_unfinished_run_is_told(begin: list[str], message: str, small: Path) -> None:
    if begin:
        fret.load(small).run(begin)
    before = sorted(Path().rglob("*"))
    done = RUNNER.invoke(app, ["report", str(small)])
    assert done.exit_code == 2 and message in " ".join(done.output.split())
    assert not fret.load(small).stored.dataset_dir.exists()
    assert begin or sorted(Path().rglob("*")) == before
