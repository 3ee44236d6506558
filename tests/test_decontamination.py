"""Passages and queries that hold what evaluation sets ask and answer."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

import fret
from conftest import page_text, write_table
from fret.errors import ConfigError, SourceError
from fret.records import Dropped, Passage, Query
from fret.sources.evaluation_sets import read_beir, read_hub, read_table, read_whole
from fret.text.decontaminate import EvaluationText, EvaluationTexts, Match
from test_cli import call

SHARED = Path(__file__).parents[2] / "shared" / "data" / "retrieval"
QUERY = "what similarity laws must be obeyed when constructing aeroelastic models of hot aircraft"
SHORT = "how do I reset my kettle"


def build(*texts: str, ngram: int = 13, shortest: int = 5) -> EvaluationTexts:
    items = (EvaluationText("set", str(n), "query", text) for n, text in enumerate(texts))
    return EvaluationTexts(items, ngram=ngram, shortest=shortest)


def matched(sets: EvaluationTexts, text: str) -> list[tuple[str, str]]:
    return [(match.item, match.matched) for match in sets.find(text)]


def test_thirteen_words_in_a_row_are_a_match_and_twelve_are_none() -> None:
    sets = build(QUERY)
    words = QUERY.split()
    assert len(words) == 13
    found = matched(sets, f"They asked: {QUERY.upper()}?! Nobody knew.")
    assert found == [("0", QUERY)]
    assert matched(sets, f"They asked {' '.join(words[:12])} and more") == []
    assert matched(sets, " ".join([*words[:6], "really", *words[6:]])) == []
    assert matched(build(QUERY, ngram=5), f"{' '.join(words[3:8])} x") == [
        ("0", " ".join(words[3:8]))
    ]


def test_a_shorter_text_matches_as_a_whole_unless_it_is_too_short() -> None:
    sets = build(SHORT, "a kettle")
    assert matched(sets, f"Frequently asked. {SHORT}? Press the button.") == [("0", SHORT.lower())]
    assert matched(sets, "How do I reset my new kettle? Buy a kettle.") == []
    assert [m[0] for m in matched(build("a kettle", shortest=2), "Buy a kettle.")] == ["0"]


def test_a_query_matches_as_a_whole_however_short() -> None:
    sets = build(QUERY, "Kettle?")
    assert sets.find_query("kettle") == Match("set", "1", "query", "kettle")
    assert sets.find_query("kettle repair") is None
    found = sets.find_query(f"please say {QUERY}")
    assert found is not None and found.item == "0"


def test_scripts_without_spaces_are_compared_by_characters() -> None:
    query = "灯塔看守人在暴风雨之夜修剪灯芯的原因是什么"
    sets = build(query)
    assert [item for item, _ in matched(sets, f"问题。{query}？答案")] == ["0"]
    assert matched(sets, f"{query[:7]}然后{query[9:]}") == []


def test_no_text_runs_on_into_the_next() -> None:
    sets = build("one two three four five six", "seven eight nine ten eleven twelve", ngram=6)
    assert matched(sets, "four five six seven eight nine") == []
    assert [item for item, _ in matched(sets, "one two three four five six seven")] == ["0"]


def test_every_evaluation_text_is_found_in_a_text_that_holds_it() -> None:
    path = SHARED / "cranfield"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    items = list(read_beir(path))
    sets = EvaluationTexts(
        (EvaluationText("cranfield", *item) for item in items), ngram=13, shortest=5
    )
    assert len(items) == len(sets) > 1000
    assert {kind for _, kind, _ in items} == {"query", "passage"}
    for item, kind, text in items[::7]:
        if len(text.split()) >= 5:
            found = sets.find(f"Before it {text} and after")
            assert (item, kind) in {(m.item, m.kind) for m in found} or len(found) >= 8
    other = SHARED / "xquad" / "en" / "corpus.jsonl"
    for line in other.read_text("utf-8").splitlines():
        assert sets.find(json.loads(line)["text"]) == []


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def write_beir(folder: Path, text: str = "An answer") -> Path:
    write_rows(folder / "queries.jsonl", [{"_id": "q1", "text": "A query"}])
    corpus = [{"_id": "d1", "text": text}, {"_id": "d2", "text": "No answer"}]
    write_rows(folder / "corpus.jsonl", corpus)
    (folder / "qrels").mkdir()
    (folder / "qrels" / "test.tsv").write_text(
        "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t0\n", "utf-8"
    )
    return folder


def test_of_a_beir_folder_queries_and_relevant_passages_are_read(tmp_path: Path) -> None:
    found = list(read_beir(write_beir(tmp_path / "set")))
    assert found == [("q1", "query", "A query"), ("d1", "passage", "An answer")]


def test_tables_are_read_by_column(tmp_path: Path) -> None:
    rows = [{"id": "a", "query": "First", "text": "x"}, {"query": "Second", "text": "y"}]
    path = write_rows(tmp_path / "t" / "rows.jsonl", rows)
    expected = [("a", "query", "First"), ("rows.jsonl:2", "query", "Second")]
    assert list(read_table(path, field="query", id="id")) == expected
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    found = list(read_table(tmp_path / "rows.parquet", field="query", id=None))
    assert found == [("rows.parquet:1", "query", "First"), ("rows.parquet:2", "query", "Second")]


def test_a_data_set_is_read_by_its_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "set"
    folder.mkdir()
    rows = [{"_id": "7", "text": "A question", "n": 1}]
    pq.write_table(pa.Table.from_pylist(rows), folder / "test.parquet")
    options: dict[str, Any] = {"config": None, "split": "test", "revision": None, "id": "_id"}
    assert list(read_hub(str(folder), field="text", **options)) == [("7", "query", "A question")]
    with pytest.raises(SourceError, match=r"no column 'query'.*it has: _id, text, n"):
        list(read_hub(str(folder), field="query", **options))
    with pytest.raises(SourceError, match=r"cannot be loaded.*without a network"):
        list(read_hub("nobody/has-this-set", field="text", **options))


def test_sets_that_are_not_there_broken_or_empty_are_errors(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no queries\.jsonl"):
        list(read_beir(tmp_path))
    with pytest.raises(SourceError, match="holds no tables"):
        list(read_table(tmp_path, field="text", id=None))
    empty = write_rows(tmp_path / "empty.jsonl", [{"text": "  "}])
    with pytest.raises(SourceError, match="holds no text"):
        read_whole(lambda: read_table(empty, field="text", id=None), "empty")
    with pytest.raises(SourceError, match=r"without text in the column 'query'.*it has: text"):
        list(read_table(empty, field="query", id=None))
    broken = write_beir(tmp_path / "broken")
    (broken / "qrels" / "test.tsv").write_text("q1 d1 1\n", "utf-8")
    with pytest.raises(SourceError, match="line 1"):
        list(read_beir(broken))


def find_sentence() -> str:
    return next(s for s in page_text("stove", "repair").split(". ") if "in this repair" in s)


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pages of which two hold an answer of an evaluation set."""
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "pages.jsonl", ["kettle", "stove"])
    write_beir(tmp_path / "set", find_sentence())
    data = {
        "run": "r",
        "pages": {"source": {"kind": "jsonl", "path": "pages.jsonl"}, "shard_pages": 2},
        "passages": {
            "min_size": 10,
            "duplicates": {"near": None},
            "decontamination": {"against": [{"kind": "beir", "path": "set"}]},
        },
        "queries": {"writer": {"kind": "template"}, "checks": False},
        "candidates": {"top_k": 4, "dense": None},
        "judgements": {"scorers": [{"kind": "unigram"}]},
    }
    path = tmp_path / "p.yaml"
    path.write_text(yaml.safe_dump(data), "utf-8")
    return path


