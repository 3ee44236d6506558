"""Rows of a finished stage for a person to read: a fair draw, the first ones, those with some ids.

Only the ids of all rows are read, and the whole of the few that are wanted.
"""

import hashlib
import heapq
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from fret.arrow import schema_of
from fret.errors import StoreError
from fret.records import Dropped, Record
from fret.store import Run, StageFolder

Place = tuple[int, int]
"""Number of a shard, and of a row in it."""


def draw_rows(run: Run, record: type[Record], n: int, *, seed: int = 0) -> list[Any]:
    """Draw n rows of all, the same for the same seed; a row that is added moves at most one."""
    folder = run.stage(record.STAGE)
    ranked = (
        (_hash(seed, key), (shard, row + i))
        for shard, row, keys in _read_keys(folder, record)
        for i, key in enumerate(keys.to_pylist())
    )
    return _take(folder, record, [place for _, place in heapq.nsmallest(n, ranked)])


def take_first(run: Run, record: type[Record], n: int) -> list[Any]:
    """Return the first n rows."""
    folder = run.stage(record.STAGE)
    places: Iterator[Place] = (
        (shard, row + i)
        for shard, row, keys in _read_keys(folder, record)
        for i in range(len(keys))
    )
    return _take(folder, record, list(islice(places, n)))


def draw_dropped(rows: Iterable[Dropped], n: int, *, seed: int = 0) -> list[Dropped]:
    """Draw n dropped rows at most, as evenly over the reasons as can be, reason by reason."""
    kept: dict[str, list[tuple[bytes, int, Dropped]]] = {}
    for number, row in enumerate(rows):
        heap = kept.setdefault(row.reason, [])
        # The greatest goes first out of a heap of least: all bytes turned around.
        key = bytes(255 - byte for byte in _hash(seed, f"{row.record_id} {row.detail}"))
        (heapq.heappush if len(heap) < n else heapq.heappushpop)(heap, (key, number, row))
    shares = _share_out({reason: len(heap) for reason, heap in kept.items()}, n)
    return [
        row
        for reason in sorted(shares)
        for *_, row in sorted(kept[reason], reverse=True)[: shares[reason]]
    ]


def _share_out(counts: dict[str, int], n: int) -> dict[str, int]:
    shares = dict.fromkeys(counts, 0)
    while sum(shares.values()) < n:
        more = sorted(name for name in counts if shares[name] < counts[name])
        if not more:
            break
        for name in more[: n - sum(shares.values())]:
            shares[name] += 1
    return shares


def find_ids(run: Run, record: type[Record], start: str, *, n: int = 6) -> list[str]:
    """Return the ids of a stage that begin so, n at most; only the one that equals it, if any."""
    found: dict[str, None] = {}
    for _, _, keys in _read_keys(run.stage(record.STAGE), record):
        for key in keys.filter(pc.starts_with(keys, start)).to_pylist():
            if key == start:
                return [key]
            if len(found) < n:
                found[key] = None
    return list(found)


def find_rows(run: Run, record: type[Record], ids: Collection[str]) -> dict[str, Any]:
    """Return the rows with these ids, by id; of equal ones the first."""
    wanted, places = pa.array(sorted(set(ids)), pa.string()), []
    seen: set[str] = set()
    folder = run.stage(record.STAGE)
    if not wanted:
        return {}
    for shard, row, keys in _read_keys(folder, record):
        for i in pc.indices_nonzero(pc.is_in(keys, wanted)).to_pylist():
            if (key := keys[i].as_py()) not in seen:
                seen.add(key)
                places.append((shard, row + i))
        if len(seen) == len(wanted):
            break
    return {row.key: row for row in _take(folder, record, places)}


def _hash(seed: int, key: str) -> bytes:
    return hashlib.sha256(f"{seed} {key}".encode("utf-8", "surrogatepass")).digest()


def _read_keys(folder: StageFolder, record: type[Record]) -> Iterator[tuple[int, int, Any]]:
    """Yield (shard, row of the first, ids) of every batch of rows."""
    for shard in range(len(folder.require().shards)):
        row = 0
        for batch in folder.batches([record.KEY], shard):
            yield shard, row, batch.column(0)
            row += batch.num_rows


def _take(folder: StageFolder, record: type[Record], places: list[Place]) -> list[Any]:
    """Return the rows in these places, in this order."""
    found: dict[Place, Any] = {}
    for shard in sorted({shard for shard, _ in places}):
        wanted = [row for s, row in places if s == shard]
        start = 0
        for batch in folder.batches(schema_of(record).names, shard):
            for row in wanted:
                if start <= row < start + batch.num_rows:
                    found[shard, row] = _build(folder, record, batch, row - start)
            start += batch.num_rows
            if start > max(wanted):
                break
    return [found[place] for place in places]


def _build(folder: StageFolder, record: type[Record], batch: Any, row: int) -> Any:
    try:
        return record.from_row(batch.slice(row, 1).to_pylist()[0])
    except KeyError as error:
        raise StoreError(
            f"{folder.path} was made by another version of fret: its rows have no {error}. Make "
            f"the stage anew with `fret run PIPELINE --redo {record.STAGE}`."
        ) from error
