"""The passages nearest to a query, by the cosines of their vectors: exact search.

Vectors lie on disk as float16, mapped into memory, and are looked through in blocks that become
float32 as they are read. So at 1,000,000 passages of 384 numbers the file is 768 MB, which the
system may hold in its cache or not, and the search itself needs one block (400 MB) and the best of
each query.
"""

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fret.errors import ConfigError, StoreError
from fret.retrieval import Hits
from fret.retrieval.block_search import Block, best_of_block, multiply_rows, score_block, widen

# Float32 numbers of vectors held at once: 400 MB.
_NUMBERS_PER_BLOCK = 100_000_000
# More than float32 loses in the dot product of two unit vectors.
_ROUNDING = 1e-5
# What is found besides, so that equal vectors at the end seldom call for a second look.
_BESIDE = 12
# Queries whose equals are looked for together: 65 MB of scores at a million passages.
_QUERIES_PER_SECOND_LOOK = 16
_QUERIES_RANKED_AT_ONCE = 64
_QUERIES_PER_BLOCK = 4096
_NO_HITS = Hits(np.zeros(0, np.int64), np.zeros(0, np.float32))


class Finder(Protocol):
    """Something that finds most of the nearest vectors, quicker than by looking at all."""

    def find(self, queries: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """Return k rows for each query, in any order; -1 where fewer were found."""
        ...


class PassageVectors:
    """Unit vectors of all passages, in the order of their rows.

    Args:
        path: a file of NumPy's format: float16 of shape (passages, dimensions).
        device: where to compute: a GPU, or `cpu`.
    """

    finder: Finder | None = None
    """Finds what may be near, instead of a look at all."""

    def __init__(self, path: Path, *, device: str = "cpu") -> None:
        self._matrix = _open_matrix(path)
        self.path, self._device = path, device

    def __len__(self) -> int:
        return len(self._matrix)

    @property
    def matrix(self) -> NDArray[np.float16]:
        """The mapped file, of shape (passages, dimensions)."""
        return self._matrix

    def take(self, rows: Sequence[int]) -> NDArray[np.float32]:
        """Return the vectors of some rows."""
        found: NDArray[np.float16] = self._matrix[np.asarray(rows, np.int64)]
        return found.astype(np.float32)

    def search(self, queries: NDArray[np.float32], k: int) -> list[Hits]:
        """Return the k passages of highest cosine for each query vector; ties by row.

        Exact unless there is a finder, whose finds are ranked exactly.
        """
        if self.finder is None or not len(self):
            return self.search_exactly(queries, k)
        self._check_width(queries)
        found = self.finder.find(np.ascontiguousarray(queries, np.float32), k)
        return [
            self._rank(queries[i : i + 1], rows[None, rows >= 0], k)[0]
            for i, rows in enumerate(found)
        ]

    def search_exactly(self, queries: NDArray[np.float32], k: int) -> list[Hits]:
        """Return the k passages of highest cosine for each query vector; ties by row.

        Neither the size of blocks
        nor the number of threads can change what is found: matrix products err by their last bits,
        by where a row lies, so that all near the top are scored again, each alike.

        Args:
            queries: unit vectors of shape (queries, dimensions).

        Raises:
            ConfigError: the queries have other dimensions than the passages.
        """
        if not len(self._matrix):
            return [_NO_HITS for _ in queries]
        self._check_width(queries)
        hits: list[Hits] = []
        for start in range(0, len(queries), _QUERIES_PER_BLOCK):
            hits += self._search(
                np.ascontiguousarray(queries[start : start + _QUERIES_PER_BLOCK]), k
            )
        return hits

    def _check_width(self, queries: NDArray[np.float32]) -> None:
        if len(queries) and queries.shape[1] != self._matrix.shape[1]:
            raise ConfigError(
                f"The queries have vectors of {queries.shape[1]} numbers, the passages of "
                f"{self._matrix.shape[1]}: they come from two models. Encode both with one."
            )

    def _search(self, queries: NDArray[np.float32], k: int) -> list[Hits]:
        k = min(k, len(self))
        scores, rows = self._best(queries, min(k + _BESIDE, len(self)))
        hits = self._rank(queries, rows, k)
        # Where even the last that was found is near the top, there may be more.
        lowest = scores[:, k - 1] - _ROUNDING
        is_unsure = (scores[:, -1] >= lowest) & (rows.shape[1] < len(self))
        unsure = np.flatnonzero(is_unsure).tolist()
        for start in range(0, len(unsure), _QUERIES_PER_SECOND_LOOK):
            some = unsure[start : start + _QUERIES_PER_SECOND_LOOK]
            for i, near in zip(some, self._all_above(queries[some], lowest[some]), strict=True):
                hits[i] = self._rank(queries[i : i + 1], near[None], k)[0]
        return hits

    def _best(
        self, queries: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return scores and rows of the k best of each query, best first."""
        scores = np.empty((len(queries), 0), np.float32)
        rows = np.empty((len(queries), 0), np.int64)
        for start, block in self._blocks():
            found, places = best_of_block(queries, block, k, device=self._device)
            scores, rows = np.hstack([scores, found]), np.hstack([rows, places + start])
            order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
            scores = np.take_along_axis(scores, order, axis=1)
            rows = np.take_along_axis(rows, order, axis=1)
        return scores, rows

    def _all_above(
        self, queries: NDArray[np.float32], lowest: NDArray[np.float32]
    ) -> list[NDArray[np.int64]]:
        """Return all rows that score at least so much, for each query."""
        found: list[list[NDArray[np.int64]]] = [[] for _ in queries]
        for start, block in self._blocks():
            scores = score_block(queries, block, device=self._device)
            for rows, line, low in zip(found, scores, lowest, strict=True):
                rows.append(np.flatnonzero(line >= low) + start)
        return [np.concatenate(rows) for rows in found]

    def _blocks(self) -> Iterator[tuple[int, Block]]:
        most = max(1, _NUMBERS_PER_BLOCK // self._matrix.shape[1])
        if len(self) <= most and self._device == "cpu":
            yield 0, self._only_block
            return
        step = math.ceil(len(self) / math.ceil(len(self) / most))  # of one size, none far smaller
        for start in range(0, len(self), step):
            yield start, self._matrix[start : start + step]

    @cached_property
    def _only_block(self) -> NDArray[np.float32]:
        """All vectors as float32, where they are one block: made so once, not at each search."""
        return widen(self._matrix)

    def _rank(self, queries: NDArray[np.float32], rows: NDArray[np.int64], k: int) -> list[Hits]:
        """Return the k best of the rows of each query; `rows` is of shape (queries, rows)."""
        hits: list[Hits] = []
        for start in range(0, len(rows), _QUERIES_RANKED_AT_ONCE):
            some = rows[start : start + _QUERIES_RANKED_AT_ONCE]
            vectors = np.take(self._matrix, some, axis=0)
            scores = multiply_rows(vectors, queries[start : start + len(some)])
            order = np.lexsort((some, -scores))[:, :k]
            best = np.take_along_axis(some, order, axis=1)
            found = np.take_along_axis(scores, order, axis=1)
            hits += map(Hits, best, found)
        return hits


def _open_matrix(path: Path) -> NDArray[Any]:
    try:
        matrix: NDArray[Any] = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise StoreError(
            f"{path} is damaged or cannot be read: {error}. Remove it; it is made again."
        ) from error
    if matrix.ndim != 2 or matrix.dtype != np.float16:
        raise StoreError(f"{path} holds no vectors of passages. Remove it; it is made again.")
    return matrix
