"""The dense half of the stage candidates: the model, the vectors of all passages, the search."""

from collections.abc import Sequence
from typing import Any

from fret.config import DenseSettings
from fret.errors import ConfigError
from fret.fingerprint import identity_of
from fret.records import Query
from fret.retrieval import Hit
from fret.retrieval.encode import Embedder
from fret.retrieval.model_files import MINILM, identify_model
from fret.retrieval.search import PassageVectors
from fret.stages.context import Context
from fret.store import Run


class DenseRetriever:
    """Finds passages by their embeddings, as the pipeline file says; nothing where it says null.

    Raises:
        ConfigError: the model is missing. Only the default one may be, where words alone can do.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._settings: DenseSettings | None = context.settings.candidates.dense
        self._embedder = self._find_embedder()
        self._vectors: PassageVectors | None = None

    def identity(self) -> dict[str, Any] | None:
        """Return all that can change what is found."""
        if self._embedder is None or self._settings is None:
            return None
        identity: dict[str, Any] = identity_of(self._settings.model_dump())
        return identity | {"model": identify_model(self._settings.model)}

    def open(self, run: Run) -> None:
        """Encode the passages that were not encoded yet."""
        if self._embedder and self._settings:
            self._vectors = self._context.vectors(run, self._settings.model, self._embedder)

    def close(self) -> None:
        self._vectors = None

    def search(self, queries: Sequence[Query]) -> tuple[Any, list[list[Hit]]]:
        """Return the queries' vectors (None without a model) and what was found for each."""
        if not (self._vectors and self._embedder and self._settings):
            return None, [[] for _ in queries]
        vectors = self._embedder.encode_queries([(query.task, query.text) for query in queries])
        return vectors, self._vectors.search(vectors, self._settings.pool)

    def cosines(self, rows: list[int], vector: Any) -> tuple[float | None, ...]:
        """Return the cosine of a query and the passage in each row; None without a model."""
        if self._vectors is None or vector is None:
            return (None,) * len(rows)
        return tuple(round(float(cosine), 5) for cosine in self._vectors.take(rows) @ vector)

    def measure(self, run: Run) -> dict[str, Any]:
        """Return figures of the retriever for the manifest."""
        return {}

    def _find_embedder(self) -> Embedder | None:
        dense = self._settings
        if dense is None:
            return None
        try:
            return self._context.embedder(dense.model, **dense.encoding())
        except ConfigError as error:
            if self._context.settings.candidates.bm25 is None or dense.model != MINILM:
                raise
            self._context.observer.warned(f"{error} Candidates come from BM25 alone.")
            return None
