"""Fusion by hand, and the best of many scores."""

import itertools

import numpy as np
import pytest

from fret.retrieval import Hit
from fret.retrieval.bm25 import top_rows
from fret.retrieval.fuse import fuse_hits, fuse_ranks, rank_scores

# -- the best of many


@pytest.mark.parametrize("k", [1, 2, 3, 5, 9, 20])
def test_top_rows_are_those_of_a_stable_sort(k: int) -> None:
    draw = np.random.default_rng(1)
    for n in (1, 2, 7, 50):
        scores = draw.integers(0, 5, n).astype(np.float32)  # many ties
        expected = sorted(range(n), key=lambda row: (-scores[row], row))[:k]
        assert top_rows(scores, k).tolist() == expected


# -- fusion


def test_ranks_are_fused_as_worked_out_by_hand() -> None:
    assert fuse_ranks([[1, 2, 3], [2, 1, None]], 0) == [1 + 1 / 2, 1 / 2 + 1, 1 / 3]
    assert fuse_ranks([[1, 2], [1, 2]], 60) == pytest.approx([2 / 61, 2 / 62])
    assert fuse_ranks([[1, None, 3]], 60) == pytest.approx([1 / 61, 0, 1 / 63])
    assert fuse_ranks([[None], [None]], 0) == [0]
    assert fuse_ranks([[]], 60) == []


@pytest.mark.parametrize("k", [0, 1, 60])
def test_the_same_ranks_from_other_scorers_tie_exactly(k: float) -> None:
    """Else rounding would decide where the tie rule should."""
    for ranks in itertools.combinations(range(1, 12), 4):
        orders = list(itertools.permutations(ranks))
        assert len(set(fuse_ranks(list(zip(*orders, strict=True)), k))) == 1


def test_rankings_of_other_lengths_are_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        fuse_ranks([[1, 2], [1]], 0)


def test_scores_are_ranked_from_the_highest_and_equal_ones_share_the_best_rank() -> None:
    assert rank_scores([0.1, None, 0.9, 0.1, -2.0]) == [2, None, 1, 2, 4]
    assert rank_scores([-0.5, 0.0, -0.5]) == [2, 1, 2]
    assert rank_scores([None, None]) == [None, None]
    assert rank_scores([]) == []
    assert rank_scores([0.3, 0.1 + 0.2, 0.1]) == [1, 1, 3]  # equal but for their last bits


# -- pools

WORDS = [Hit(7, 3.0), Hit(2, 2.123456), Hit(5, 1.0)]
VECTORS = [Hit(2, 0.9), Hit(9, 0.8)]


def test_a_pool_holds_what_either_found_best_first() -> None:
    pool = fuse_hits(WORDS, VECTORS, 60)
    assert pool.rows == [2, 7, 9, 5]  # 1/62 + 1/61, 1/61, 1/62, 1/63
    assert pool.word_ranks == {7: 1, 2: 2, 5: 3} and pool.vector_ranks == {2: 1, 9: 2}
    assert pool.word_scores == {7: 3.0, 2: 2.12346, 5: 1.0}
    assert pool.overlap == 1 / 4


def test_equal_sums_rank_by_row() -> None:
    assert fuse_hits([Hit(8, 1.0)], [Hit(3, 1.0)], 60).rows == [3, 8]


@pytest.mark.parametrize(
    ("weights", "rows"),
    [
        ((1, 0.1), [7, 2, 5, 9]),
        ((0.1, 1), [2, 9, 7, 5]),
        ((1, 0), [7, 2, 5, 9]),
        ((0, 1), [2, 9, 5, 7]),
    ],
)
def test_weights_say_whose_ranking_counts(weights: tuple[float, float], rows: list[int]) -> None:
    assert fuse_hits(WORDS, VECTORS, 0, weights).rows == rows


def test_one_retriever_alone_keeps_its_order() -> None:
    assert fuse_hits(WORDS, [], 60).rows == [7, 2, 5]
    assert fuse_hits([], VECTORS, 60).rows == [2, 9]
    assert fuse_hits([], [], 60).rows == []
    assert fuse_hits(WORDS, [], 60).overlap is None
