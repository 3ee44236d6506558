"""Rankings as trec_eval reads them: by score, equal scores by the passages' ids, descending."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fret.evaluation.metrics import DEPTH, Rankings
from fret.evaluation.options import Observer
from fret.retrieval import Hit, Hits

# Queries searched by one call: rankings of a thousand passages for each pass through memory.
_QUERIES_AT_ONCE = 256

Search = Callable[[slice, int], Sequence[Sequence[Hit]]]
"""Finds so many passages for some of the queries."""


def rank_all(search: Search, left_out: Sequence[int], name: str, observer: Observer) -> Rankings:
    """Return the rankings of all queries, see `rank_hits`.

    Args:
        name: of the model, for the observer.
    """
    work, n = f"searching, {name}", len(left_out)
    observer.starts(work, 0, n)
    parts = []
    for start in range(0, n, _QUERIES_AT_ONCE):
        some = slice(start, start + _QUERIES_AT_ONCE)
        parts.append(rank_hits(search(some, find_depth(left_out)), left_out[some]))
        for _ in range(len(parts[-1])):
            observer.advanced(work, {})
    return np.concatenate(parts)


def rank_hits(found: Sequence[Sequence[Hit]], left_out: Sequence[int]) -> Rankings:
    """Return rows of passages, best first, of shape (queries, DEPTH); -1 where there are no more.

    trec_eval holds scores as float32 and orders equal ones by id, descending; so do rows here, for
    passages lie in the descending order of their ids.

    Args:
        left_out: for each query the row of a passage that does not count, or -1.
    """
    rankings = np.full((len(found), DEPTH), -1, np.int64)
    for line, hits, out in zip(rankings, found, left_out, strict=True):
        rows, scores = _take_arrays(hits)
        order = np.lexsort((rows, -scores.astype(np.float32)))
        kept = rows[order]
        kept = kept[kept != out][:DEPTH]
        line[: len(kept)] = kept
    return rankings


def _take_arrays(hits: Sequence[Hit]) -> tuple[NDArray[Any], NDArray[Any]]:
    if isinstance(hits, Hits):
        return hits.rows.astype(np.int64), hits.scores
    rows = np.fromiter((hit.row for hit in hits), np.int64)
    return rows, np.fromiter((hit.score for hit in hits), np.float64)


def find_depth(left_out: Sequence[int]) -> int:
    """Return how many passages a search must find so that DEPTH are left."""
    return DEPTH + any(row >= 0 for row in left_out)
