"""The answer store: every answer ever paid for, in one SQLite file that all runs share.

An answer is durable before anyone is told of it: WAL with synchronous=FULL, one writer thread, and
group commit (all that waits goes into one transaction), which costs a few milliseconds beside the
seconds of a model. How the file is opened, `fret.llm.database` knows.

Answers that could not be used are kept apart, with their number of attempts: they are never served
as answers, and a cut-off run does not try them more often than an unbroken one. What was spent is
added up in the transaction that stores the answers, by run, model and lane.
"""

import json
import queue
import sqlite3
import threading
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any

from filelock import FileLock

from fret.errors import StoreError
from fret.llm.database import (
    connect_reader,
    connect_writer,
    describe_error,
    explained_opening,
    note_holder,
    vacuum,
)
from fret.llm.stored import Source, Spent, Stored
from fret.llm.types import Usage

# SQLite takes 32,766 parameters in one statement; more than a few hundred gain nothing.
_KEYS_PER_SELECT = 500


Work = Callable[[sqlite3.Connection], object]


class AnswerStore:
    """Answers by key, durable before acknowledged.

    Nothing is written before the first answer comes.

    Raises (any method):
        UserError: another process holds the store.
        StoreError: the file is damaged, of another version, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # Opened by whichever thread stores the first answer, released by the one that closes.
        self._lock = FileLock(f"{path}.lock", thread_local=False)
        self._reader: sqlite3.Connection | None = None
        self._writer: threading.Thread | None = None
        self._waiting: queue.SimpleQueue[tuple[Work, Future[None]] | None] = queue.SimpleQueue()
        self._reading, self._opening, self._closed = threading.Lock(), threading.Lock(), False
        if path.exists():
            self._open()

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Return the raw answers stored under some keys, by key."""
        rows = self._select_keys("SELECT key, raw FROM answers WHERE key IN ({})", keys)
        return {key: self._inflate(raw) for key, raw in rows}

    def have(self, keys: Sequence[str]) -> set[str]:
        """Return which of some keys have an answer."""
        rows = self._select_keys("SELECT key FROM answers WHERE key IN ({})", keys)
        return {key for (key,) in rows}

    def get(self, key: str) -> bytes | None:
        """Return the raw answer stored under a key."""
        return self.get_many([key]).get(key)

    def get_failures(self, keys: Sequence[str]) -> dict[str, tuple[int, str, str]]:
        """Return (attempts made, kind, detail) of the last answers that could not be used."""
        statement = (
            "SELECT key, MAX(attempt) + 1, failure, detail FROM failures WHERE key IN ({}) "
            "GROUP BY key"  # SQLite takes the other columns from the row with the maximum
        )
        return {row[0]: row[1:] for row in self._select_keys(statement, keys)}

    def get_failed_bytes(self, keys: Sequence[str]) -> set[tuple[str, bytes]]:
        """Return (key, raw answer) of all answers that could not be used."""
        rows = self._select_keys("SELECT key, raw FROM failures WHERE key IN ({})", keys)
        return {(key, self._inflate(raw)) for key, raw in rows}

    def put(self, *items: Stored) -> "Future[None]":
        """Store answers; the future is done once they are on the disk."""
        return self.write(lambda connection: insert_answers(connection, items))

    def demote(self, item: Stored) -> "Future[None]":
        """Move an answer that cannot be used, as it turned out, to the failures.

        What it cost was counted when it came.
        """

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM answers WHERE key = ?", (item.key,))
            _insert_failure(connection, item, time.time())

        return self.write(work)

    def note_unknown(self, source: Source, n: int) -> "Future[None]":
        """Count requests whose answer was lost on the way."""
        return self.write(lambda connection: _add_spent(connection, {source: [0, 0, 0, 0, n]}))

    def get_spent(self, run: str | None = None) -> list[Spent]:
        """Return what was spent, by all runs or by one."""
        rows = self.select(
            "SELECT server, model, run, lane, answers, input_tokens, output_tokens, cached_tokens, "
            "unknown FROM spent WHERE ? IN ('', run) ORDER BY run, server, model, lane",
            run or "",
        )
        return [Spent(Source(*row[:4]), row[4], Usage(*row[5:8]), row[8]) for row in rows]

    def get_ability(self, source: Source, kind: str, asked: str) -> Any:
        """Return what a probe found earlier, as JSON data; None when it was never asked."""
        rows = self.select(
            "SELECT found FROM abilities WHERE server = ? AND model = ? AND kind = ? AND asked = ?",
            *(source.server, source.model, kind, asked),
        )
        return json.loads(rows[0][0]) if rows else None

    def put_ability(self, source: Source, kind: str, asked: str, found: Any) -> "Future[None]":
        row = (source.server, source.model, kind, asked, json.dumps(found), time.time())
        statement = "INSERT OR REPLACE INTO abilities VALUES (?, ?, ?, ?, ?, ?)"
        return self.write(lambda connection: connection.execute(statement, row))

    def _select_keys(self, statement: str, keys: Sequence[str]) -> Iterator[Any]:
        """Read rows by their keys, some hundreds of them at a time."""
        for start in range(0, len(keys), _KEYS_PER_SELECT):
            some = keys[start : start + _KEYS_PER_SELECT]
            yield from self.select(statement.format(",".join("?" * len(some))), *some)

    def _inflate(self, raw: bytes) -> bytes:
        try:
            return zlib.decompress(raw)
        except zlib.error as error:
            raise describe_error(self.path, "read", error) from error

    def select(self, statement: str, *values: Any) -> list[Any]:
        """Read rows, as they are on the disk."""
        try:
            with self._reading:
                if self._reader is None:
                    return []
                with closing(self._reader.execute(statement, values)) as cursor:
                    return cursor.fetchall()
        except sqlite3.DatabaseError as error:
            raise describe_error(self.path, "read", error) from error

    def write(self, work: Work) -> "Future[None]":
        """Do some work with the writing connection, in a transaction that all waiting work shares.

        The future is done once it is on the disk.
        """
        done: Future[None] = Future()
        # Who waits may go away; the answer is stored all the same.
        done.set_running_or_notify_cancel()
        with self._opening:  # not while it is being closed: nobody would do the work
            if self._closed:
                raise StoreError(f"The answer store {self.path} is closed; the run has ended.")
            if self._writer is None:
                self._open()
            self._waiting.put((work, done))
        return done

    def compact(self) -> None:
        """Give the space of removed rows back to the disk, and close."""
        self.close()
        with explained_opening(self.path), self._lock.acquire(timeout=0):
            vacuum(self.path)

    def close(self) -> None:
        """Write what waits, and let go of the file; nothing can be written any more."""
        with self._opening:
            self._closed = True
            if self._writer is not None:
                self._waiting.put(None)
                self._writer.join()
                self._writer = None
            # A shard that nobody waits for any more may be reading; SQLite does not survive that.
            with self._reading:
                if self._reader is not None:
                    self._reader.close()
                    self._reader = None
            self._lock.release()

    def _open(self) -> None:
        with explained_opening(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
            try:
                note_holder(self.path)
                writer = connect_writer(self.path)
                self._reader = connect_reader(self.path)
            except BaseException:
                self._lock.release()
                raise
        self._writer = threading.Thread(
            target=self._write_all, args=(writer,), name="fret-answers", daemon=True
        )
        self._writer.start()

    def _write_all(self, connection: sqlite3.Connection) -> None:
        """Take what waits, commit it as one transaction, tell those who wait.

        Goes on until told to stop.
        """
        with closing(connection):
            while True:
                batch = [self._waiting.get()]
                while not self._waiting.empty():
                    batch.append(self._waiting.get())
                items = [item for item in batch if item is not None]
                try:
                    with connection:
                        for work, _ in items:
                            work(connection)
                except Exception as error:  # whatever it is, those who wait must hear of it
                    failure = describe_error(self.path, "written", error)
                    for _, done in items:
                        done.set_exception(failure)
                else:
                    for _, done in items:
                        done.set_result(None)
                if None in batch:
                    return


def insert_answers(connection: sqlite3.Connection, items: Iterable[Stored]) -> None:
    """Store answers, and count what they cost, in the transaction of the caller."""
    now = time.time()
    spent: dict[Source, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for item in items:
        if item.failure is None:
            source = item.source
            row = (item.key, source.server, source.model, item.kind, source.run, source.lane)
            connection.execute(
                "INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, zlib.compress(item.raw, 1), now),
            )
        else:
            _insert_failure(connection, item, now)
        counts = spent[item.source]
        counts[0] += 1
        counts[1] += item.usage.input_tokens
        counts[2] += item.usage.cached_tokens
        counts[3] += item.usage.output_tokens
    _add_spent(connection, spent)


def _insert_failure(connection: sqlite3.Connection, item: Stored, now: float) -> None:
    source = item.source
    row = (item.key, item.attempt, source.server, source.model, item.kind, source.run, source.lane)
    detail = item.detail.encode("utf-8", "replace").decode()
    connection.execute(
        "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*row, item.failure, detail, zlib.compress(item.raw, 1), now),
    )


def _add_spent(connection: sqlite3.Connection, spent: dict[Source, list[int]]) -> None:
    connection.executemany(
        "INSERT INTO spent VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET answers = answers + excluded.answers, "
        "input_tokens = input_tokens + excluded.input_tokens, "
        "cached_tokens = cached_tokens + excluded.cached_tokens, "
        "output_tokens = output_tokens + excluded.output_tokens, "
        "unknown = unknown + excluded.unknown",
        [(s.run, s.server, s.model, s.lane, *counts) for s, counts in spent.items()],
    )
