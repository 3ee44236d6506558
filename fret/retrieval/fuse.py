"""Reciprocal rank fusion (Cormack, Clarke & Büttcher 2009)."""

import math
from collections.abc import Sequence


def fuse_ranks(
    rankings: Sequence[Sequence[int | None]], k: float, weights: Sequence[float] | None = None
) -> list[float]:
    """Return for each item the sum of weight / (k + rank) over the rankings that hold it.

    Args:
        rankings: per ranking, the rank of each item, from 1; None where it is not ranked.
        k: 60 by Cormack et al.; 0 in Gecko (arXiv 2403.20327, appendix A), which trusts a first
            place most.
        weights: how much each ranking counts; 1 by default.
    """
    # fsum: the same ranks in another order give the same sum to the last bit, so ties stay ties.
    weights = weights or [1.0] * len(rankings)
    return [
        math.fsum(w / (k + rank) for w, rank in zip(weights, ranks, strict=True) if rank)
        for ranks in zip(*rankings, strict=True)
    ]


def rank_scores(scores: Sequence[float | None]) -> list[int | None]:
    """Return the rank of each score, from 1 for the highest.

    Equal scores have the same rank, the best that they could have (1, 2, 2, 4): where one scorer
    cannot tell two apart, fusion leaves the choice to the others. None stays None.
    """
    best: dict[float, int] = {}
    for rank, score in enumerate(sorted((s for s in scores if s is not None), reverse=True), 1):
        best.setdefault(score, rank)
    return [None if score is None else best[score] for score in scores]
