"""How well rankings agree with judgements: trec_eval's measures, by its definitions.

A passage is relevant where its grade is above 0. Passages that nobody judged are not relevant.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fret.evaluation.collection import Relevant

DEPTH = 1000
"""Passages of a ranking that count, as in most runs for trec_eval."""
NDCG, MAP = "ndcg@10", "map"
METRICS = (NDCG, "recall@1", "recall@5", "recall@20", "recall@100", "mrr@10", MAP)
"""In the order of the columns that `measure_rankings` returns."""
SPEARMAN = "spearman"

_CUT = 10
_RECALLS = (1, 5, 20, 100)
_DISCOUNTS = 1 / np.log2(np.arange(2, _CUT + 2))

Rankings = NDArray[np.int64]
"""Rows of passages, best first, of shape (queries, depth); -1 where a ranking is shorter."""


def measure_rankings(rankings: Rankings, relevant: Sequence[Relevant]) -> NDArray[np.float64]:
    """Return each measure of each query, of shape (queries, measures).

    - ndcg@10: sum of grade / log2(rank + 1) over the first ten, by the greatest sum that an order
      of all relevant passages can have (trec_eval's ndcg_cut.10: Järvelin & Kekäläinen 2002, with
      the grade itself as gain).
    - recall@k: share of the relevant passages among the first k.
    - mrr@10: 1 / rank of the first relevant passage, 0 where that is above ten.
    - map: mean over all relevant passages of the share of relevant ones down to each, 0 for those
      not found (average precision).
    """
    gains = np.stack(
        [_look_up(row, each) for row, each in zip(rankings, relevant, strict=True)]
        or [np.zeros(0, np.int64)]
    )[: len(relevant)]
    is_relevant = gains > 0
    n_relevant = np.array([len(each.rows) + len(each.missing) for each in relevant], np.float64)
    found = np.cumsum(is_relevant, axis=1, dtype=np.int64)
    columns = [
        _discount(gains) / _discount(np.stack([*map(_best_gains, relevant)])),
        *(found[:, min(k, found.shape[1]) - 1] / n_relevant for k in _RECALLS),
        _reciprocal_ranks(is_relevant[:, :_CUT]),
        _average_precision(is_relevant, found) / n_relevant,
    ]
    return np.stack(columns, axis=1)


def _look_up(rows: NDArray[np.int64], relevant: Relevant) -> NDArray[np.int64]:
    """Return the grades of the passages in some rows; 0 for those that are not relevant."""
    if not len(relevant.rows):
        return np.zeros(len(rows), np.int64)
    places = np.minimum(np.searchsorted(relevant.rows, rows), len(relevant.rows) - 1)
    return np.where(relevant.rows[places] == rows, relevant.grades[places], 0)


def _best_gains(relevant: Relevant) -> NDArray[np.int64]:
    grades = np.sort(np.concatenate([relevant.grades, np.array(relevant.missing, np.int64)]))
    best = np.zeros(_CUT, np.int64)
    top = grades[::-1][:_CUT]
    best[: len(top)] = top
    return best


def _discount(gains: NDArray[np.int64]) -> NDArray[np.float64]:
    top = gains[:, :_CUT]
    summed: NDArray[np.float64] = (top * _DISCOUNTS[: top.shape[1]]).sum(axis=1)
    return summed


def _reciprocal_ranks(is_relevant: NDArray[np.bool_]) -> NDArray[np.float64]:
    first = is_relevant.argmax(axis=1)
    return np.where(is_relevant.any(axis=1), 1 / (first + 1), 0.0)


def _average_precision(
    is_relevant: NDArray[np.bool_], found: NDArray[np.int64]
) -> NDArray[np.float64]:
    precision = found / np.arange(1, found.shape[1] + 1)
    summed: NDArray[np.float64] = np.where(is_relevant, precision, 0.0).sum(axis=1)
    return summed


def measure_spearman(cosines: NDArray[np.float64], scores: NDArray[np.float64]) -> float:
    """Return Spearman's rank correlation; nan where either side is all equal."""
    from scipy.stats import spearmanr

    if len(cosines) < 2 or not np.ptp(cosines) or not np.ptp(scores):
        return float("nan")
    return float(spearmanr(cosines, scores).statistic)
