"""Reciprocal rank fusion (Cormack, Clarke & Büttcher 2009)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fret.retrieval import Hit

_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Pool:
    """What the retrievers put forward for one query, fused."""

    rows: list[int]
    """Best first; equal ones in the rows' order."""
    word_ranks: dict[int, int]
    """By row, from 1."""
    word_scores: dict[int, float]
    vector_ranks: dict[int, int]

    @property
    def overlap(self) -> float | None:
        """Share of the passages that both put forward; None where one put forward nothing."""
        if not self.word_ranks or not self.vector_ranks:
            return None
        return len(self.word_ranks.keys() & self.vector_ranks.keys()) / len(self.rows)


def fuse_hits(
    by_words: Sequence[Hit],
    by_vectors: Sequence[Hit],
    k: float,
    weights: tuple[float, float] = (1.0, 1.0),
) -> Pool:
    """Fuse what BM25 and embeddings found for one query, best first; see `fuse_ranks`.

    Args:
        weights: of words and of vectors.
    """
    word_ranks = {row: rank for rank, (row, _) in enumerate(by_words, 1)}
    vector_ranks = {row: rank for rank, (row, _) in enumerate(by_vectors, 1)}
    rows = sorted(word_ranks.keys() | vector_ranks.keys())
    rankings = [[ranks.get(row) for row in rows] for ranks in (word_ranks, vector_ranks)]
    fused = dict(zip(rows, fuse_ranks(rankings, k, weights), strict=True))
    return Pool(
        rows=sorted(rows, key=lambda row: (-fused[row], row)),
        word_ranks=word_ranks,
        word_scores={row: round(score, 5) for row, score in by_words},
        vector_ranks=vector_ranks,
    )


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
    # Sums that should be equal may differ in their last bits.
    rounded = [None if score is None else round(score, _DIGITS) for score in scores]
    best: dict[float, int] = {}
    for rank, score in enumerate(sorted((s for s in rounded if s is not None), reverse=True), 1):
        best.setdefault(score, rank)
    return [None if score is None else best[score] for score in rounded]
