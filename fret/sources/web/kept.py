"""What was fetched, on disk: one SQLite file, to which each page is added as it comes.

A page is committed before the next is asked for, so whatever ends the process, nothing that came
whole is fetched again.
"""

import json
import sqlite3
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from fret.errors import StoreError
from fret.reasons import Reason
from fret.sources.web import Fetched

_SCHEMA = """
CREATE TABLE IF NOT EXISTS pages (
    address TEXT PRIMARY KEY, fetched REAL NOT NULL, url TEXT NOT NULL, charset TEXT NOT NULL,
    reason TEXT NOT NULL, detail TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS sitemaps (
    address TEXT PRIMARY KEY, fetched REAL NOT NULL, listed TEXT NOT NULL);
"""
_VERSION = 1


class KeptPages:
    """The file; each method opens it for itself."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def writing(self) -> Iterator["PageWriter"]:
        """Open the file for adding to it; it is made where it is not there."""
        with self._opened() as connection:
            yield PageWriter(connection, self._path)

    def read(self, addresses: list[str]) -> Iterator[Fetched]:
        """Yield what became of addresses, in their order; one that was never asked for too."""
        with self._opened() as connection:
            for address in addresses:
                found = connection.execute(
                    "SELECT url, body, charset, reason, detail FROM pages WHERE address = ?",
                    (address,),
                ).fetchone()
                yield _from_row(address, found)

    def find_sitemap(self, address: str, since: float) -> tuple[list[str], list[str]] | None:
        """Return (pages, sitemaps) that a sitemap listed, where it was fetched since a time."""
        if not self._path.exists():
            return None
        with self._opened() as connection:
            found = connection.execute(
                "SELECT listed FROM sitemaps WHERE address = ? AND fetched >= ?", (address, since)
            ).fetchone()
        if found is None:
            return None
        pages, sitemaps = json.loads(found[0])
        return pages, sitemaps

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with _explained(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # A crawl writes from the thread that fetches.
            with closing(sqlite3.connect(self._path, check_same_thread=False)) as connection:
                version = connection.execute("PRAGMA user_version").fetchone()[0]
                if version not in (0, _VERSION):
                    raise StoreError(
                        f"{self._path} has format {version}; this fret knows {_VERSION}. Use the "
                        "fret that made it, or another run name (--set run=NAME)."
                    )
                connection.execute("PRAGMA synchronous = FULL")
                if version == 0:
                    with connection:
                        connection.executescript(_SCHEMA)
                        connection.execute(f"PRAGMA user_version = {_VERSION}")
                yield connection


class PageWriter:
    """The open file."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._path = connection, path

    def add(self, page: Fetched) -> None:
        """Keep a page, in place of an older one; on the disk when this returns."""
        row = (
            page.address,
            time.time(),
            page.url,
            page.charset,
            str(page.reason or ""),
            page.detail,
            zlib.compress(page.body),
        )
        self._execute("INSERT OR REPLACE INTO pages VALUES (?, ?, ?, ?, ?, ?, ?)", *row)

    def add_sitemap(self, address: str, pages: list[str], sitemaps: list[str]) -> None:
        listed = json.dumps([pages, sitemaps])
        self._execute(
            "INSERT OR REPLACE INTO sitemaps VALUES (?, ?, ?)", address, time.time(), listed
        )

    def forget_failures(self) -> None:
        self._execute("DELETE FROM pages WHERE reason != ''")

    def addresses(self, since: float) -> set[str]:
        """Return the addresses that were asked for since a time."""
        with _explained(self._path):
            rows = self._connection.execute(
                "SELECT address FROM pages WHERE fetched >= ?", (since,)
            )
            return {row[0] for row in rows}

    def _execute(self, statement: str, *values: Any) -> None:
        with _explained(self._path), self._connection:
            self._connection.execute(statement, values)


def _from_row(address: str, row: tuple[Any, ...] | None) -> Fetched:
    if row is None:
        return Fetched(address, reason=Reason.NOT_FETCHED, detail="it was never asked for")
    url, body, charset, reason, detail = row
    return Fetched(
        address, url, zlib.decompress(body), charset, Reason(reason) if reason else None, detail
    )


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, zlib.error) as error:
        raise StoreError(
            f"The fetched pages in {path} cannot be read or written: {error}. If the disk is full "
            "or the folder closed, mend that and run again; if the file is damaged, remove it: "
            "its pages are then fetched anew."
        ) from error
