"""Query likelihood under a unigram language model of the passage, without any neural model."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import ClassVar

from fret.records import Passage
from fret.retrieval.tokenize import tokenize
from fret.scorers import Group, Score


class UnigramScorer:
    """log P(query | passage) with Dirichlet smoothing (Zhai & Lafferty 2001, equation 6).

    P(w | passage) =
        (count of w in the passage + mu * P(w | collection)) / (words of the passage + mu).
    Words that no passage holds are left out: they would be equally unlikely everywhere.
    """

    kind: ClassVar[str] = "unigram"
    asks: ClassVar[bool] = False
    compares: ClassVar[bool] = False
    model = ""

    def __init__(self, collection: Iterable[Passage], *, mu: float, name: str = "unigram") -> None:
        self.name = name
        self._counts: Counter[str] = Counter()
        for passage in collection:
            self._counts.update(_tokens_of(passage))
        self._total = self._counts.total()
        self._mu = mu

    def score(self, groups: Iterable[Group]) -> Iterator[list[Score]]:
        for query, passages in groups:
            words = [word for word in tokenize(query.text) if word in self._counts]
            yield [self._score(words, passage) for passage in passages]

    def _score(self, words: list[str], passage: Passage) -> Score:
        tokens = _tokens_of(passage)
        counts = Counter(tokens)
        logprob = math.fsum(
            math.log(
                (counts[word] + self._mu * self._counts[word] / self._total)
                / (len(tokens) + self._mu)
            )
            for word in words
        )
        return Score(logprob, logprob=logprob, n_tokens=len(words))


def _tokens_of(passage: Passage) -> list[str]:
    return tokenize(f"{passage.full_title}\n{passage.text}")
