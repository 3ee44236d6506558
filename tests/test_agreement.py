"""Figures over judgements, against cases worked by hand and against scipy."""

import random

import pytest

from fret.records import Judgement, Scoring
from fret.retrieval.fuse import rank_scores
from fret.scorers.agreement import agree_on_first, correlate, measure_judgements


def scoring(name: str, *scores: float | None, fallbacks: tuple[str, ...] = ()) -> Scoring:
    n = len(scores)
    none = (None,) * n
    return Scoring(
        scorer=name,
        kind="table",
        model="",
        scores=scores,
        fallbacks=fallbacks or ("",) * n,
        ranks=tuple(rank_scores(scores)),
        logprobs=none,
        n_tokens=none,
        label_logprobs=none,
        grades=none,
    )


def judgement(*scorings: Scoring, seed: str | None = "p0") -> Judgement:
    n = len(scorings[0].scores)
    ids = tuple(f"p{i}" for i in range(n))
    ranks = tuple(rank_scores(scorings[0].scores))
    return Judgement("q", seed, ids, scorings, (1.0,) * n, ranks)


def test_tau_b_by_hand() -> None:
    # Of six pairs five are in the same order and one is not.
    assert correlate([1, 2, 3, 4], [1, 2, 4, 3]) == pytest.approx(4 / 6)
    # One tie in the first list: five pairs count there, six in the second.
    assert correlate([1, 1, 2, 3], [1, 2, 3, 4]) == pytest.approx(5 / (5 * 6) ** 0.5)
    assert correlate([1, 2], [2, 1]) == -1
    assert correlate([1, 1], [2, 1]) is None and correlate([], []) is None


def test_tau_b_is_scipys() -> None:
    from scipy.stats import kendalltau

    draw = random.Random(0)
    for _ in range(200):
        n = draw.randrange(2, 20)
        first, second = ([float(draw.randrange(4)) for _ in range(n)] for _ in range(2))
        if len(set(first)) > 1 and len(set(second)) > 1:
            expected = kendalltau(first, second, variant="b").statistic
            assert correlate(first, second) == pytest.approx(expected, abs=1e-12)


def test_favourites_among_equals_agree_as_often_as_a_draw_would() -> None:
    assert agree_on_first(scoring("a", 3, 1), scoring("b", 2, 0)) == 1
    assert agree_on_first(scoring("a", 3, 1), scoring("b", 0, 2)) == 0
    assert agree_on_first(scoring("a", 3, 3), scoring("b", 0, 2)) == 0.5
    assert agree_on_first(scoring("a", 3, 3), scoring("b", 2, 2)) == 0.5
    assert agree_on_first(scoring("a", None, None), scoring("b", 2, 2)) == 0


def test_figures_of_a_stage() -> None:
    spared = ("skipped",) * 3
    rows = [
        (3, judgement(scoring("a", 3, 2, 1), scoring("b", 3, 2, 1))),
        (2, judgement(scoring("a", 1, 2, 3), scoring("b", 3, 2, 1), seed="p2")),
        (3, judgement(scoring("a", 1, 2, 3), scoring("b", None, None, None, fallbacks=spared))),
        (
            3,
            judgement(
                scoring("a", 3, 2, 1, fallbacks=("bounded labels: 2,3", "", "bounded labels: 1")),
                scoring("b", 2, 3, None, fallbacks=("", "", "failed: refused")),
                seed=None,
            ),
        ),
    ]
    assert measure_judgements(rows) == {
        "pairs": {"a & b": {"tau_b": round((1 - 1 - 1) / 3, 4), "same_first": round(1 / 3, 4)}},
        "seed_is_best": round(2 / 3, 4),
        "stopped_early": 0.25,
        "went_deeper": 0.25,
        "fallbacks": {"a": {"bounded labels": 0.25}, "b": {"refused": 0.25}},
    }
    assert measure_judgements([]) == {}
