"""The passages that the stage queries asks about."""

import heapq
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from fret.config import SeedsSettings
from fret.fingerprint import identity_of
from fret.records import Passage
from fret.retrieval.clusters import cluster_vectors
from fret.retrieval.encode import Embedder
from fret.retrieval.model_files import identify_model
from fret.stages.context import Context
from fret.store import Run
from fret.writers.seeds import Place, SeedRules, choose_seeds, hash_seed

# What the stage candidates encodes with; vectors do not depend on it.
_BATCH_SIZE = 64


class Seeds:
    """Chooses seeds as the pipeline file says; all passages where it says nothing.

    Raises:
        ConfigError: the embedding model for groups is missing.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.settings: SeedsSettings | None = context.settings.queries.seeds
        self._chosen: set[str] | None = None
        self._embedder: Embedder | None = None
        if self.settings and self.settings.balance == "cluster":
            self._embedder = context.embedder(
                self.settings.clusters.model, query_format="{query}", batch_size=_BATCH_SIZE
            )

    def identity(self) -> dict[str, Any] | None:
        """Return all that can change the choice."""
        if self.settings is None:
            return None
        identity: dict[str, Any] = identity_of(self.settings.model_dump())
        identity["clusters"]["model"] = identify_model(self.settings.clusters.model)
        return identity

    def open(self, run: Run) -> None:
        """Choose; `rows` and `count` may be called from then on."""
        if self.settings is None or self._chosen is not None:
            return
        rules = SeedRules(**self.settings.model_dump(exclude={"clusters"}))
        self._chosen = choose_seeds(self._places(run), rules, self._context.seed)

    def rows(self, run: Run, shard: int | None = None) -> Iterator[Passage]:
        """Stream the chosen passages of one shard, or of all."""
        chosen = self._chosen
        return (p for p in run.rows(Passage, shard) if chosen is None or p.id in chosen)

    def count(self, run: Run) -> int:
        return run.n_rows(Passage) if self._chosen is None else len(self._chosen)

    def measure(self, run: Run) -> dict[str, Any]:
        """Return how many passages were chosen, for the manifest; nothing where all are."""
        if self.settings is None:
            return {}
        n, n_chosen = run.n_rows(Passage), self.count(run)
        return {"seeds": {"passages": n, "asked": n_chosen, "not_sampled": n - n_chosen}}

    def _places(self, run: Run) -> Iterator[Place]:
        clusters = self._cluster(run)
        for row, passage in enumerate(run.rows(Passage)):
            yield Place(
                passage.id,
                page=passage.page_id,
                site=host_of(passage.url) or passage.page_id,
                language=passage.language,
                cluster=str(clusters[row]) if clusters is not None else "",
            )

    def _cluster(self, run: Run) -> Any:
        """Return the group of each passage, by row; None where none are wanted."""
        if self._embedder is None:
            return None
        assert self.settings is not None
        clusters, seed = self.settings.clusters, self._context.seed
        vectors = self._context.vectors(run, clusters.model, self._embedder)
        lookup = self._context.lookup(run)
        sample = heapq.nsmallest(
            clusters.sample, range(len(lookup)), key=lambda row: hash_seed(seed, lookup.id_of(row))
        )
        return cluster_vectors(
            vectors.take, len(lookup), sample=sample, n_clusters=clusters.count, seed=seed
        )


def host_of(url: str) -> str:
    """Return the site of an address; empty where it is none."""
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:  # not an address at all
        return ""
