"""All queries that were kept so far, and whether a new one repeats one of them."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from fret.checks import Fault
from fret.checks.duplicates import ExactDoubles, NearDoubles, SimilarVectors
from fret.language.marks import find_marks
from fret.reasons import Reason
from fret.records import Query

Encode = Callable[[Sequence[tuple[str, str]]], NDArray[np.float32]]
"""(task, query) pairs to unit vectors."""


class WholeSet:
    """The kept queries; `check` one, then `add` it if it is kept, each in the order of the set.

    Args:
        exact: whether equal texts are doubles.
        jaccard: from which similarity of words on; None: not compared.
        cosine: from which cosine of embeddings on; None: not compared.
        encode: needed with `cosine`.
    """

    def __init__(
        self, *, exact: bool, jaccard: float | None, cosine: float | None, encode: Encode | None
    ) -> None:
        self._exact = ExactDoubles() if exact else None
        self._near = NearDoubles(threshold=jaccard) if jaccard is not None else None
        self._similar = SimilarVectors(threshold=cosine) if cosine is not None else None
        self._encode = encode
        self._kept: list[tuple[str, frozenset[str]]] = []

    def look_at(self, block: Sequence[Query]) -> None:
        """Encode the queries that will be checked next."""
        if self._similar is not None and self._encode and block:
            vectors = self._encode([(query.task, query.text) for query in block])
            self._similar.look_at([query.id for query in block], vectors)

    def check(self, query: Query) -> Fault | None:
        """Say which earlier query this one repeats."""
        fault = self._exact.check(query.text) if self._exact else None
        if fault is None and self._near:
            fault = self._near.check(query.text, query.language)
        return self._check_similar(query) if fault is None else fault

    def add(self, query: Query) -> None:
        if self._exact:
            self._exact.add(query.text)
        if self._near:
            self._near.add(query.text, query.language)
        if self._similar is not None:
            self._similar.add(query.id)
            self._kept.append((query.text[:80], find_marks(query.text, query.language)))

    def _check_similar(self, query: Query) -> Fault | None:
        marks = find_marks(query.text, query.language)
        for cosine, place in self._similar.find(query.id) if self._similar is not None else ():
            text, theirs = self._kept[place]
            # Embeddings hardly see that a year is another, or that one says "not".
            if theirs == marks:
                detail = f"{query.text[:80]!r} has cosine {cosine:.3f} to {text!r}"
                return Fault(Reason.SIMILAR_QUERY, detail)
        return None
