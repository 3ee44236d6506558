"""The stage candidates on small pages: its pool, its kinships, its figures."""

from pathlib import Path
from typing import Any

import pytest
import yaml

import fret
from conftest import SUBJECTS, write_table
from fret.display_measures import describe_candidates
from fret.errors import ConfigError
from fret.pipeline import Pipeline
from fret.records import Candidates, Passage, Query
from fret.stages.base import Silence

UP_TO_CANDIDATES = ["pages", "passages", "queries", "candidates"]


class Told(Silence):
    """Keeps what a person would be told."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warned(self, message: str) -> None:
        self.warnings.append(message)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pages without HTML, which would take a process longer to read than all the rest."""
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "pages.jsonl", SUBJECTS)
    return tmp_path


def load(*, queries: Any = None, **candidates: Any) -> Pipeline:
    sections = {
        "run": "r",
        "pages": {"source": {"kind": "jsonl", "path": "pages.jsonl"}, "workers": 1},
        "passages": {"max_size": 60, "min_size": 10},
        "queries": queries or {"writer": {"kind": "template"}, "checks": False},
        "candidates": {"top_k": 6, "dense": None, **candidates},
        "judgements": {"scorers": [{"kind": "unigram"}]},
    }
    Path("p.yaml").write_text(yaml.safe_dump(sections), "utf-8")
    return fret.load("p.yaml")


def run(pipeline: Pipeline, told: Told | None = None, redo: str | None = None) -> Pipeline:
    pipeline.run(UP_TO_CANDIDATES, observer=told, redo=redo)
    return pipeline


def test_both_backends_write_the_same_candidates(place: Path) -> None:
    one = list(run(load(bm25={"backend": "rank-bm25"})).rows(Candidates))
    again = run(load(bm25={"backend": "bm25s"}), redo="candidates")
    assert list(again.rows(Candidates)) == one
    kept = again.stored.path / "passages" / "kept"
    assert {path.name for path in kept.iterdir()} == {"lookup", "bm25", "notes"}


def test_kinships_run_beside_the_candidates(place: Path) -> None:
    pipeline = run(load())
    passages = {passage.id: passage for passage in pipeline.rows(Passage)}
    kinds = set()
    for record in pipeline.rows(Candidates):
        seed = passages[record.seed_id]
        assert len(record.kinships) == len(record.passage_ids)
        for passage_id, kinship in zip(record.passage_ids, record.kinships, strict=True):
            assert (kinship == "seed") == (passage_id == seed.id)
            if kinship == "same_page":
                assert passages[passage_id].page_id == seed.page_id
            if not kinship:
                assert passages[passage_id].page_id != seed.page_id
            kinds.add(kinship)
    assert kinds >= {"seed", ""}


def test_the_figures_are_in_the_manifest(place: Path) -> None:
    measures = run(load()).status()[3].measures
    assert list(measures["seed_recall"]["bm25"]) == ["@1", "@5", "@20", "@100"]
    assert measures["pool_overlap"] is None  # one retriever
    for work in ("index", "search"):
        assert measures["retrieval"][work]["seconds"] >= 0
        assert 10 < measures["retrieval"][work]["peak_mb"] < 100_000


def test_the_figures_are_told_in_two_lines() -> None:
    found = {
        "seed_recall": {"bm25": {"@1": 0.5, "@100": 1.0}, "fused": {"@1": 0.25, "@100": 1.0}},
        "pool_overlap": 0.125,
        "retrieval": {
            "index": {"seconds": 3.14, "peak_mb": 1234},
            "search": {"seconds": 2.0, "peak_mb": 5},
        },
    }
    assert list(describe_candidates(found)) == [
        "seed found: bm25 @1 0.50 @100 1.00; fused @1 0.25 @100 1.00",
        "candidates: both retrievers found 12% of the pool; word index 3.1 s, peak 1,234 MB; "
        "search 2.0 s, peak 5 MB",
    ]
    assert list(describe_candidates({})) == []  # another stage's


def test_fewer_passages_than_wanted_candidates_work_and_are_told(place: Path) -> None:
    told = Told()
    pipeline = run(load(top_k=500, deeper_to=None), told)
    n = pipeline.stored.n_rows(Passage)
    assert any(
        f"The run has {n} passages, fewer than candidates.top_k = 500" in w for w in told.warnings
    )
    assert all(len(record.passage_ids) <= n for record in pipeline.rows(Candidates))
    quiet = Told()
    run(load(top_k=n, deeper_to=None), quiet, redo="candidates")
    assert quiet.warnings == []


def test_an_own_query_without_any_known_word_is_dropped(place: Path) -> None:
    (place / "q.jsonl").write_text('{"text": "xyzzy plugh"}\n{"text": "descaling kettles"}\n')
    pipeline = run(load(queries={"writer": {"kind": "file", "path": "q.jsonl"}}))
    (record,) = pipeline.rows(Candidates)
    (known,) = (q for q in pipeline.rows(Query) if q.id == record.query_id)
    assert known.text == "descaling kettles" and record.seed_id is None
    assert known.language == "" and record.bm25_ranks[0] == 1  # by stems, in the passages' language
    assert set(record.kinships) == {""}
    assert pipeline.status()[3].reasons == {"too_few_candidates": 1}


def test_no_ranking_that_counts_is_refused(place: Path) -> None:
    with pytest.raises(ConfigError, match=r"weights\.bm25 and weights\.dense cannot both be 0"):
        load(fusion={"weights": {"bm25": 0, "dense": 0}})


def test_of_one_retriever_the_weight_is_of_no_account(place: Path) -> None:
    expected = list(run(load()).rows(Candidates))
    none = load(fusion={"weights": {"bm25": 0}})
    assert list(run(none, redo="candidates").rows(Candidates)) == expected


def test_a_damaged_index_is_made_anew_and_told(place: Path) -> None:
    expected = list(run(load(bm25={"backend": "bm25s"})).rows(Candidates))
    (index,) = (load().stored.path / "passages" / "kept" / "bm25").iterdir()
    (index / "data.csc.index.npy").write_bytes(b"x")
    told = Told()
    again = run(load(bm25={"backend": "bm25s"}), told, redo="candidates")
    assert list(again.rows(Candidates)) == expected
    assert [str(index) in warning for warning in told.warnings] == [True]


@pytest.mark.parametrize("name", ["order.npy", "ids.npy", "passages.arrow"])
def test_a_damaged_lookup_is_made_anew_and_told(place: Path, name: str) -> None:
    expected = list(run(load()).rows(Candidates))
    (lookup,) = (load().stored.path / "passages" / "kept" / "lookup").iterdir()
    data = bytearray((lookup / name).read_bytes())
    data[-7:] = b"damaged"
    (lookup / name).write_bytes(data)
    told = Told()
    again = run(load(), told, redo="candidates")
    assert list(again.rows(Candidates)) == expected
    assert [str(lookup) in warning for warning in told.warnings] == [True]