@pytest.mark.parametrize("action", ["drop", "warn"])
def test_each_match_is_listed_and_dropped_where_that_is_wanted(pipeline: Path, action: str) -> None:
    loaded = fret.load("p.yaml", overrides=[f"passages.decontamination.action={action}"])
    loaded.run(["pages", "passages"])
    run, manifest = loaded.stored, loaded.stored.stage("passages").require()
    listed = run.stage("passages").path / "kept" / "contamination.jsonl"
    (row,) = map(json.loads, listed.read_text("utf-8").splitlines())
    assert row["url"] == "https://home.example/stove/repair"
    assert (row["set_name"], row["item"], row["kind"]) == ("set", "d1", "passage")
    assert "stove in this repair guide" in row["matched"]
    assert manifest.measures["passages"]["contamination"] == {"matches": 1, "passages": 1}
    kept = {passage.id for passage in run.rows(Passage)}
    dropped = list(run.stage("passages").rows(Dropped, dropped=True))
    assert (row["passage_id"] in kept) == (action == "warn")
    assert [d.reason for d in dropped] == (["in_evaluation_set"] if action == "drop" else [])
    assert "1 match in 1 passage" in call("status", "p.yaml").output
    if action == "drop":
        shown = call("show", "p.yaml", "passages", "--dropped").output
        assert "in_evaluation_set" in shown and "stove in this" in " ".join(shown.split())


def test_queries_that_an_evaluation_set_asks_are_dropped(pipeline: Path) -> None:
    without = fret.load("p.yaml", overrides=["passages.decontamination=null", "run=without"])
    without.run(["pages", "passages", "queries"])
    asked = [query.text for query in without.rows(Query)]
    write_rows(Path("set/queries.jsonl"), [{"_id": "q9", "text": f"{asked[0].upper()} ?"}])
    loaded = fret.load("p.yaml")
    loaded.run(["pages", "passages", "queries"])
    kept = [query.text for query in loaded.rows(Query)]
    dropped = list(loaded.stored.stage("queries").rows(Dropped, dropped=True))
    assert asked[0] not in kept and kept
    assert {row.reason for row in dropped} == {"in_evaluation_set"}
    assert all("of the query q9 in set" in row.detail for row in dropped)


@pytest.mark.parametrize(
    ("against", "message"),
    [
        ({"kind": "beir", "path": "nowhere"}, "nowhere does not exist"),
        ({"kind": "jsonl", "path": "pages.jsonl", "field": "query"}, "column 'query'"),
        ({"kind": "hub", "name": "nobody/has-this-set"}, "cannot be loaded"),
    ],
)
def test_a_set_that_cannot_be_read_stops_the_run_before_any_work(
    pipeline: Path, against: dict[str, str], message: str
) -> None:
    data = yaml.safe_load(pipeline.read_text("utf-8"))
    data["passages"]["decontamination"]["against"] = [against]
    pipeline.write_text(yaml.safe_dump(data), "utf-8")
    with pytest.raises(SourceError, match=message):
        fret.load("p.yaml").run()
    assert not Path("data").exists()
    data["passages"]["decontamination"]["against"] = []
    pipeline.write_text(yaml.safe_dump(data), "utf-8")
    with pytest.raises(ConfigError, match="against"):
        fret.load("p.yaml")
