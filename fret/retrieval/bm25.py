"""BM25 over all passages, by rank-bm25 or bm25s: the same formula and tokens, so the same ranking.

`fret.retrieval.bm25_reference` holds all in Python and looks at every passage for every word: fine
while that is milliseconds. `fret.retrieval.bm25_sparse` reads a saved index in place.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Variant = Literal["lucene", "robertson"]
Texts = Iterable[tuple[str, str]]
"""(text, language) of passages in the order of their rows."""

# With a query for each passage, as is usual, rank-bm25 takes as long for all of it at 500 to 1,000
# passages as loading bm25s and numba does; beyond, its time grows with the square
# (tests/benchmarks/retrieval.py).
AUTO_RANK_BM25 = 1_000
# Scores that differ only by the order of a library's sums must be equal, so that rows break ties.
DECIMALS = 10


@dataclass(frozen=True, slots=True)
class Formula:
    """Which BM25; a word's weight is idf times its saturated frequency tf / (tf + K).

    K = k1 * (1 - b + b * length / average length), N passages, n of them with the word:

    - lucene: idf = ln(1 + (N - n + 0.5) / (n + 0.5)), which stays positive for frequent words;
    - robertson: idf = ln((N - n + 0.5) / (n + 0.5)), at least 0.

    See Kamphuis et al. (2020), "Which BM25 do you mean?". A text without words counts as one of
    length 1. BM25+ and BM25L are not here: both libraries give BM25+'s bonus to passages without
    the word too, which changes no ranking, and rank-bm25's BM25L has the frequency twice.
    """

    variant: Variant = "lucene"
    k1: float = 1.5
    """How much a word counts that stands there again."""
    b: float = 0.75
    """How much a passage's length counts against it."""

    def weigh_words(self, n_with: NDArray[Any], n_passages: int) -> NDArray[np.float64]:
        """Return the idf of words by the number of passages that hold each; 0 for none."""
        n = np.maximum(n_with, 1).astype(np.float64)
        odds = (n_passages - n + 0.5) / (n + 0.5)
        idf = np.log(1 + odds if self.variant == "lucene" else np.maximum(odds, 1))
        return np.where(n_with > 0, idf, 0.0)

    def saturate(
        self, frequencies: NDArray[Any], lengths: NDArray[Any], average: float
    ) -> NDArray[np.float64]:
        """Return what idf is multiplied by, for words that stand in passages of some lengths."""
        tf = frequencies.astype(np.float64)
        return tf / (tf + self.k1 * (1 - self.b + self.b * lengths / average))


def choose_backend(backend: str, n_passages: int) -> str:
    """Return what `auto` stands for: `rank-bm25` up to `AUTO_RANK_BM25` passages, else `bm25s`."""
    if backend != "auto":
        return backend
    return "rank-bm25" if n_passages <= AUTO_RANK_BM25 else "bm25s"


def top_rows(scores: NDArray[Any], k: int) -> NDArray[np.intp]:
    """Return the rows of the k highest scores, best first; equal scores in the rows' order."""
    if k < len(scores):
        threshold = np.partition(scores, len(scores) - k)[len(scores) - k]
        rows = np.flatnonzero(scores >= threshold)
    else:
        rows = np.arange(len(scores))
    order = np.argsort(-scores[rows], kind="stable")
    return rows[order][:k]
