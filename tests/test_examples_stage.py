"""What the stage examples makes of settings: rankings fused anew, scorers left out, grades."""

from typing import Any

import pytest
import yaml

from fret.choosing.grades import gather_grades
from fret.config import PipelineSettings
from fret.errors import ConfigError
from fret.pipeline_file import load_settings
from fret.records import Judgement, Query, Scoring
from fret.retrieval.fuse import rank_scores
from fret.stages.examples import _Fusion

SCORERS = [
    {"kind": "unigram"},
    {"kind": "relevance", "model": "judge"},
    {"kind": "query_likelihood", "model": "judge"},
]


def settings(**examples: Any) -> PipelineSettings:
    return PipelineSettings.model_validate(
        {
            "run": "r",
            "models": {"judge": {"backend": "scripted"}},
            "pages": {"source": {"kind": "html", "path": "p"}},
            "queries": {"writer": {"kind": "template"}},
            "judgements": {"scorers": SCORERS},
            "examples": examples,
        }
    )


def query(task: str = "Find it.", task_type: str = "question") -> Query:
    return Query("q", None, task, "text", "en", task_type, "", "", "", 0)


def scoring(name: str, *scores: float | None, grades: Any = None) -> Scoring:
    none = (None,) * len(scores)
    return Scoring(
        scorer=name, kind=name, model="", scores=scores, fallbacks=("",) * len(scores),
        ranks=tuple(rank_scores(scores)), logprobs=none, n_tokens=none, label_logprobs=none,
        grades=grades or none,
    )  # fmt: skip


def judgement(*scorings: Scoring) -> Judgement:
    n = len(scorings[0].scores)
    ids = tuple(f"p{i}" for i in range(n))
    stored = (9.0, 8.0, 7.0)[:n], (3, 2, 1)[:n]
    return Judgement("q", None, ids, scorings, *stored)


JUDGED = judgement(
    scoring("unigram", 0.1, 0.2, 0.9),
    scoring("relevance", 3.0, 1.0, 0.0),
    scoring("query_likelihood", -1.0, -2.0, -3.0),
)


def fuse(given: Judgement = JUDGED, *, ask: Query | None = None, **examples: Any) -> Any:
    found = settings(**examples)
    fused, deciding = _Fusion(found.examples, found.judgements).fuse(ask or query(), given)
    return fused.fused_ranks, fused.fused_scores, [s.scorer for s in deciding]


def test_by_default_the_stored_ranking_counts() -> None:
    ranks, scores, deciding = fuse()
    assert (ranks, scores) == ((3, 2, 1), (9.0, 8.0, 7.0))
    assert deciding == ["unigram", "relevance", "query_likelihood"]


def test_scores_are_fused_anew_where_that_is_asked_for() -> None:
    # Ranks 3 2 1, 1 2 3 and 1 2 3, weights 1, 2 and 1: 1/3 + 2 + 1, 1/2 + 1 + 1/2, 1 + 2/3 + 1/3.
    ranks, scores, _ = fuse(fusion={"k": 0})
    assert scores == pytest.approx((1 / 3 + 3, 2, 2))
    assert ranks[0] == 1
    ranks, scores, deciding = fuse(
        fusion={"k": 60, "weights": {"relevance": 0, "query_likelihood": 0}}
    )
    assert (ranks, deciding) == ((3, 2, 1), ["unigram"])
    assert scores == pytest.approx((1 / 63, 1 / 62, 1 / 61))


def test_a_scorer_is_left_out_for_the_tasks_that_are_named() -> None:
    rules = {"leave_out": {"claim": ["unigram"], "counter-argument": ["query_likelihood"]}}
    ranks, _, deciding = fuse(ask=query("Given a claim, find its source."), **rules)
    assert (ranks, deciding) == ((1, 2, 3), ["relevance", "query_likelihood"])
    assert fuse(ask=query(task_type="claim"), **rules)[2] == ["relevance", "query_likelihood"]
    assert fuse(**rules)[0] == (3, 2, 1)  # another task: as stored
    together = {"leave_out": {"claim": ["unigram", "relevance"], "check": ["query_likelihood"]}}
    assert fuse(ask=query("Check a claim."), **together)[0] == (3, 2, 1)


def test_a_scorer_that_was_not_asked_bars_nobody() -> None:
    skipped = judgement(scoring("relevance", 3.0, 1.0), scoring("unigram", None, None))
    ranks, _, deciding = fuse(skipped, fusion={"k": 0})
    assert (ranks, deciding) == ((1, 2), ["relevance"])


def test_a_scorer_of_weight_0_decides_nothing_where_the_others_could_not_tell() -> None:
    silent = judgement(scoring("relevance", 3.0, 1.0), scoring("unigram", None, None))
    ranks, _, deciding = fuse(silent, fusion={"weights": {"relevance": 0}})
    assert (ranks, deciding) == ((None, None), [])


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        (
            {"fusion": {"weights": dict.fromkeys(("unigram", "relevance", "query_likelihood"), 0)}},
            r"examples\.fusion\.weights leaves no scorer that decides.*as in \{unigram: 1\}",
        ),
        (
            {
                "fusion": {"weights": {"unigram": 0, "relevance": 0}},
                "leave_out": {"claim": ["query_likelihood"]},
            },
            r"examples\.leave_out for 'claim' leaves no scorer.*keep one of query_likelihood",
        ),
    ],
)
def test_rules_that_leave_no_scorer_to_decide_are_refused(rules: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        settings(**rules)


def test_rules_name_only_scorers_that_are_there(tmp_path: Any) -> None:
    for rule, place in (
        ({"leave_out": {"claim": ["listwise"]}}, "leave_out"),
        ({"fusion": {"weights": {"listwise": 1.0}}}, "fusion.weights"),
    ):
        data = settings().model_dump()
        path = tmp_path / "p.yaml"
        path.write_text(yaml.safe_dump({**data, "examples": rule}), "utf-8")
        with pytest.raises(ConfigError, match=rf"examples\.{place} names 'listwise'"):
            load_settings(str(path))


def test_grades_of_several_scorers_are_meant_and_the_highest_guards() -> None:
    one = scoring("a", 1.0, 2.0, 3.0, grades=(1.0, None, 0.0))
    other = scoring("b", 1.0, 2.0, 3.0, grades=(2.0, 3.0, None))
    silent = scoring("c", 1.0, 2.0, 3.0)
    lines = [each.grades for each in (one, silent, other)]
    assert gather_grades(lines) == ([1.5, 3.0, 0.0], [2.0, 3.0, 0.0])
    assert gather_grades(lines[:1]) == ([1.0, None, 0.0], [1.0, None, 0.0])
    assert gather_grades(lines[1:2]) == ([None] * 3, [None] * 3)
