"""candidates: the passages that could answer each query, by words and embeddings, fused."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

from fret.checks.round_trip import measure_round_trip
from fret.config import CandidatesSettings
from fret.fingerprint import identity_of
from fret.reasons import Reason
from fret.records import Candidates as CandidatesRecord
from fret.records import Dropped, Query, Record
from fret.retrieval import Hit
from fret.retrieval.bm25 import BM25Index
from fret.retrieval.fuse import fuse_ranks
from fret.stages.base import Stage, Tick
from fret.stages.context import Context
from fret.stages.dense import DenseRetriever
from fret.stages.join import join_queries
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
        self._bm25: BM25Index | None = None

    def identity(self) -> dict[str, Any]:
        identity: dict[str, Any] = identity_of(self._settings.model_dump())
        identity["round_trip"] = self._round_trip
        identity["dense"] = self._dense.identity()
        if identity["bm25"]:
            del identity["bm25"]["backend"]  # both give the same ranking
        return identity

    def open(self, run: Run) -> None:
        self._lookup = self._context.lookup(run)
        if settings := self._settings.bm25:
            texts = (f"{passage.full_title}\n{passage.text}" for passage in self._lookup)
            self._bm25 = BM25Index(texts, backend=settings.backend, k1=settings.k1, b=settings.b)
        self._dense.open(run)

    def inputs(self, run: Run) -> Iterator[Iterable[Query]]:
        return (run.rows(Query, shard) for shard in range(run.n_shards(Query)))

    def n_units(self, run: Run) -> int:
        return run.n_rows(Query)

    def process(self, rows: Iterable[Query], tick: Tick) -> Iterator[CandidatesRecord | Dropped]:
        queries = iter(rows)
        while block := list(itertools.islice(queries, _QUERIES_PER_BLOCK)):
            for record in self._search(block):
                yield record
                tick()

    def close(self) -> None:
        # The index of all words is large, and judging may take days.
        self._bm25 = None
        self._dense.close()

    def measure(self, run: Run) -> dict[str, Any]:
        shards = range(run.n_shards(CandidatesRecord))
        found = (pair for shard in shards for pair in join_queries(run, CandidatesRecord, shard))
        return measure_round_trip(found) | self._dense.measure(run)

    def _search(self, block: Sequence[Query]) -> Iterator[CandidatesRecord | Dropped]:
        by_words: list[list[Hit]] = [[] for _ in block]
        if self._bm25 and self._settings.bm25:
            by_words = self._bm25.search([query.text for query in block], self._settings.bm25.pool)
        vectors, by_vectors = self._dense.search(block)
        for i, query in enumerate(block):
            pool = _Pool.fuse(by_words[i], by_vectors[i], self._settings.fusion.k)
            vector = None if vectors is None else vectors[i]
            yield self._make(query, pool, vector)

    def _make(self, query: Query, pool: "_Pool", vector: Any) -> CandidatesRecord | Dropped:
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
            detail = f"only {len(rows)} passages were found for {query.text[:80]!r}"
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
        )


class _Pool:
    """What the retrievers put forward for one query, fused."""

    def __init__(self, rows: list[int], by_words: Sequence[Hit], by_vectors: Sequence[Hit]) -> None:
        self.rows = rows
        """Best first; ties go to the lower row."""
        self.word_ranks = {hit.row: rank for rank, hit in enumerate(by_words, 1)}
        self.word_scores = {hit.row: round(hit.score, 5) for hit in by_words}
        self.vector_ranks = {hit.row: rank for rank, hit in enumerate(by_vectors, 1)}

    @classmethod
    def fuse(cls, by_words: Sequence[Hit], by_vectors: Sequence[Hit], k: float) -> "_Pool":
        pool = cls([], by_words, by_vectors)
        rows = sorted(pool.word_ranks.keys() | pool.vector_ranks.keys())
        rankings = [
            [ranks.get(row) for row in rows] for ranks in (pool.word_ranks, pool.vector_ranks)
        ]
        fused = dict(zip(rows, fuse_ranks(rankings, k), strict=True))
        pool.rows = sorted(rows, key=lambda row: (-fused[row], row))
        return pool
