"""The dense half of the stage candidates: the model, the vectors of all passages, the search."""

import heapq
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
from fret.stages.bootstrapping import bootstrap
from fret.stages.context import Context
from fret.stages.encoding import open_index
from fret.store import Run

_QUERIES_MEASURED = 200


class DenseRetriever:
    """Finds passages by their embeddings, as the pipeline file says; nothing where it says null.

    Raises:
        ConfigError: the model is missing. Only the default one may be, where words alone can do.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._settings: DenseSettings | None = context.settings.candidates.dense
        self._embedder = self._find_embedder()
        self._retriever: Embedder | None = None
        self._vectors: PassageVectors | None = None
        self._kind, self._gain = "exact", dict[str, Any]()

    def identity(self) -> dict[str, Any] | None:
        """Return all that can change what is found."""
        if self._embedder is None or self._settings is None:
            return None
        identity: dict[str, Any] = identity_of(self._settings.model_dump())
        identity["model"] = identify_model(self._settings.model)
        if self._settings.bootstrap:
            identity["seed"] = self._context.seed
        return identity

    def open(self, run: Run) -> None:
        """Train the retriever where that is wanted, and encode what was not encoded yet."""
        settings = self._settings
        if self._embedder is None or settings is None:
            return
        name, self._retriever = settings.model, self._embedder
        if settings.bootstrap:
            self._retriever, self._gain = bootstrap(
                run,
                self._embedder,
                settings.bootstrap,
                lookup=self._context.lookup(run),
                seed=self._context.seed,
                observer=self._context.observer,
            )
            name = f"{run.name}-{settings.model}"
        vectors = self._context.vectors(run, name, self._retriever)
        self._kind = _choose_search(settings, len(vectors))
        if self._kind != "exact":
            width, seed = settings.search_width, self._context.seed
            vectors.finder = open_index(run, vectors, kind=self._kind, width=width, seed=seed)
        self._vectors = vectors

    def close(self) -> None:
        self._vectors = self._retriever = None

    def search(self, queries: Sequence[Query]) -> tuple[Any, Sequence[Sequence[Hit]]]:
        """Return the queries' vectors (None without a model) and what was found for each."""
        if self._vectors is None or self._retriever is None or self._settings is None:
            return None, [[] for _ in queries]
        vectors = self._retriever.encode_queries([(query.task, query.text) for query in queries])
        return vectors, self._vectors.search(vectors, self._settings.pool)

    def cosines(self, rows: list[int], vector: Any) -> tuple[float | None, ...]:
        """Return the cosine of a query and the passage in each row; None without a model."""
        if self._vectors is None or vector is None:
            return (None,) * len(rows)
        return tuple(round(float(cosine), 5) for cosine in self._vectors.take(rows) @ vector)

    def measure(self, run: Run) -> dict[str, Any]:
        """Return figures of the retriever for the manifest: how well it finds what it should."""
        settings = self._settings
        if self._embedder is None or settings is None:
            return {}
        if self._vectors is None:  # all shards were there already
            self.open(run)
        found: dict[str, Any] = {"bootstrap": self._gain} if settings.bootstrap else {}
        if self._kind != "exact":
            found["search"] = {"kind": self._kind, **self._measure_recall(run, settings.pool)}
        return {"dense": found} if found else {}

    def _measure_recall(self, run: Run, k: int) -> dict[str, Any]:
        """Return which share of the k nearest the index finds, over a sample of queries."""
        assert self._vectors is not None and self._retriever is not None
        sample = heapq.nsmallest(_QUERIES_MEASURED, run.rows(Query), key=lambda query: query.id)
        vectors = self._retriever.encode_queries([(query.task, query.text) for query in sample])
        exact = self._vectors.search_exactly(vectors, k)
        pairs = zip(self._vectors.search(vectors, k), exact, strict=True)
        shares = [len(_rows(found) & _rows(all_)) / len(all_) for found, all_ in pairs]
        recall = round(sum(shares) / len(shares), 4) if shares else None
        return {f"recall@{k}": recall, "queries": len(sample)}

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


def _choose_search(settings: DenseSettings, n_passages: int) -> str:
    if settings.search == "auto":
        return "exact" if n_passages <= settings.exact_up_to else "ivf"
    return settings.search if n_passages else "exact"


def _rows(hits: Sequence[Hit]) -> set[int]:
    return {hit.row for hit in hits}
