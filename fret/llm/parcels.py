"""Requests that travel in files: what is out, and how answers come home.

A parcel is one file of requests in the form of OpenAI's Batch API, one per line, named by the hash
of its keys. Which parcels are out, and which requests each holds, stands in the answer store; it is
written there after the file is whole, and removed in the transaction that stores the answers.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from fret.llm.answers import AnswerStore, insert_answers
from fret.llm.forms import dump_json
from fret.llm.forms.reading import Transient, hide_key, load_json, usage_of
from fret.llm.stored import Source, Stored
from fret.llm.types import FailureKind

# Lines looked up, and stored, together.
_BUNCH = 500
# Asking again may help: the server was busy or ill, or the batch ran out of time.
_WORTH_ASKING_AGAIN = {0, 408, 409, 425, 429}


@dataclass(frozen=True, slots=True)
class Parcel:
    """One file of requests that is out."""

    id: str
    source: Source
    name: str
    """The model's name in the pipeline file."""
    state: str
    """written, uploaded, creating, submitted or queued."""
    n: int
    bytes: int
    most_usd: float = 0.0
    """The most that it can cost, where the price is known."""
    file_id: str = ""
    batch_id: str = ""
    past_ids: tuple[str, ...] = ()
    """Batches that were created for it and have failed."""
    detail: str = ""
    """What the service said; while it is being created, since when, in seconds."""
    created: float = field(default_factory=time.time)

    @property
    def sent(self) -> bool:
        """Whether a batch was made of it, or may have been."""
        return bool(self.batch_id) or self.state == "creating"


@dataclass(slots=True)
class TakenIn:
    """What a file of answers held."""

    answered: int = 0
    failed: int = 0
    """Requests that the server calls wrong."""
    again: int = 0
    """Requests without an answer, to be sent again."""
    unknown: int = 0
    """Lines for requests that are not out: of other runs, or doubles."""
    torn: int = 0
    """Lines that are no JSON: the last one of a file that was cut off."""
    parcels: set[str] = field(default_factory=set)
    """Those of which at least one line came."""


_COLUMNS = (
    "id, server, model, run, lane, name, state, n, bytes, most_usd, file_id, batch_id, past_ids, "
    "detail, created"
)


