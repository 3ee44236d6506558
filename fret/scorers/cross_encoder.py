"""Relevance by a cross-encoder, which reads query and passage together."""

import itertools
from collections.abc import Iterable, Iterator
from typing import ClassVar

from fret.retrieval.pairs import PairModel
from fret.scorers import Group, Score

_QUERIES_PER_BLOCK = 64


class CrossEncoderScorer:
    """Scores by what a sentence-transformers cross-encoder predicts, its own activation applied."""

    kind: ClassVar[str] = "cross_encoder"
    asks: ClassVar[bool] = False
    compares: ClassVar[bool] = False

    def __init__(self, pair_model: PairModel, *, model: str, name: str = "cross_encoder") -> None:
        self.name, self.model = name, model
        self._pair_model = pair_model

    def score(self, groups: Iterable[Group]) -> Iterator[list[Score]]:
        groups = iter(groups)
        while block := list(itertools.islice(groups, _QUERIES_PER_BLOCK)):
            pairs = [
                (query.task, query.text, passage.full_title, passage.text)
                for query, passages in block
                for passage in passages
            ]
            # Rounded: the last bits depend on which pairs were read together.
            scores = iter([round(score, 5) for score in self._pair_model.score(pairs)])
            for _, passages in block:
                yield [Score(score) for score in itertools.islice(scores, len(passages))]
