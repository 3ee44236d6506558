"""BM25 over all passages, by rank-bm25 or bm25s: the same formula and tokens, so the same ranking.

Score = sum over query tokens of
    ln(1 + (N - n + 0.5) / (n + 0.5)) * tf / (tf + k1 * (1 - b + b * length / average)),
as in Lucene, which keeps the weight of frequent words positive. A text without words counts as one
of length 1.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fret.retrieval import Hit
from fret.retrieval.tokenize import tokenize

# rank-bm25 looks at every passage for every word of a query, in Python: fine while that is
# milliseconds.
AUTO_RANK_BM25 = 5_000
_DECIMALS = 10
# As good as 0, for which rank-bm25 divides 0 by 0 wherever a passage lacks a word.
_SMALLEST_K1 = 1e-15


class BM25Index:
    """Ranks passages by BM25.

    Args:
        texts: all passages, in the order of their rows.
        backend: `rank-bm25`, `bm25s`, or `auto` (rank-bm25 up to `AUTO_RANK_BM25` passages).
        k1, b: the usual parameters of term saturation and length normalisation.
    """

    def __init__(
        self, texts: Iterable[str], *, backend: str = "auto", k1: float = 1.5, b: float = 0.75
    ) -> None:
        tokens = [tokenize(text) for text in texts]
        if backend == "auto":
            backend = "rank-bm25" if len(tokens) <= AUTO_RANK_BM25 else "bm25s"
        scorer = _RankBM25 if backend == "rank-bm25" else _BM25S
        # Without any passage, one without words stands in: both libraries divide by their number.
        self._scorer: _TokenScorer = scorer(tokens or [[]], k1, b)

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """Return the k best passages of each query that share a word with it."""
        return [self._search(tokenize(query), k) for query in queries]

    def _search(self, tokens: list[str], k: int) -> list[Hit]:
        # Rounded, so that scores which differ only by the order of a backend's sums are equal.
        scores = np.round(self._scorer.score(tokens), _DECIMALS)
        return [Hit(int(row), float(scores[row])) for row in top_rows(scores, k) if scores[row] > 0]


class _TokenScorer(Protocol):
    def score(self, tokens: list[str]) -> NDArray[Any]: ...


class _RankBM25:
    def __init__(self, tokens: list[list[str]], k1: float, b: float) -> None:
        from rank_bm25 import BM25Okapi

        class LuceneBM25(BM25Okapi):  # type: ignore[misc]
            def _calc_idf(self, n_with: dict[str, int]) -> None:
                n = self.corpus_size
                self.idf = {
                    word: math.log(1 + (n - m + 0.5) / (m + 0.5)) for word, m in n_with.items()
                }

        k1 = max(k1, _SMALLEST_K1)
        # An all-empty corpus would divide by zero: one word that no query holds keeps it defined.
        self._index = LuceneBM25([t or ["\0"] for t in tokens], k1=k1, b=b)
        self._scale = k1 + 1  # rank-bm25 multiplies by this constant, Lucene and bm25s do not

    def score(self, tokens: list[str]) -> NDArray[Any]:
        return np.asarray(self._index.get_scores(tokens)) / self._scale


class _BM25S:
    def __init__(self, tokens: list[list[str]], k1: float, b: float) -> None:
        import bm25s

        self._n_passages = len(tokens)
        self._index = bm25s.BM25(k1=k1, b=b, method="lucene", dtype="float64")
        self._index.index([t or ["\0"] for t in tokens], show_progress=False)

    def score(self, tokens: list[str]) -> NDArray[Any]:
        known = [token for token in tokens if token in self._index.vocab_dict]
        if not known:
            return np.zeros(self._n_passages)
        return np.asarray(self._index.get_scores(known))


def top_rows(scores: NDArray[Any], k: int) -> NDArray[np.intp]:
    """Return the rows of the k highest scores, best first; equal scores in the rows' order."""
    if k < len(scores):
        threshold = np.partition(scores, len(scores) - k)[len(scores) - k]
        rows = np.flatnonzero(scores >= threshold)
    else:
        rows = np.arange(len(scores))
    order = np.argsort(-scores[rows], kind="stable")
    return rows[order][:k]
