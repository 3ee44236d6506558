"""candidates: the passages that could answer each query, by words and embeddings, fused."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

from fret.checks.round_trip import measure_round_trip
from fret.choosing.kinship import Kin, Kinship
from fret.config import CandidatesSettings
from fret.figures import count
from fret.fingerprint import identity_of
from fret.reasons import Reason
from fret.records import Candidates as CandidatesRecord
from fret.records import Dropped, Query, Record
from fret.retrieval import Hit
from fret.retrieval.fuse import Pool, fuse_hits
from fret.stages.base import Stage, Tick
from fret.stages.context import Context
from fret.stages.dense import DenseRetriever
from fret.stages.effort import Effort
from fret.stages.join import join_queries
from fret.stages.word_index import WordIndex, open_word_index
from fret.store import Run

# Queries searched together: every passage's vector is read from the disk once for all of them.
_QUERIES_PER_BLOCK = 2048


class Candidates(Stage):
    """Searches all passages; the seed is always among the candidates, with its true rank."""

    name: ClassVar[str] = "candidates"
    version: ClassVar[int] = 3
    record: ClassVar[type[Record]] = CandidatesRecord
    reads: ClassVar[tuple[str, ...]] = ("passages", "queries")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._settings: CandidatesSettings = context.settings.candidates
        self._round_trip = context.settings.queries.active_checks.round_trip
        self._dense = DenseRetriever(context)
        self._effort = Effort()
        self._bm25: WordIndex | None = None

    def identity(self) -> dict[str, Any]:
        identity: dict[str, Any] = identity_of(self._settings.model_dump())
        identity["round_trip"] = self._round_trip
        identity["dense"] = self._dense.identity()
        if identity["bm25"]:
            del identity["bm25"]["backend"]  # both give the same ranking
        return identity

    def open(self, run: Run) -> None:
        self._lookup = self._context.lookup(run)
        if len(self._lookup) < self._settings.top_k:
            self._context.observer.warned(
                f"The run has {count(len(self._lookup), 'passage')}, fewer than candidates.top_k = "
                f"{self._settings.top_k}: a query has no more candidates than are found."
            )
        with self._effort.spent_on("index"):
            if self._settings.bm25:
                self._bm25 = open_word_index(
                    run, self._lookup, self._settings.bm25, self._context.observer
                )
        self._dense.open(run)

    def inputs(self, run: Run) -> Iterator[Iterable[Query]]:
        return (run.rows(Query, shard) for shard in range(run.n_shards(Query)))

    def n_units(self, run: Run) -> int:
        return run.n_rows(Query)

    def process(self, rows: Iterable[Query], tick: Tick) -> Iterator[CandidatesRecord | Dropped]:
        queries = iter(rows)
        while block := list(itertools.islice(queries, _QUERIES_PER_BLOCK)):
            with self._effort.spent_on("search"):
                records = list(self._search(block))
            for record in records:
                yield record
                tick()

    def close(self) -> None:
        # The index of all words is large, and judging may take days.
        self._bm25 = None
        self._dense.close()

    def measure(self, run: Run) -> dict[str, Any]:
        shards = range(run.n_shards(CandidatesRecord))
        found = (pair for shard in shards for pair in join_queries(run, CandidatesRecord, shard))
        effort = {"retrieval": self._effort.sum_up()}
        return measure_round_trip(found) | self._dense.measure(run) | effort

    def _search(self, block: Sequence[Query]) -> Iterator[CandidatesRecord | Dropped]:
        by_words: Sequence[Sequence[Hit]] = [[] for _ in block]
        if self._bm25 and self._settings.bm25:
            by_words = self._bm25.search(
                [query.text for query in block],
                self._settings.bm25.pool,
                languages=[query.language for query in block],
            )
        vectors, by_vectors = self._dense.search(block)
        for i, query in enumerate(block):
            vector = None if vectors is None else vectors[i]
            pool = self._fuse(by_words[i], by_vectors[i], alone=vector is None)
            yield self._make(query, pool, vector)

    def _fuse(self, by_words: Sequence[Hit], by_vectors: Sequence[Hit], *, alone: bool) -> Pool:
        fusion, alone = self._settings.fusion, alone or self._bm25 is None
        weights = (1.0, 1.0) if alone else (fusion.weights.bm25, fusion.weights.dense)
        return fuse_hits(by_words, by_vectors, fusion.k, weights)

    def _make(self, query: Query, pool: Pool, vector: Any) -> CandidatesRecord | Dropped:
        seed = self._lookup.row_of(query.passage_id) if query.passage_id else None
        if seed is not None and self._round_trip and seed not in pool.rows[: self._round_trip]:
            place = pool.rows.index(seed) + 1 if seed in pool.rows else "none"
            detail = (
                f"rank of the seed: {place}, not within {self._round_trip}: {query.text[:80]!r}"
            )
            return Dropped(self.name, query.id, Reason.SEED_NOT_RETRIEVED, detail)
        rows = pool.rows[: self._settings.top_k]
        if seed is not None and seed not in rows:
            rows = [*rows[: self._settings.top_k - 1], seed]
        n_top, top = len(rows), set(rows)
        rows += [row for row in pool.rows[: self._settings.deeper_to or 0] if row not in top]
        if len(rows) < 2:
            detail = f"found only {count(len(rows), 'passage')} for {query.text[:80]!r}"
            return Dropped(self.name, query.id, Reason.TOO_FEW_CANDIDATES, detail)
        return CandidatesRecord(
            query_id=query.id,
            seed_id=query.passage_id,
            passage_ids=tuple(self._lookup.id_of(row) for row in rows),
            bm25_ranks=tuple(pool.word_ranks.get(row) for row in rows),
            bm25_scores=tuple(pool.word_scores.get(row) for row in rows),
            dense_ranks=tuple(pool.vector_ranks.get(row) for row in rows),
            dense_scores=self._dense.cosines(rows, vector),
            seed_rank=pool.rows.index(seed) + 1 if seed in pool.rows else None,
            n_top=n_top,
            kinships=self._relate(rows, seed),
            pool_overlap=None if pool.overlap is None else round(pool.overlap, 4),
        )

    def _relate(self, rows: list[int], seed: int | None) -> tuple[str, ...]:
        if seed is None:
            return (Kinship.NONE,) * len(rows)
        found = self._lookup
        kin = Kin(found.id_of(seed), found.text_of(seed), found.page_of(seed))
        return tuple(
            kin.relate(found.id_of(row), found.text_of(row), found.page_of(row)) for row in rows
        )
