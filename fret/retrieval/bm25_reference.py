"""BM25 by rank-bm25: plain Python over every passage, the reference for the fast index."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fret.retrieval import Hit
from fret.retrieval.bm25 import DECIMALS, Formula, Texts, top_rows
from fret.retrieval.tokenize import Tokenizer

# As good as 0, for which rank-bm25 divides 0 by 0 wherever a passage lacks a word.
_SMALLEST_K1 = 1e-15
# Stands for all the words of a text that has none; no query holds it.
_NO_WORD = "\0"


class ReferenceBM25:
    """Ranks passages by BM25, each query in time that grows with the number of passages."""

    def __init__(
        self, texts: Texts, *, formula: Formula | None = None, tokenizer: Tokenizer | None = None
    ) -> None:
        self._tokenizer = tokenizer or Tokenizer()
        tokens = [self._tokenizer.tokenize(*each) or [_NO_WORD] for each in texts]
        # Without any passage, one without words stands in: rank-bm25 divides by their number.
        self._scorer = _Scorer(tokens or [[_NO_WORD]], formula or Formula())

    def search(
        self, queries: Sequence[str], k: int, *, languages: Sequence[str] | None = None
    ) -> list[list[Hit]]:
        """Return the k best passages of each query that share a word with it."""
        languages = languages or [""] * len(queries)
        return [self._search(*each, k) for each in zip(queries, languages, strict=True)]

    def _search(self, query: str, language: str, k: int) -> list[Hit]:
        scores = np.round(self._scorer.score(self._tokenizer.tokenize(query, language)), DECIMALS)
        return [Hit(int(row), float(scores[row])) for row in top_rows(scores, k) if scores[row] > 0]


class _Scorer:
    """rank-bm25 with the weight of words that is asked for."""

    def __init__(self, tokens: list[list[str]], formula: Formula) -> None:
        from rank_bm25 import BM25Okapi

        class Index(BM25Okapi):  # type: ignore[misc]
            def _calc_idf(self, n_with: Mapping[str, int]) -> None:
                for word, n in n_with.items():
                    odds = (self.corpus_size - n + 0.5) / (n + 0.5)
                    is_lucene = formula.variant == "lucene"
                    self.idf[word] = math.log(1 + odds if is_lucene else max(odds, 1))

        k1 = max(formula.k1, _SMALLEST_K1)
        self._index = Index(tokens, k1=k1, b=formula.b)
        self._scale = k1 + 1  # rank-bm25 multiplies by this constant, bm25s does not

    def score(self, tokens: list[str]) -> NDArray[Any]:
        return np.asarray(self._index.get_scores(tokens)) / self._scale