class Ledger:
    """Which requests are out; part of the answer store."""

    def __init__(self, store: AnswerStore) -> None:
        self._store = store

    def parcels(self, run: str, lane: str | None = None, name: str | None = None) -> list[Parcel]:
        """Return the parcels of a run that are out, oldest first."""
        rows = self._store.select(
            f"SELECT {_COLUMNS} FROM parcels WHERE run = ? AND ? IN ('', lane) AND ? IN ('', name) "
            "ORDER BY created, id",
            *(run, lane or "", name or ""),
        )
        return [_read_parcel(*row) for row in rows]

    def elsewhere(self, source: Source) -> list[Parcel]:
        """Return the parcels for a source's model that other runs, or lanes, have out."""
        rows = self._store.select(
            f"SELECT {_COLUMNS} FROM parcels WHERE server = ? AND model = ? "
            "AND (run != ? OR lane != ?)",
            *(source.server, source.model, source.run, source.lane),
        )
        return [_read_parcel(*row) for row in rows]

    def are_out(self, keys: Sequence[str]) -> dict[str, str]:
        """Return which of some keys are out, with the parcel of each."""
        return {key: parcel for key, parcel, _, _ in self._find(keys)}

    def send_off(self, parcel: Parcel, keys: Sequence[tuple[str, str]]) -> None:
        """Note that a parcel is written: (key, kind of request) of each line."""

        def work(connection: sqlite3.Connection) -> None:
            _put(connection, parcel)
            connection.executemany(
                "INSERT OR REPLACE INTO posted VALUES (?, ?, ?)",
                [(key, parcel.id, kind) for key, kind in keys],
            )

        self._store.write(work).result()

    def note(self, parcel: Parcel, **changes: Any) -> Parcel:
        """Change what is known of a parcel; it is on the disk when this returns."""
        changed = replace(parcel, **changes)
        self._store.write(lambda connection: _put(connection, changed)).result()
        return changed

    def end(self, parcel: Parcel) -> None:
        """Forget a parcel; what it left unanswered may be sent again."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM posted WHERE parcel = ?", (parcel.id,))
            connection.execute("DELETE FROM parcels WHERE id = ?", (parcel.id,))

        self._store.write(work).result()

    def count_left(self, parcel_id: str) -> int:
        """Count the requests of a parcel that are still out."""
        rows = self._store.select("SELECT COUNT(*) FROM posted WHERE parcel = ?", parcel_id)
        return int(rows[0][0]) if rows else 0

    def take_in(self, path: Path, source: Source, taken: TakenIn, *, secret: str = "") -> None:
        """Store the answers of one file, joined by their ids; reading it again changes nothing.

        Args:
            secret: the key, which some services repeat, and which is not to be stored.
        """
        written = path.stat().st_mtime
        with path.open("rb") as file:  # by lines of bytes: a text may hold U+2028
            lines = _read_lines((hide_key(raw, secret) for raw in file), taken)
            while bunch := list(islice(lines, _BUNCH)):
                self._take_bunch(bunch, source, taken, written)

    def _take_bunch(
        self, bunch: Sequence[dict[str, Any]], source: Source, taken: TakenIn, written: float
    ) -> None:
        ids = [str(line.get("custom_id")) for line in bunch]
        out = {key: (parcel, kind, sent) for key, parcel, kind, sent in self._find(ids)}
        # An answer that was read, and could not be used, is not the answer to the second attempt.
        older = [key for key, (_, _, sent) in out.items() if written < sent]
        seen = self._store.get_failed_bytes(older)
        items: dict[str, Stored] = {}
        for key, line in zip(ids, bunch, strict=True):
            if key not in out or key in items:
                taken.unknown += 1
                continue
            item = _read_line(line, key, out[key][1], source)
            if item is not None and (key, item.raw) in seen:
                taken.unknown += 1
                continue
            taken.parcels.add(out[key][0])
            if item is None:
                taken.again += 1
            else:
                items[key] = item
                taken.answered += item.failure is None
                taken.failed += item.failure is not None

        def work(connection: sqlite3.Connection) -> None:
            insert_answers(connection, items.values())
            connection.executemany("DELETE FROM posted WHERE key = ?", [(key,) for key in items])

        self._store.write(work).result()

    def _find(self, keys: Sequence[str]) -> list[Any]:
        marks = ",".join("?" * len(keys))
        statement = (
            "SELECT key, parcel, kind, created FROM posted JOIN parcels ON parcel = id "
            f"WHERE key IN ({marks})"
        )
        return self._store.select(statement, *keys)


def _read_parcel(key: str, server: str, model: str, run: str, lane: str, *rest: Any) -> Parcel:
    *fields, past_ids, detail, created = rest
    source = Source(server, model, run, lane)
    values: list[Any] = [key, source, *fields, tuple(json.loads(past_ids)), detail, created]
    return Parcel(*values)


def _put(connection: sqlite3.Connection, parcel: Parcel) -> None:
    source = parcel.source
    row = (
        *(parcel.id, source.server, source.model, source.run, source.lane, parcel.name),
        *(parcel.state, parcel.n, parcel.bytes, parcel.most_usd),
        *(parcel.file_id, parcel.batch_id),
        *(json.dumps(parcel.past_ids), parcel.detail, parcel.created),
    )
    marks = ",".join("?" * len(row))
    connection.execute(f"INSERT OR REPLACE INTO parcels ({_COLUMNS}) VALUES ({marks})", row)


def _read_lines(file: Iterable[bytes], taken: TakenIn) -> Iterator[dict[str, Any]]:
    for raw in file:
        if not raw.strip():
            continue
        try:
            line = load_json(raw)
        except Transient:
            taken.torn += 1
            continue
        if isinstance(line, dict):
            yield line
        else:
            taken.torn += 1


def _read_line(line: dict[str, Any], key: str, kind: str, source: Source) -> Stored | None:
    """Read one line; None when its request must be sent again."""
    response = line.get("response")
    response = response if isinstance(response, dict) else {}
    status, body = response.get("status_code", 0), response.get("body")
    if status == 200 and isinstance(body, dict) and not line.get("error"):
        return Stored(key, source, kind, dump_json(body), usage_of(body))
    if not isinstance(status, int) or status in _WORTH_ASKING_AGAIN or not 400 <= status < 500:
        return None
    said = json.dumps(body or line.get("error"), ensure_ascii=False)[:300]
    failure, detail = FailureKind.REJECTED, f"status {status}: {said}"
    return Stored(key, source, kind, b"", failure=failure, detail=detail)


def describe_elsewhere(parcels: Sequence[Parcel]) -> str:
    """Say where requests are out that a run would otherwise ask itself, and pay again."""
    out = sorted({(parcel.source.run, parcel.source.lane) for parcel in parcels})
    where = " and ".join(f"for the run {run} by {lane}" for run, lane in out)
    return (
        f"out {where}. With the pipeline of that run, take their answers in (`fret run`, or "
        "`fret batch collect`) and run again, or end them (`fret batch cancel`)."
    )
