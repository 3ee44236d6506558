"""Held-out splits as retrieval sets: what is in the corpus, what is relevant, and how it reads."""

from pathlib import Path

import pytest
import yaml

import fret
from conftest import SMALL_PIPELINE, SUBJECTS, write_table
from fret.choosing.splits import HeldOutPage, Sides
from fret.errors import StoreError
from fret.held_out import HeldOut, list_held_out
from fret.pipeline import Pipeline
from fret.records import Example, Judgement, Passage

PAGES = {"source": {"kind": "jsonl", "path": "pages.jsonl"}}
SPLITS = {"validation": 0.35, "test": 0.35}
SEED = 4  # with this one, all three splits have examples


@pytest.fixture
def done(workplace: Path) -> Pipeline:
    negatives = {"max_similarity": None, "unjudged_similarity": None, "max_overlap": None}
    settings = {**SMALL_PIPELINE, "examples": {"splits": SPLITS, "negatives": negatives}}
    settings |= {"seed": SEED, "pages": PAGES}
    write_table(Path("pages.jsonl"), SUBJECTS)
    Path("small.yaml").write_text(yaml.safe_dump(settings), "utf-8")
    pipeline = fret.load("small.yaml")
    pipeline.run()
    return pipeline


def side_of(page_id: str) -> str:
    return Sides(SPLITS, SEED).of(page_id)


def test_a_corpus_is_all_passages_of_its_side_and_no_other(done: Pipeline) -> None:
    run = done.stored
    passages = list(run.rows(Passage))
    for split in list_held_out(run):
        found = list(HeldOut(run, split).rows("corpus"))
        expected = [p for p in passages if side_of(p.page_id) == split]
        assert [row["_id"] for row in found] == [p.id for p in expected]
        assert found[0] == {
            "_id": expected[0].id,
            "title": expected[0].full_title,
            "text": expected[0].text,
        }
    assert list_held_out(run) == ["validation", "test"]


def test_every_query_of_a_split_has_its_positive_in_the_corpus(done: Pipeline) -> None:
    run = done.stored
    for split in list_held_out(run):
        held_out = HeldOut(run, split)
        corpus = {row["_id"] for row in held_out.rows("corpus")}
        examples = [e for e in run.rows(Example) if e.split == split]
        assert [row for row in held_out.rows("queries")] == [
            {"_id": e.query_id, "text": e.query} for e in examples
        ]
        assert list(held_out.rows("instruction")) == [
            {"query-id": e.query_id, "instruction": e.task} for e in examples
        ]
        # Nobody grades here, so nothing but the positive is known to be relevant.
        assert list(held_out.rows("qrels")) == [
            {"query-id": e.query_id, "corpus-id": e.positive_id, "score": 1} for e in examples
        ]
        assert {e.positive_id for e in examples} <= corpus


def test_what_the_judge_found_relevant_counts_by_its_grade(llm_pipeline: Path) -> None:
    settings = yaml.safe_load(llm_pipeline.read_text("utf-8")) | {"pages": PAGES}
    write_table(Path("pages.jsonl"), SUBJECTS)
    settings["examples"] |= {"splits": {"test": 0.7}, "relevant_from": 0.5, "min_relevance": 0.0}
    settings["examples"]["extra_positives"] = None
    llm_pipeline.write_text(yaml.safe_dump(settings), "utf-8")
    pipeline = fret.load(llm_pipeline)
    pipeline.run()
    run = pipeline.stored
    found = {query.id: query.relevant for query in HeldOut(run, "test").queries()}
    corpus = {row["_id"] for row in HeldOut(run, "test").rows("corpus")}
    judged = {j.query_id: j for j in run.rows(Judgement)}
    examples = [e for e in run.rows(Example) if e.split == "test"]
    assert list(found) == [e.query_id for e in examples]
    for example in examples:
        judgement = judged[example.query_id]
        (grades,) = [s.grades for s in judgement.scorings if s.kind == "relevance"]
        expected = {
            passage: max(1, int(grade + 0.5))
            for passage, grade in zip(judgement.passage_ids, grades, strict=True)
            if grade is not None and grade >= 0.5 and passage in corpus
        }
        assert found[example.query_id] == expected | {
            example.positive_id: found[example.query_id][example.positive_id]
        }
        assert next(iter(found[example.query_id])) == example.positive_id
    assert any(len(relevant) > 1 for relevant in found.values())


def test_pages_of_a_group_are_on_one_side() -> None:
    pages = [f"page-{i}" for i in range(1000)]
    groups = {page: f"page-{i // 10 * 10}" for i, page in enumerate(pages)}
    sides = Sides({"test": 0.3}, 0, groups)
    for i in range(0, 1000, 10):
        assert len({sides.of(page) for page in pages[i : i + 10]}) == 1
    share = sum(sides.of(page) == "test" for page in pages) / 1000
    assert 0.15 < share < 0.45


def test_a_run_that_does_not_say_its_sides_is_told_what_to_do(done: Pipeline) -> None:
    (done.stored.path / "examples" / "kept" / HeldOutPage.FILE).unlink()
    with pytest.raises(StoreError, match="--redo examples"):
        HeldOut(done.stored, "test")
