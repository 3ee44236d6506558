"""Shares with intervals, and agreement between two raters: pure functions."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

# The 97.5 % point of the normal distribution: intervals hold the true value 95 times in 100.
_Z = 1.959963984540054
_RESAMPLES = 2000

Table = NDArray[np.int64]
Weights = Literal["none", "linear", "quadratic"]


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    n: int
    of: int

    @property
    def value(self) -> float | None:
        """None where there was nothing to count."""
        return self.n / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % Wilson interval."""
        return wilson_interval(self.n, self.of) if self.of else None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Cohen's kappa of two raters, over `n` items in `n_queries` queries."""

    n: int
    n_queries: int
    kappa: float | None
    """None where it is not defined: nothing to compare, or no rater used more than one mark."""
    interval: tuple[float, float] | None


def wilson_interval(n: int, of: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share (Wilson 1927, JASA 22: 209-212).

    It stays within 0 and 1 and is sound for few trials and for shares near 0 and 1. Trials count as
    independent: where one query gives several, the interval is a little too narrow.
    """
    share, z2 = n / of, _Z * _Z
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    # At the ends the formula gives exactly 0 and 1, but for rounding.
    return (0.0 if n == 0 else middle - half, 1.0 if n == of else middle + half)


def cohen_kappa(table: Table, weights: Weights = "none") -> float | None:
    """Return Cohen's kappa (1960, Educ. Psychol. Meas. 20: 37-46), weighted as in Cohen (1968).

        kappa = 1 - sum(w * observed) / sum(w * expected)

    where expected is the product of the margins, and w the disagreement between two marks: 1 for
    any, or their distance, or its square.

    Args:
        table: counts, shape (marks, marks): one rater's mark by row, the other's by column.

    Returns:
        1 for full agreement, 0 for what chance would give; None where chance alone gives full
        agreement, since both raters used one and the same mark throughout.
    """
    value = float(_kappas(table[None].astype(np.float64), weights)[0])
    return None if math.isnan(value) else value


def measure_agreement(tables: Table, weights: Weights = "none", *, seed: int = 0) -> Agreement:
    """Return kappa with a 95 % interval by the percentile bootstrap.

    Efron & Tibshirani 1993, 13.3, with 2000 draws. Whole queries are drawn, for the passages of one
    query are marked together.
    Where both raters agree on everything, so does every draw, and the interval says nothing.

    Args:
        tables: counts by query, shape (queries, marks, marks).
    """
    tables = tables[tables.sum(axis=(1, 2)) > 0]
    n_queries = len(tables)
    kappa = cohen_kappa(tables.sum(axis=0), weights) if n_queries else None
    interval = None
    if kappa is not None and n_queries > 1:
        draws = np.random.default_rng(seed).multinomial(
            n_queries, np.full(n_queries, 1 / n_queries), size=_RESAMPLES
        )
        resampled = np.tensordot(draws.astype(np.float64), tables.astype(np.float64), axes=1)
        found = _kappas(resampled, weights)
        found = found[~np.isnan(found)]
        # Draws in which kappa is not defined are left out; if most are, there is no interval.
        if len(found) > _RESAMPLES / 2:
            low, high = np.percentile(found, [2.5, 97.5])
            interval = (float(low), float(high))
    return Agreement(int(tables.sum()), n_queries, kappa, interval)


def _kappas(tables: NDArray[np.float64], weights: Weights) -> NDArray[np.float64]:
    """Return the kappa of each table, shape (tables,); nan where it is not defined."""
    n_marks = tables.shape[-1]
    marks = np.arange(n_marks)
    distance: NDArray[Any] = np.abs(marks[:, None] - marks[None, :]).astype(np.float64)
    disagreement = {
        "none": (distance > 0).astype(np.float64),
        "linear": distance,
        "quadratic": distance**2,
    }[weights]
    totals = tables.sum(axis=(1, 2))
    rows, columns = tables.sum(axis=2), tables.sum(axis=1)
    observed = (tables * disagreement).sum(axis=(1, 2)) * totals
    expected = np.einsum("ti,tj,ij->t", rows, columns, disagreement)
    result = np.full(len(tables), np.nan)
    np.divide(observed, expected, out=result, where=expected > 0)
    return 1 - result
