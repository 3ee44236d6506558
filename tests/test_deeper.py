"""Judging deeper where it is needed, in a whole pipeline: live, and by batch in rounds."""

from pathlib import Path
from typing import Any

import fret
from batch_engine import run_by_batch
from fret.records import Candidates, Example, Judgement
from llm_server import LLMServer

DEEPER = [
    "candidates.top_k=4",
    "candidates.deeper_to=10",
    "judgements.deeper={to: 9, step: 2, until: 2, max_relevance: 1.0}",
    "examples.negatives.max_relevance=0.5",
]


def rows(pipeline: Path, record: type[Any], *overrides: str) -> list[Any]:
    return list(fret.load(pipeline, overrides=[*DEEPER, *overrides]).rows(record))


def test_deeper_judgements_are_the_same_live_and_by_batch(
    lanes_pipeline: Path, server: LLMServer
) -> None:
    live = ("run=live", "answers=live.sqlite")
    fret.load(lanes_pipeline, overrides=[*DEEPER, *live]).run()
    # Queries, then the judgements in as many rounds as the deepest one takes.
    assert run_by_batch(lanes_pipeline, server, overrides=DEEPER) >= 4
    assert max(server.batches.lines_paid.values()) == 1
    assert rows(lanes_pipeline, Judgement) == rows(lanes_pipeline, Judgement, *live)
    assert rows(lanes_pipeline, Example) == rows(lanes_pipeline, Example, *live)


def test_only_where_too_few_are_irrelevant_more_are_judged(
    lanes_pipeline: Path, server: LLMServer
) -> None:
    fret.load(lanes_pipeline, overrides=DEEPER).run()
    depths = set()
    pairs = zip(rows(lanes_pipeline, Candidates), rows(lanes_pipeline, Judgement), strict=True)
    for candidates, judgement in pairs:
        judged = len(judgement.passage_ids)
        assert candidates.n_top == 4 and judgement.passage_ids == candidates.passage_ids[:judged]
        assert judged in {4, 6, 8, 9} or judged == len(candidates.passage_ids)
        (grades,) = (s.grades for s in judgement.scorings if s.kind == "relevance")
        low = [grade is not None and grade < 1.0 for grade in grades]
        last = min(9, len(candidates.passage_ids))
        assert sum(low) >= 2 or judged == last
        assert judged == 4 or sum(low[: judged - 2]) < 2 or judged == last
        depths.add(judged)
    assert len(depths) > 1
