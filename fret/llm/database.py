"""The file of the answer store: its tables, how it is opened, and what can be wrong with it.

SQLite 3.7 to 3.51.2 can corrupt a WAL file when two connections write or checkpoint at once, and
Python still ships such versions: so there is one writing connection, a lock file keeps other
processes out, and reading goes through a connection opened read-only.
"""

import json
import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import Timeout

from fret.errors import StoreError, UserError

SCHEMA_VERSION = 3

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, server TEXT NOT NULL, model TEXT NOT NULL, kind TEXT NOT NULL,
    run TEXT NOT NULL, lane TEXT NOT NULL, raw BLOB NOT NULL, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS failures (
    key TEXT NOT NULL, attempt INTEGER NOT NULL,
    server TEXT NOT NULL, model TEXT NOT NULL, kind TEXT NOT NULL,
    run TEXT NOT NULL, lane TEXT NOT NULL,
    failure TEXT NOT NULL, detail TEXT NOT NULL, raw BLOB NOT NULL, created REAL NOT NULL,
    PRIMARY KEY (key, attempt));
CREATE TABLE IF NOT EXISTS spent (
    run TEXT NOT NULL, server TEXT NOT NULL, model TEXT NOT NULL, lane TEXT NOT NULL,
    answers INTEGER NOT NULL, input_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL, unknown INTEGER NOT NULL,
    PRIMARY KEY (run, server, model, lane));
CREATE TABLE IF NOT EXISTS abilities (
    server TEXT NOT NULL, model TEXT NOT NULL, kind TEXT NOT NULL, asked TEXT NOT NULL,
    found TEXT NOT NULL, created REAL NOT NULL, PRIMARY KEY (server, model, kind, asked));
CREATE TABLE IF NOT EXISTS parcels (
    id TEXT PRIMARY KEY, lane TEXT NOT NULL, run TEXT NOT NULL, name TEXT NOT NULL,
    server TEXT NOT NULL, model TEXT NOT NULL, state TEXT NOT NULL, n INTEGER NOT NULL,
    bytes INTEGER NOT NULL, most_usd REAL NOT NULL, file_id TEXT NOT NULL, batch_id TEXT NOT NULL,
    past_ids TEXT NOT NULL, detail TEXT NOT NULL, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS posted (
    key TEXT PRIMARY KEY, parcel TEXT NOT NULL, kind TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS posted_by_parcel ON posted (parcel);
"""


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open a store for reading only, whoever else writes to it."""
    # isolation_level None: no transaction is held open, each read sees what is committed.
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        check_same_thread=False,
        isolation_level=None,
    )


def connect_writer(path: Path) -> sqlite3.Connection:
    """Open a store for writing, and make its tables if it is new.

    Raises:
        StoreError: it is another program's, or of another version; it is left as it was.
    """
    if path.exists():
        with closing(connect_reader(path)) as reader:
            check_version(reader, path)
    connection = sqlite3.connect(path, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    with connection:
        connection.executescript(_SCHEMA)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    return connection


def check_version(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a store that another version of fret, or another program, has made.

    Raises:
        StoreError: it says what to do.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    if version == 0 and names and "answers" not in names:
        raise StoreError(
            f"{path} is a database of another program, and was left as it is. Name another file "
            "for the answer store (`answers: another/path.sqlite`)."
        )
    if version not in (0, SCHEMA_VERSION):
        raise StoreError(
            f"The answer store {path} has format {version}; this fret knows {SCHEMA_VERSION}. "
            "Use the fret that made it, or name another store (`answers: another/path.sqlite`)."
        )


def vacuum(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM")


def note_holder(path: Path) -> None:
    """Write down who holds a store, for whoever is refused."""
    holder = {"pid": os.getpid(), "host": socket.gethostname()}
    _holder_path(path).write_text(json.dumps(holder), "utf-8")


@contextmanager
def explained_opening(path: Path) -> Iterator[None]:
    """Say what is wrong, and what to do, when a store cannot be opened."""
    try:
        yield
    except Timeout:
        raise UserError(
            f"The answer store {path} is held by {_holder_of(path)}. Wait until it ends, "
            "or give this pipeline its own store (`answers: another/path.sqlite`)."
        ) from None
    except (sqlite3.Error, OSError) as error:
        raise describe_error(path, "opened", error) from error


def describe_error(path: Path, done: str, error: Exception) -> StoreError:
    return StoreError(
        f"The answer store {path} cannot be {done}: {error}. Stored answers are kept. "
        "If the disk is full or the folder closed, mend that and run again; if the file is "
        "damaged, move it away (with its -wal file) or restore a copy."
    )


def _holder_path(path: Path) -> Path:
    return Path(f"{path}.holder.json")


def _holder_of(path: Path) -> str:
    try:
        data = json.loads(_holder_path(path).read_text("utf-8"))
        return f"process {data['pid']} on {data['host']}"
    except (OSError, ValueError, KeyError):
        return "another process"
