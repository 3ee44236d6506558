"""The checks within a run: drops with reasons, the whole set over shards, a kill in the middle."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import fret
from fret.errors import UserError
from fret.records import Candidates, Dropped, Passage, Query, Record
from fret.stages import own_queries
from fret.stages.queries import QueriesByRules
from fret.store import Run

PIPELINE = """
run: r
pages: {source: {kind: jsonl, path: pages.jsonl}, shard_pages: 2}
passages: {max_size: 60, min_size: 10}
queries: {writer: {kind: template}, per_passage: 2}
candidates: {top_k: 4, dense: null}
judgements: {scorers: [{kind: unigram}]}
examples: {negatives: {count: 1}}
"""
STAGES = ("pages", "passages", "queries")


def write(folder: Path, text: str = PIPELINE) -> str:
    (folder / "p.yaml").write_text(text, "utf-8")
    return str(folder / "p.yaml")


def files_of(run: Run) -> dict[str, bytes]:
    folder = run.path / "queries"
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.parquet")}


class Stopped(Exception):
    pass


def kill_after(n: int) -> Any:
    """Return an `admit` that stops in the middle of the n-th shard that it sees."""
    admit, seen = QueriesByRules.admit, 0

    def admit_some(
        stage: QueriesByRules, records: Iterable[Record | Dropped]
    ) -> Iterator[Record | Dropped]:
        nonlocal seen
        seen += 1
        for number, record in enumerate(admit(stage, records)):
            if seen == n and number == 1:
                raise Stopped
            yield record

    return admit_some


@pytest.mark.parametrize("killed_in", [2, 4, 6])
def test_a_kill_in_the_middle_changes_nothing_of_what_repeats_what(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, killed_in: int
) -> None:
    pipeline = write(workplace)
    whole = fret.load(pipeline)
    whole.run(STAGES)
    reasons = whole.stored.stage("queries").require().reasons
    assert reasons.get("duplicate_query", 0) + reasons.get("near_duplicate_query", 0) > 0
    assert len(whole.stored.stage("queries").require().shards) == 6

    broken = fret.load(pipeline, overrides=["run=broken"])
    with monkeypatch.context() as patched:
        patched.setattr(QueriesByRules, "admit", kill_after(killed_in))
        with pytest.raises(Stopped):
            broken.run(STAGES)
    assert len(broken.stored.stage("queries").require().shards) == killed_in - 1
    broken.run(STAGES)
    assert files_of(broken.stored) == files_of(whole.stored)


def test_a_shard_lost_from_the_middle_is_made_again_as_it_was(workplace: Path) -> None:
    pipeline = fret.load(write(workplace))
    pipeline.run(STAGES)
    before = files_of(pipeline.stored)
    for name in ("part-00002.parquet", "dropped/part-00002.parquet"):
        (pipeline.stored.path / "queries" / name).unlink()
    pipeline.run(STAGES)
    assert files_of(pipeline.stored) == before


def test_every_drop_says_why_and_rows_add_up(workplace: Path) -> None:
    pipeline = fret.load(write(workplace))
    pipeline.run(STAGES)
    folder = pipeline.stored.stage("queries")
    dropped = list(folder.rows(Dropped, dropped=True))
    assert dropped and all(row.detail for row in dropped)
    assert folder.require().dropped == len(dropped) == sum(folder.require().reasons.values())


def test_switched_off_checks_drop_nothing(workplace: Path) -> None:
    off = (
        "{self_contained: false, copied: null, leaked: null, language: null, length: null, "
        "form: false, duplicates: false, near_duplicates: null}"
    )
    text = PIPELINE.replace("per_passage: 2}", f"per_passage: 2, checks: {off}}}")
    pipeline = fret.load(write(workplace, text))
    pipeline.run(STAGES)
    assert set(pipeline.stored.stage("queries").require().reasons) <= {"no_query"}


def test_own_queries_are_checked_only_when_asked(workplace: Path) -> None:
    texts = ["What does the article say about kettles?", "how to descale a kettle with vinegar"]
    texts += ["How to descale a kettle, with vinegar"]
    (workplace / "q.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
    text = PIPELINE.replace("{kind: template}, per_passage: 2", "{kind: file, path: q.jsonl}")
    pipeline = fret.load(write(workplace, text))
    pipeline.run(STAGES)
    assert [query.text for query in pipeline.rows(Query)] == texts
    pipeline = fret.load(
        str(workplace / "p.yaml"), overrides=["run=s", "queries.checks.own_queries=true"]
    )
    pipeline.run(STAGES)
    assert [query.text for query in pipeline.rows(Query)] == texts[1:2]


def write_own(folder: Path, rows: list[dict[str, Any]]) -> str:
    (folder / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    text = PIPELINE.replace(
        "{kind: template}, per_passage: 2",
        "{kind: file, path: q.jsonl}, checks: {own_queries: true}",
    )
    return write(folder, text)


def test_own_queries_say_their_language_and_task_type_or_have_the_seeds(workplace: Path) -> None:
    pipeline = fret.load(write_own(workplace, [{"text": "any text"}]))
    pipeline.run(("pages", "passages"))
    seed = next(iter(pipeline.rows(Passage)))
    rows = [
        {"text": "When was he born?", "language": "en"},
        {"text": "Why does it whistle?", "passage_id": seed.id},
        {"text": "copper kettles boil water fast", "language": "en", "task_type": "Question"},
        {"text": "old copper kettles at auctions", "passage_id": seed.id},
        {"text": "alte Kessel aus Kupfer", "language": "DE", "task_type": "keywords"},
    ]
    pipeline = fret.load(write_own(workplace, rows))
    pipeline.run(STAGES)
    found = [(q.text, q.language, q.task_type) for q in pipeline.rows(Query)]
    assert found == [
        (rows[3]["text"], seed.language, ""),
        (rows[4]["text"], "de", "keywords"),
    ]
    assert seed.language == "en"


def test_own_queries_fall_for_the_same_reasons_after_a_kill(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_queries, "_ROWS_PER_SHARD", 2)
    texts = ["What does the article say about tea?", "how to descale a kettle"] * 2
    path = write_own(workplace, [{"text": text, "language": "en"} for text in texts])
    whole = fret.load(path)
    whole.run(STAGES)
    assert whole.stored.stage("queries").require().reasons["duplicate_query"] == 2
    broken = fret.load(path, overrides=["run=broken"])
    admit, seen = own_queries.OwnQueries.admit, 0

    def admit_first(stage: Any, records: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == 2:
            raise Stopped
        return admit(stage, records)

    with monkeypatch.context() as patched:
        patched.setattr(own_queries.OwnQueries, "admit", admit_first)
        with pytest.raises(Stopped):
            broken.run(STAGES)
    broken.run(STAGES)
    assert files_of(broken.stored) == files_of(whole.stored)


JUDGED = PIPELINE.replace("run: r", "run: r\nmodels: {judge: {backend: scripted}}").replace(
    "per_passage: 2}", "per_passage: 2, checks: {judge: {model: judge, natural: 5}}}"
)


def test_the_judge_drops_what_it_marks_low(workplace: Path) -> None:
    pipeline = fret.load(write(workplace, JUDGED))
    pipeline.run(STAGES)
    manifest = pipeline.stored.stage("queries").require()
    assert manifest.reasons["failed_judge"] > 0 and manifest.rows > 0
    details = [
        row.detail
        for row in pipeline.stored.stage("queries").rows(Dropped, dropped=True)
        if row.reason == "failed_judge"
    ]
    assert all("of 5" in detail for detail in details)
    assert manifest.usage["requests"] > 0


def test_an_estimate_counts_the_judge(workplace: Path) -> None:
    pipeline = fret.load(write(workplace, JUDGED))
    pipeline.run(("pages", "passages"))
    ahead = [a for a in pipeline.estimate() if a.stage == "queries"]
    assert [a.name for a in ahead] == ["judge"] and ahead[0].requests > 0


def test_a_judge_must_be_named_among_the_models(workplace: Path) -> None:
    text = JUDGED.replace("models: {judge:", "models: {other:")
    with pytest.raises(UserError, match=r"queries\.checks\.judge\.model is 'judge'"):
        fret.load(write(workplace, text))


def test_round_trip_drops_queries_whose_seed_is_not_found(workplace: Path) -> None:
    doubles = "checks: {duplicates: false, near_duplicates: null}"
    text = PIPELINE.replace("per_passage: 2}", f"per_passage: 2, {doubles}}}")
    pipeline = fret.load(write(workplace, text))
    pipeline.run((*STAGES, "candidates"))
    measured = pipeline.stored.stage("candidates").require().measures
    ranks = [c.seed_rank for c in pipeline.rows(Candidates)]
    expected = sum(rank is None or rank > 2 for rank in ranks)
    assert measured["easiness"] == measured["seed_recall"]["bm25"]["@1"]
    assert set(measured["seed_recall_by"]["languages"]) == {"en"}
    strict = fret.load(
        str(workplace / "p.yaml"), overrides=["run=s", "queries.checks.round_trip=2"]
    )
    strict.run((*STAGES, "candidates"))
    reasons = strict.stored.stage("candidates").require().reasons
    assert reasons.get("seed_not_retrieved", 0) == expected > 0
    assert [q.id for q in strict.rows(Query)] == [q.id for q in pipeline.rows(Query)]
