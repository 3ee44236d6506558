"""Reciprocal rank fusion (Cormack, Clarke & Büttcher 2009)."""

import math
from collections.abc import Sequence


def fuse_ranks(rankings: Sequence[Sequence[int | None]], k: float) -> list[float]:
    """Return for each item the sum of 1 / (k + rank) over the rankings that hold it.

    Args:
        rankings: per ranking, the rank of each item, from 1; None where it is not ranked.
        k: 60 by Cormack et al.; 0 in Gecko (arXiv 2403.20327, appendix A), which trusts a first
            place most.
    """
    # fsum: the same ranks in another order give the same sum to the last bit, so ties stay ties.
    return [
        math.fsum(1 / (k + rank) for rank in ranks if rank is not None)
        for ranks in zip(*rankings, strict=True)
    ]


def rank_scores(scores: Sequence[float | None]) -> list[int | None]:
    """Return the rank of each score, from 1 for the highest.

    Equal scores rank in their order; None stays None.
    """
    order = sorted(
        (i for i, s in enumerate(scores) if s is not None), key=lambda i: -(scores[i] or 0.0)
    )
    ranks: list[int | None] = [None] * len(scores)
    for rank, i in enumerate(order, 1):
        ranks[i] = rank
    return ranks
