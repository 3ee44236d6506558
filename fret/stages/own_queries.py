"""queries, from the user's own file: each row goes through the whole chain, seed or no seed."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from fret.config import NO_CHECKS, FileWriter
from fret.errors import UserError
from fret.fingerprint import identity_of
from fret.records import Dropped, Passage, Query, Record
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
    version: ClassVar[int] = 1
    record: ClassVar[type[Record]] = Query
    reads: ClassVar[tuple[str, ...]] = ("passages",)

    def __init__(self, context: Context, writer: FileWriter) -> None:
        self._context, self._settings, self._task = context, context.settings.queries, writer.task
        self._path = context.find_path(writer.path)
        self._n_rows = 0
        for number, row in read_jsonl(self._path):
            check_row(row, f"{self._path}, line {number}")
            self._n_rows += 1
        if not self._n_rows:
            raise UserError(f"{self._path} holds no queries.")
        self._reader = RowReader(task=self._task, knows_passage=lambda passage_id: False)
        self._checks = QueryChecks(context)

    def identity(self) -> dict[str, Any]:
        settings: dict[str, Any] = identity_of(self._settings.model_dump())
        settings["checks"] = self._checks.identity()
        return {**settings, "queries_sha256": hash_files([self._path], self._path)}

    def open(self, run: Run) -> None:
        # A seed is a passage's id: looked up among all ids, which are small beside the texts.
        self._lookup = self._context.lookup(run)
        known = {passage.id for passage in self._lookup}
        self._reader = RowReader(task=self._task, knows_passage=known.__contains__)
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
            yield part
            shard += 1

    def n_units(self, run: Run) -> int:
        return self._n_rows

    def process(self, rows: Iterable[Row], tick: Tick) -> Iterator[Query | Dropped]:
        read = ((query, self._seed_of(query)) for query in self._reader.read(rows))
        for query in self._checks.check(read):
            yield query
            tick()

    def _seed_of(self, query: Query | Dropped) -> Passage | None:
        if isinstance(query, Dropped) or self._settings.active_checks is NO_CHECKS:
            return None
        return self._lookup.get([query.passage_id])[0] if query.passage_id else None
