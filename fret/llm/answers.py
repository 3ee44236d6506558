"""The answer store: every answer ever paid for, in one SQLite file that all runs share.

An answer is durable before anyone is told of it: WAL with synchronous=FULL, one writer thread, and
group commit (all that waits goes into one transaction), which costs a few milliseconds beside the
seconds of a model. SQLite 3.7 to 3.51.2 can corrupt a WAL file when two connections write or
checkpoint at once, and Python still ships such versions: so there is one writing connection, a lock
file keeps other processes out, and reading goes through a connection opened read-only.

Answers that could not be used are kept apart, with their number of attempts: they are never served
as answers, and a cut-off run does not try them more often than an unbroken one.
"""

import json
import os
import queue
import socket
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from fret.errors import StoreError, UserError

SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, server TEXT NOT NULL, model TEXT NOT NULL, kind TEXT NOT NULL,
    raw BLOB NOT NULL, created REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS failures (
    key TEXT NOT NULL, attempt INTEGER NOT NULL,
    server TEXT NOT NULL, model TEXT NOT NULL, kind TEXT NOT NULL,
    failure TEXT NOT NULL, detail TEXT NOT NULL, raw BLOB NOT NULL, created REAL NOT NULL,
    PRIMARY KEY (key, attempt)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """One answer on its way into the store."""

    key: str
    server: str
    model: str
    kind: str
    raw: bytes
    failure: str | None = None
    """Set for an answer that could not be used."""
    detail: str = ""
    attempt: int = 0


class AnswerStore:
    """Answers by key, durable before acknowledged.

    Nothing is written before the first answer comes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # Opened by whichever thread stores the first answer, released by the one that closes.
        self._lock = FileLock(f"{path}.lock", thread_local=False)
        self._reader: sqlite3.Connection | None = None
        self._writer: threading.Thread | None = None
        self._waiting: queue.SimpleQueue[tuple[Stored, Future[None]] | None] = queue.SimpleQueue()
        self._reading, self._opening = threading.Lock(), threading.Lock()
        if path.exists():
            self._open()

    def get(self, key: str) -> bytes | None:
        """Return the raw answer stored under a key."""
        row = self._select("SELECT raw FROM answers WHERE key = ?", key)
        return zlib.decompress(row[0]) if row else None

    def get_failure(self, key: str) -> tuple[int, str, str] | None:
        """Return (attempts made, kind, detail) of the last answer that could not be used."""
        row = self._select(
            "SELECT attempt + 1, failure, detail FROM failures WHERE key = ? "
            "ORDER BY attempt DESC LIMIT 1",
            key,
        )
        return (row[0], row[1], row[2]) if row else None

    def put(self, stored: Stored) -> "Future[None]":
        """Store an answer; the future is done once it is on the disk."""
        with self._opening:
            if self._writer is None:
                self._open()
        done: Future[None] = Future()
        # Who waits may go away; the answer is stored all the same.
        done.set_running_or_notify_cancel()
        self._waiting.put((stored, done))
        return done

    def close(self) -> None:
        if self._writer is not None:
            self._waiting.put(None)
            self._writer.join()
            self._writer = None
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        self._lock.release()

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
            holder = Path(f"{self.path}.holder.json")
            holder.write_text(
                json.dumps({"pid": os.getpid(), "host": socket.gethostname()}), "utf-8"
            )
            writer = _connect_writer(self.path)
            # isolation_level None: no transaction is held open, each read sees what is committed.
            self._reader = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode=ro",
                uri=True,
                check_same_thread=False,
                isolation_level=None,
            )
        except Timeout:
            raise UserError(
                f"The answer store {self.path} is held by {_holder_of(self.path)}. "
                "Wait until it ends, "
                "or give this pipeline its own store (`answers: another/path.sqlite`)."
            ) from None
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"The answer store {self.path} cannot be opened: {error}. "
                "If the disk is full or the folder closed, mend that; if the file is damaged, "
                "move it away (with its -wal file) or restore a copy, then run again."
            ) from error
        self._writer = threading.Thread(
            target=self._write_all, args=(writer,), name="fret-answers", daemon=True
        )
        self._writer.start()

    def _select(self, statement: str, key: str) -> Any:
        if self._reader is None:
            return None
        with self._reading, closing(self._reader.execute(statement, (key,))) as cursor:
            return cursor.fetchone()

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
                        _insert(connection, (stored for stored, _ in items))
                except Exception as error:  # whatever it is, those who wait must hear of it
                    failure = StoreError(
                        f"The answer store {self.path} cannot be written: {error}. "
                        "Make room or give access; "
                        "stored answers are kept."
                    )
                    for _, done in items:
                        done.set_exception(failure)
                else:
                    for _, done in items:
                        done.set_result(None)
                if None in batch:
                    return


def _insert(connection: sqlite3.Connection, items: Iterable[Stored]) -> None:
    now = time.time()
    for item in items:
        raw = zlib.compress(item.raw, 1)
        if item.failure is None:
            row = (item.key, item.server, item.model, item.kind, raw, now)
            connection.execute("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?)", row)
        else:
            failed = (
                item.key,
                item.attempt,
                item.server,
                item.model,
                item.kind,
                item.failure,
                item.detail.encode("utf-8", "replace").decode(),
                raw,
                now,
            )
            connection.execute(
                "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", failed
            )


def _connect_writer(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, SCHEMA_VERSION):
        connection.close()
        raise StoreError(
            f"The answer store {path} has format {version}; this fret knows {SCHEMA_VERSION}. "
            "Use the fret that made it, or name another store (`answers: another/path.sqlite`)."
        )
    with connection:
        connection.executescript(_SCHEMA)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    return connection


def _holder_of(path: Path) -> str:
    try:
        data = json.loads(Path(f"{path}.holder.json").read_text("utf-8"))
        return f"process {data['pid']} on {data['host']}"
    except (OSError, ValueError, KeyError):
        return "another process"
