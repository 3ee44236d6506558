"""queries, from the user's own file: each row goes through the whole chain, seed or no seed."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, ClassVar

from fret.config import FileWriter
from fret.errors import UserError
from fret.fingerprint import identity_of
from fret.records import Dropped, Page, Passage, Query, Record
from fret.sources.files import hash_files
from fret.sources.tables import read_jsonl
from fret.stages.base import Question, Stage, Tick
from fret.stages.checking import QueryChecks
from fret.stages.context import Context
from fret.store import Run
from fret.writers.file import FileWriter as RowReader
from fret.writers.file import check_row

_ROWS_PER_SHARD = 10_000

Row = tuple[int, dict[str, Any]]
"""Line number and content."""


def count_rows(context: Context, writer: FileWriter) -> int:
    """Return how many queries the user's file holds."""
    return sum(1 for _ in read_jsonl(context.find_path(writer.path)))


class OwnQueries(Stage):
    """Reads queries from a jsonl file instead of writing them."""

    name: ClassVar[str] = "queries"
    version: ClassVar[int] = 3
    record: ClassVar[type[Record]] = Query
    reads: ClassVar[tuple[str, ...]] = ("pages", "passages")

    def __init__(self, context: Context, writer: FileWriter) -> None:
        self._context, self._settings, self._task = context, context.settings.queries, writer.task
        self._path = context.find_path(writer.path)
        self._n_rows = 0
        for number, row in read_jsonl(self._path):
            check_row(row, f"{self._path}, line {number}")
            self._n_rows += 1
        if not self._n_rows:
            raise UserError(f"{self._path} holds no queries.")
        self._reader = RowReader(task=self._task, passages_of={})
        self._checks = QueryChecks(context)

    def identity(self) -> dict[str, Any]:
        settings: dict[str, Any] = identity_of(self._settings.model_dump())
        settings["checks"] = self._checks.identity()
        return {**settings, "queries_sha256": hash_files([self._path], self._path)}

    def open(self, run: Run) -> None:
        self._lookup = self._context.lookup(run)
        self._reader = RowReader(task=self._task, passages_of=self._find_passages(run))
        self._checks.open()

    def questions(self) -> set[Question]:
        return self._checks.questions()

    def admit(self, records: Iterable[Record | Dropped]) -> Iterable[Record | Dropped]:
        return self._checks.admit(records)

    def remember(self, records: Iterable[Record]) -> None:
        self._checks.remember(records)

    def measure(self, run: Run) -> dict[str, Any]:
        return self._checks.measure(run)

    def inputs(self, run: Run) -> Iterator[Iterable[Row]]:
        rows, finished = read_jsonl(self._path), run.stage(self.name)
        shard = 0
        while part := list(itertools.islice(rows, _ROWS_PER_SHARD)):
            if finished.has_shard(shard):
                self._reader.remember(query.id for query in run.rows(Query, shard))
                # Also what fell: in one go its doubles are seen, too.
                fell = finished.rows(Dropped, shard, dropped=True)
                self._reader.remember(dropped.record_id for dropped in fell)
            yield part
            shard += 1

    def n_units(self, run: Run) -> int:
        return self._n_rows

    def process(self, rows: Iterable[Row], tick: Tick) -> Iterator[Query | Dropped]:
        for query in self._checks.check(map(self._with_seed, self._reader.read(rows))):
            yield query
            tick()

    def _find_passages(self, run: Run) -> dict[str, list[str]]:
        """Return the passages that the rows name, by fret's ids or by those of the source."""
        # Ids alone are kept, and those that are named: a corpus may be large.
        wanted = {row["passage_id"] for _, row in read_jsonl(self._path) if row.get("passage_id")}
        if not wanted:
            return {}
        named = {page.id: page.source_id for page in run.rows(Page) if page.source_id in wanted}
        by_own_id: dict[str, list[str]] = {}
        by_source_id: dict[str, list[str]] = {}
        for passage in self._lookup:
            if passage.id in wanted:
                by_own_id[passage.id] = [passage.id]
            if source_id := named.get(passage.page_id):
                by_source_id.setdefault(source_id, []).append(passage.id)
        return by_source_id | by_own_id

    def _with_seed(self, query: Query | Dropped) -> tuple[Query | Dropped, Passage | None]:
        """Return a query with its seed; in the seed's language, where its row gives none."""
        if isinstance(query, Dropped) or not query.passage_id:
            return query, None
        seed = self._lookup.get([query.passage_id])[0]
        return replace(query, language=query.language or seed.language), seed
