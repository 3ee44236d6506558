"""Fusing what several scorers say of the candidates of one query into one ranking.

The rules that choose from that ranking are in `fret.choosing`.
"""

from collections.abc import Sequence

from fret.retrieval.fuse import fuse_ranks


def rank_fused(
    rankings: Sequence[Sequence[int | None]],
    scores: Sequence[Sequence[float | None]],
    *,
    k: float,
    seed: int | None,
    weights: Sequence[float] | None = None,
) -> tuple[list[float | None], list[int | None]]:
    """Fuse the scorers' ranks to one score and rank per candidate.

    R = sum of weight / (k + rank). With k = 0 and equal weights ties at the top are common (ranks
    1, 2 against 2, 1); they go to the seed, then to the higher weighted mean of the scores, each
    scaled to 0..1 within its scorer, then to the candidate that retrieval put first.

    Args:
        rankings: per scorer, the rank of each candidate; None where it could not tell.
        scores: the same for the scores behind them.
        k: 0 is the paper's.
        seed: position of the seed, None for none.
        weights: per scorer how much it counts, by default 1; one of weight 0 decides nothing, and
            bars no candidate that it could not score.

    Returns:
        Fused scores and ranks, None for candidates that some scorer could not score.
    """
    n = len(rankings[0])
    parts = zip(weights or [1.0] * len(rankings), rankings, scores, strict=True)
    counting = [part for part in parts if part[0]]
    whole = [i for i in range(n) if all(ranks[i] is not None for _, ranks, _ in counting)]
    fused = fuse_ranks([ranks for _, ranks, _ in counting], k, [w for w, _, _ in counting])
    means = _mean_scaled([(weight, line) for weight, _, line in counting], whole)
    order = sorted(whole, key=lambda i: (-fused[i], i != seed, -means[i], i))
    ranks: list[int | None] = [None] * n
    for rank, i in enumerate(order, 1):
        ranks[i] = rank
    return [fused[i] if ranks[i] else None for i in range(n)], ranks


def _mean_scaled(
    scores: Sequence[tuple[float, Sequence[float | None]]], whole: Sequence[int]
) -> dict[int, float]:
    totals = dict.fromkeys(whole, 0.0)
    for weight, line in scores:
        values = {i: line[i] or 0.0 for i in whole}
        low, high = min(values.values(), default=0.0), max(values.values(), default=0.0)
        for i, value in values.items():
            totals[i] += weight * ((value - low) / (high - low) if high > low else 0.5)
    return totals
