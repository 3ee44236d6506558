"""Looking after an answer store: what it holds, throwing away what is no longer wanted, export."""

import gzip
import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from fret.errors import StoreError, UserError
from fret.llm.answers import AnswerStore
from fret.llm.database import check_version, connect_reader, describe_error
from fret.llm.stored import Source, Spent
from fret.llm.types import Usage


@dataclass(frozen=True, slots=True)
class Group:
    """Answers of one model to one kind of request."""

    server: str
    model: str
    kind: str
    answers: int
    failures: int
    bytes: int
    """As stored, compressed."""


@dataclass(frozen=True, slots=True)
class Stats:
    """What a store holds."""

    size: int
    """Bytes on the disk, with the file of what is not yet merged."""
    groups: list[Group]
    spent: list[Spent]
    waiting: int
    """Requests that are out by batch or file."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which answers are meant; what is left out means any."""

    model: str | None = None
    server: str | None = None
    run: str | None = None
    before: float | None = None
    """Seconds since 1970."""

    @property
    def condition(self) -> tuple[str, list[Any]]:
        parts, values = ["1"], []
        for name in ("model", "server", "run"):
            if (value := getattr(self, name)) is not None:
                parts.append(f"{name} = ?")
                values.append(value)
        if self.before is not None:
            parts.append("created < ?")
            values.append(self.before)
        return " AND ".join(parts), values


def read_stats(path: Path) -> Stats:
    """Say what a store holds; another process may be working with it.

    Raises:
        UserError: there is no store.
        StoreError: it is damaged, or of another version.
    """
    with closing(_open(path)) as connection:
        try:
            return Stats(
                size=sum(p.stat().st_size for p in _files_of(path)),
                groups=[Group(*row) for row in connection.execute(_GROUPS)],
                spent=_read_spent(connection),
                waiting=connection.execute("SELECT COUNT(*) FROM posted").fetchone()[0],
            )
        except sqlite3.DatabaseError as error:
            raise describe_error(path, "read", error) from error


def read_spent(path: Path, run: str) -> list[Spent]:
    """Return what a run has spent; nothing when there is no store."""
    if not path.exists():
        return []
    with closing(_open(path)) as connection:
        try:
            return [part for part in _read_spent(connection) if part.source.run == run]
        except sqlite3.DatabaseError as error:
            raise describe_error(path, "read", error) from error


def _read_spent(connection: sqlite3.Connection) -> list[Spent]:
    return [
        Spent(Source(*row[:4]), row[4], Usage(*row[5:8]), row[8])
        for row in connection.execute(_SPENT)
    ]


_GROUPS = """
SELECT server, model, kind, SUM(good), SUM(NOT good), SUM(size) FROM (
    SELECT server, model, kind, 1 AS good, LENGTH(raw) AS size FROM answers
    UNION ALL SELECT server, model, kind, 0, LENGTH(raw) FROM failures)
GROUP BY server, model, kind ORDER BY server, model, kind
"""
_SPENT = """
SELECT server, model, run, lane, answers, input_tokens, output_tokens, cached_tokens, unknown
FROM spent ORDER BY run, server, model, lane
"""


def count_chosen(path: Path, choice: Choice, *, failures_only: bool) -> int:
    """Count what `prune` would remove."""
    where, values = choice.condition
    tables = ["failures"] if failures_only else ["answers", "failures"]
    with closing(_open(path)) as connection:
        try:
            return sum(
                connection.execute(
                    f"SELECT COUNT(*) FROM {table} WHERE {where}", values
                ).fetchone()[0]
                for table in tables
            )
        except sqlite3.DatabaseError as error:
            raise describe_error(path, "read", error) from error


def prune(path: Path, choice: Choice, *, failures_only: bool) -> int:
    """Remove answers, and give their space back to the disk; what was spent stays counted.

    Returns:
        How many were removed.

    Raises:
        UserError: there is no store, or another process holds it.
    """
    n = count_chosen(path, choice, failures_only=failures_only)
    where, values = choice.condition
    tables = ["failures"] if failures_only else ["answers", "failures"]
    store = AnswerStore(path)

    def remove(connection: sqlite3.Connection) -> None:
        for table in tables:
            connection.execute(f"DELETE FROM {table} WHERE {where}", values)

    try:
        store.write(remove).result()
        store.compact()
    finally:
        store.close()
    return n


def export(path: Path, out: Path, choice: Choice) -> int:
    """Write answers and failures as JSON lines, gzipped where the name ends in .gz.

    Returns:
        How many were written.

    Raises:
        UserError: there is no store, or no folder for the file.
        StoreError: the store cannot be read, or the file not be written; no part of it is left.
    """
    if not out.parent.is_dir():
        raise UserError(f"There is no folder {out.parent} to write {out.name} to: make it first.")
    fresh = out.with_name(f".{out.name}.new")
    try:
        n = _write_rows(fresh, _rows(path, choice), packed=out.suffix == ".gz")
        fresh.replace(out)
    except OSError as error:
        raise StoreError(
            f"{out} cannot be written: {error.strerror}. No part of it is left; mend that, or name "
            "another place, and export again."
        ) from error
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
    return n


def _write_rows(path: Path, rows: Iterable[dict[str, Any]], *, packed: bool) -> int:
    n = 0
    with _open_text(path, packed=packed) as file:
        for row in rows:
            # ASCII: half of a surrogate pair is valid JSON, but no UTF-8.
            file.write(json.dumps(row, ensure_ascii=True) + "\n")
            n += 1
    return n


def _open_text(path: Path, *, packed: bool) -> IO[str]:
    if packed:
        return cast("IO[str]", gzip.open(path, "wt", encoding="utf-8"))
    return path.open("w", encoding="utf-8")


def _rows(path: Path, choice: Choice) -> Iterator[dict[str, Any]]:
    where, values = choice.condition
    names = "key, server, model, kind, run, lane, created"
    with closing(_open(path)) as connection:
        try:
            for extra in ("NULL, NULL FROM answers", "failure, detail FROM failures"):
                statement = f"SELECT {names}, raw, {extra} WHERE {where} ORDER BY key"
                for *fields, raw, failure, detail in connection.execute(statement, values):
                    row = dict(zip(names.split(", "), fields, strict=True))
                    answer = zlib.decompress(raw).decode("utf-8", "replace")
                    yield {**row, "failure": failure, "detail": detail, "answer": answer}
        except (sqlite3.DatabaseError, zlib.error) as error:
            raise describe_error(path, "read", error) from error


def _open(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise UserError(f"There is no answer store at {path}. Name another with --store PATH.")
    try:
        connection = connect_reader(path)
        try:
            check_version(connection, path)
        except StoreError:
            connection.close()
            raise
    except sqlite3.DatabaseError as error:
        raise describe_error(path, "read", error) from error
    return connection


def _files_of(path: Path) -> list[Path]:
    return [p for p in (path, Path(f"{path}-wal")) if p.exists()]
