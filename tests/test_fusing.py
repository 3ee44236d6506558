"""Fusion of scorers and its ties; each rule by a case worked by hand."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from fret.retrieval.fuse import rank_scores
from fret.scorers.fusing import rank_fused


def fuse(*scores: Sequence[float | None], k: float = 0, seed: int | None = None) -> Any:
    return rank_fused([rank_scores(line) for line in scores], list(scores), k=k, seed=seed)


# -- fusion and its ties


def test_k_0_trusts_a_first_place_most() -> None:
    # Ranks by the first scorer 1 2 3 4, by the second 4 2 3 1: R = 1/r1 + 1/r2.
    scores, ranks = rank_fused(
        [[1, 2, 3, 4], [4, 2, 3, 1]], [[4, 3, 2, 1], [1, 3, 2, 4]], k=0, seed=3
    )
    assert scores == pytest.approx([1 + 1 / 4, 1 / 2 + 1 / 2, 1 / 3 + 1 / 3, 1 / 4 + 1])
    assert ranks == [2, 3, 4, 1]


def test_k_60_trusts_a_good_place_with_both() -> None:
    scores, ranks = rank_fused([[1, 2, 4], [9, 2, 1]], [[3, 2, 1], [1, 2, 3]], k=60, seed=None)
    assert scores == pytest.approx([1 / 61 + 1 / 69, 1 / 62 + 1 / 62, 1 / 64 + 1 / 61])
    assert ranks == [3, 1, 2]
    assert rank_fused([[1, 2, 4], [9, 2, 1]], [[3, 2, 1], [1, 2, 3]], k=0, seed=None)[1] == [
        2,
        3,
        1,
    ]


def test_one_scorer_alone_decides() -> None:
    assert fuse([0.1, 0.9, 0.5])[1] == [3, 1, 2]


def test_a_tie_goes_to_the_seed() -> None:
    first, second = [0.9, 0.8, 0.1], [0.1, 0.2, 0.0]  # ranks 1 2 3 and 2 1 3
    assert fuse(first, second, seed=1)[1] == [2, 1, 3]
    assert fuse(first, second, seed=0)[1] == [1, 2, 3]
    # A lead is no tie: the seed does not win against a better fused score.
    assert fuse(first, second, seed=2)[1][2] == 3


def test_a_tie_without_the_seed_goes_to_the_higher_mean_of_scaled_scores() -> None:
    # Scaled to 0..1 the first scorer gives 1, 0.9, 0 and the second 0, 1, 0.5. Unscaled, the first
    # scorer alone would decide, for its numbers are larger.
    first, second = [100.0, 90.0, 0.0], [-0.4, -0.2, -0.3]
    scores, ranks = rank_fused([[1, 2, 3], [2, 1, 3]], [first, second], k=0, seed=None)
    assert scores[0] == scores[1]
    assert ranks == [2, 1, 3]
    # The same ranks, and the mean of the first is the higher one now: 1 and 0.9 against 0.1 and 1.
    first, second = [10.0, 1.0, 0.0], [0.9, 1.0, 0.0]
    assert rank_fused([[1, 2, 3], [2, 1, 3]], [first, second], k=0, seed=None)[1] == [1, 2, 3]


def test_a_last_tie_goes_to_the_one_that_retrieval_put_first() -> None:
    first, second = [1.0, 0.0], [0.0, 1.0]
    assert fuse(first, second)[1] == [1, 2]
    assert fuse([0.5, 0.5, 0.5])[1] == [1, 2, 3]  # equal scores have no scale


def test_ties_of_three_scorers_are_ties_though_sums_round_in_other_ways() -> None:
    for order in itertools.permutations(range(1, 8), 3):
        ranks = [[order[i], tuple(reversed(order))[i]] for i in range(3)]
        found = rank_fused(ranks, [[0.0, 0.0]] * 3, k=0, seed=1)
        assert found[1] == [2, 1], order


def test_what_a_scorer_could_not_tell_has_no_rank() -> None:
    scores, ranks = fuse([0.9, 0.8, None, 0.7], [0.5, None, 0.9, 0.1])
    assert ranks == [1, None, None, 2]
    assert scores[1] is None and scores[2] is None
    assert scores[0] == pytest.approx(1 + 1 / 2) and scores[3] == pytest.approx(1 / 3 + 1 / 3)
    assert fuse([None, None]) == ([None, None], [None, None])


def test_a_weight_of_2_lets_the_judge_decide_and_the_other_break_its_ties() -> None:
    judge, weak = [3.0, 2.0, 3.0, 0.0], [0.1, 0.9, 0.2, 0.5]
    ranks = [rank_scores(judge), rank_scores(weak)]
    assert ranks[0] == [1, 3, 1, 4]
    found = rank_fused(ranks, [judge, weak], k=0, seed=None, weights=[2, 1])
    assert found[0] == pytest.approx([2 + 1 / 4, 2 / 3 + 1, 2 + 1 / 3, 2 / 4 + 1 / 2])
    assert found[1] == [2, 3, 1, 4]
    for seed in range(4):  # with a judge that has a favourite, no weak scorer moves it
        for line in itertools.permutations([1, 2, 3, 4]):
            weights, lists = [2, 1], [[1, 2, 3, 4], list(line)]
            _, fused = rank_fused(lists, [[0.0] * 4] * 2, k=0, seed=seed, weights=weights)
            assert fused[0] == 1


def test_a_weight_of_0_decides_nothing_and_bars_nothing() -> None:
    judge, shown = [3.0, 2.0, 1.0], [None, 0.9, 0.1]
    lists = [rank_scores(judge), rank_scores(shown)]
    scores, ranks = rank_fused(lists, [judge, shown], k=0, seed=None, weights=[1, 0])
    assert (scores, ranks) == ([1, 1 / 2, 1 / 3], [1, 2, 3])
    tied = rank_fused([[1, 1], [2, 1]], [[1.0, 1.0], [0.0, 1.0]], k=0, seed=None, weights=[1, 0])
    assert tied[1] == [1, 2]
