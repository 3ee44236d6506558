"""Scores and ranks queries over the sparse matrix of bm25s, compiled by numba at its first use.

bm25s' own retrieval keeps, of equal scores, whichever its heap holds, and adds up in the type of
the index; here sums are rounded, and equal ones rank by row, so a ranking is the same everywhere.
No numba threads: a second thread in there ends the process where no threading library is installed.
The function lets go of Python's lock instead, so plain threads share the queries.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit


def _compile(function: Callable[..., Any]) -> Any:
    """Compile at the first call, and keep the machine code for other processes where possible."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # neither the package's folder nor the user's own may be written to
        return njit(nogil=True)(function)


@_compile
def _is_worse(score: float, row: int, other: float, other_row: int) -> bool:
    return score < other or (score == other and row > other_row)


@_compile
def _sink(scores: Any, rows: Any, n: int) -> None:
    """Mend a heap of n, the worst on top, whose top was replaced."""
    place = 0
    while 2 * place + 1 < n:
        child = 2 * place + 1
        if child + 1 < n and _is_worse(
            scores[child + 1], rows[child + 1], scores[child], rows[child]
        ):
            child += 1
        if _is_worse(scores[place], rows[place], scores[child], rows[child]):
            return
        scores[place], scores[child] = scores[child], scores[place]
        rows[place], rows[child] = rows[child], rows[place]
        place = child


@_compile
def _rise(scores: Any, rows: Any, place: int) -> None:
    while place > 0:
        parent = (place - 1) // 2
        if not _is_worse(scores[place], rows[place], scores[parent], rows[parent]):
            return
        scores[place], scores[parent] = scores[parent], scores[place]
        rows[place], rows[parent] = rows[parent], rows[place]
        place = parent


@_compile
def _keep_best(sums: Any, scale: float, rows: Any, scores: Any) -> int:
    """Write the best of the sums, best first, and set all sums to 0; return how many there are."""
    k, n, least = len(rows), 0, 0.0
    for row in range(len(sums)):
        total = sums[row]
        sums[row] = 0.0
        if total <= least:
            continue
        score = np.rint(total * scale) / scale
        if score <= least:
            continue
        if n < k:
            scores[n], rows[n] = score, row
            _rise(scores, rows, n)
            n += 1
        else:
            scores[0], rows[0] = score, row
            _sink(scores, rows, n)
        if n == k:
            least = scores[0]
    for last in range(n - 1, 0, -1):
        scores[0], scores[last] = scores[last], scores[0]
        rows[0], rows[last] = rows[last], rows[0]
        _sink(scores, rows, last)
    return n


@_compile
def rank_queries(
    weights: Any, owners: Any, starts: Any, tokens: Any, ends: Any, n_rows: int, scale: float,
    rows: Any, scores: Any, counts: Any,
) -> None:  # fmt: skip
    """Rank the rows of each query by the rounded sum of its tokens' weights, where positive.

    Args:
        weights, owners, starts: the matrix by columns: weight and row of each entry, and where the
            entries of each token start.
        tokens, ends: the tokens of all queries in a row, and where each query ends.
        scale: sums are rounded to multiples of its inverse.
        rows, scores: written, shape (queries, k), best first, ties by row.
        counts: written: how many of the k there are.
    """
    sums = np.zeros(n_rows, np.float64)
    start = 0
    for query in range(len(ends)):
        for place in range(start, ends[query]):
            token = tokens[place]
            # Slices and numbers without a sign: no test for negative ones, a third of the time.
            rows_of_token = owners[starts[token] : starts[token + 1]]
            weights_of_token = weights[starts[token] : starts[token + 1]]
            for entry in range(len(rows_of_token)):
                sums[np.uint32(rows_of_token[entry])] += weights_of_token[entry]
        start = ends[query]
        counts[query] = _keep_best(sums, scale, rows[query], scores[query])
