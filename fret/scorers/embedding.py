"""Cosine of query and passage."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fret.retrieval.encode import Embedder
from fret.scorers import Group, Score

_QUERIES_PER_BLOCK = 64


class EmbeddingScorer:
    """Scores by the cosine of the two embeddings.

    Args:
        embedder: encodes the queries.
        vectors_of: returns the unit vectors of passages by their ids.
    """

    kind: ClassVar[str] = "embedding"
    asks: ClassVar[bool] = False
    compares: ClassVar[bool] = False

    def __init__(
        self,
        embedder: Embedder,
        vectors_of: Callable[[Sequence[str]], NDArray[Any]],
        *,
        model: str,
        name: str = "embedding",
    ) -> None:
        self.name, self.model = name, model
        self._embedder, self._vectors_of = embedder, vectors_of

    def score(self, groups: Iterable[Group]) -> Iterator[list[Score]]:
        groups = iter(groups)
        while block := list(itertools.islice(groups, _QUERIES_PER_BLOCK)):
            vectors = self._embedder.encode_queries(
                [(query.task, query.text) for query, _ in block]
            )
            for vector, (_, passages) in zip(vectors, block, strict=True):
                cosines: NDArray[np.float32] = self._vectors_of([p.id for p in passages]) @ vector
                # Rounded: the last bits depend on how many queries were encoded together.
                yield [Score(round(float(cosine), 5)) for cosine in cosines]
