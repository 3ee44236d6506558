"""How sure figures are, and differences between models: resampling over queries.

Intervals are percentile bootstraps (Efron & Tibshirani 1993, 13.3). Models are compared on the same
queries, so differences are drawn in pairs: each draw takes the same queries of all models. p is of
the two-sided sign-flip permutation test of the mean difference (Fisher 1935; Smucker et al. 2007
for retrieval): the share of random exchanges of the two models, query by query, that differ by at
least as much.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

DRAWS = 10_000
# Numbers drawn at once: some 50 MB.
_NUMBERS = 4_000_000
# Far below what one passage's place can change, far above rounding.
TIE = 1e-9

Values = NDArray[np.float64]


def draw_means(values: Values, *, seed: int) -> Values:
    """Return bootstrap means of each column, of shape (DRAWS, columns).

    Args:
        values: of shape (queries, columns); a draw takes whole rows.
    """
    n = len(values)
    parts = [counts @ values / n for counts in _draw_counts(n, seed)]
    return np.concatenate(parts)


def flip_signs(differences: Values, *, seed: int) -> Values:
    """Return means of each column with random signs by row, of shape (DRAWS, columns)."""
    n, rng = len(differences), np.random.default_rng(seed)
    parts = [
        (rng.integers(0, 2, (size, n)) * 2.0 - 1.0) @ differences / n for size in _chunk_sizes(n)
    ]
    return np.concatenate(parts)


def draw_spearman(cosines: Values, scores: Values, *, seed: int) -> Values:
    """Return bootstrap values of Spearman's correlation, of shape (DRAWS,); nan where undefined.

    Equal seeds and numbers of pairs draw the same pairs.
    """
    parts = []
    for counts in _draw_counts(len(cosines), seed):
        ranks, others = _rank_counted(cosines, counts), _rank_counted(scores, counts)
        parts.append(_correlate(ranks, others, counts))
    return np.concatenate(parts)


def find_interval(draws: Values) -> tuple[float, float] | None:
    """Return the middle 95 % of draws; None where most are not defined."""
    defined = draws[~np.isnan(draws)]
    if len(defined) <= len(draws) / 2:
        return None
    low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high)


def find_p(difference: float, flipped: Values) -> float:
    """Return the two-sided p of a mean difference, at least 1 / (DRAWS + 1)."""
    n_extreme = int((np.abs(flipped) >= abs(difference) - TIE).sum())
    return (1 + n_extreme) / (1 + len(flipped))


def _draw_counts(n: int, seed: int) -> Iterator[Values]:
    """Yield how often each of n rows is drawn, of shape (some draws, n)."""
    rng = np.random.default_rng(seed)
    for size in _chunk_sizes(n):
        drawn = rng.integers(0, n, (size, n)) + n * np.arange(size)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=size * n)
        yield counts.reshape(size, n).astype(np.float64)


def _chunk_sizes(n: int) -> Iterator[int]:
    most = max(1, _NUMBERS // n)
    for start in range(0, DRAWS, most):
        yield min(most, DRAWS - start)


def _rank_counted(values: Values, counts: Values) -> Values:
    """Return each value's mean rank in samples that hold it so often, of the counts' shape."""
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    sizes = np.add.reduceat(counts[:, order], starts, axis=1)
    ends = np.cumsum(sizes, axis=1)
    ranks: Values = (ends - (sizes - 1) / 2)[:, group]
    return ranks


def _correlate(first: Values, second: Values, counts: Values) -> Values:
    """Return the correlations of rows of counted values."""
    n = counts.sum(axis=1, keepdims=True)
    first = first - (first * counts).sum(axis=1, keepdims=True) / n
    second = second - (second * counts).sum(axis=1, keepdims=True) / n
    shared = (first * second * counts).sum(axis=1)
    spread = (first**2 * counts).sum(axis=1) * (second**2 * counts).sum(axis=1)
    result = np.full(len(shared), np.nan)
    np.divide(shared, np.sqrt(spread), out=result, where=spread > 0)
    return result
