"""Passages by id or by row, from a memory-mapped file: memory does not grow with the corpus."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fret.arrow import schema_of
from fret.errors import StoreError
from fret.records import ID_LENGTH, Passage

_ROWS_PER_BATCH = 1000


def write_table(path: Path, passages: Iterable[Passage]) -> None:
    """Write passages as an uncompressed Arrow file, which can be read in place."""
    schema = schema_of(Passage)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        waiting: list[dict[str, Any]] = []
        for passage in passages:
            waiting.append(passage.to_row())
            if len(waiting) == _ROWS_PER_BATCH:
                writer.write_batch(pa.RecordBatch.from_pylist(waiting, schema=schema))
                waiting = []
        if waiting:
            writer.write_batch(pa.RecordBatch.from_pylist(waiting, schema=schema))


class PassageLookup:
    """The passages of a run, in the order of their rows. Build the file with `write_table`."""

    def __init__(self, path: Path) -> None:
        self._batches = _open_batches(path)
        self._columns: dict[str, list[Any]] = {}
        ids = [np.asarray(b.column("id").to_pylist(), dtype=f"S{ID_LENGTH}") for b in self._batches]
        self._ids: NDArray[Any] = (
            np.concatenate(ids) if ids else np.array([], dtype=f"S{ID_LENGTH}")
        )
        self._order = np.argsort(self._ids, kind="stable")
        self._sorted = self._ids[self._order]

    def __len__(self) -> int:
        return len(self._ids)

    def id_of(self, row: int) -> str:
        return str(self._ids[row].decode())

    def row_of(self, passage_id: str) -> int | None:
        """Return the row of a passage, None when no passage has this id."""
        key = passage_id.encode("ascii", "replace")
        place = int(np.searchsorted(self._sorted, key))
        found = place < len(self._sorted) and self._sorted[place] == key
        return int(self._order[place]) if found else None

    def rows_of(self, passage_ids: Sequence[str]) -> list[int]:
        """Return the rows of passages.

        Raises:
            StoreError: an id is unknown, so the stages of the run do not fit together.
        """
        if not passage_ids:
            return []
        keys = np.asarray([passage_id.encode("ascii", "replace") for passage_id in passage_ids])
        places = np.searchsorted(self._sorted, keys)
        inside = np.minimum(places, len(self._sorted) - 1)
        known = self._sorted[inside] == keys if len(self._sorted) else np.zeros(len(keys), bool)
        if not known.all():
            raise StoreError(
                f"The passage {passage_ids[int(np.argmin(known))]} is not in the stage passages. "
                "Make the later stages anew with `--redo candidates`."
            )
        return list(map(int, self._order[places]))

    def page_of(self, row: int) -> str:
        """Return the id of the page that the passage in a row is of."""
        return self._field("page_id", row)

    def text_of(self, row: int) -> str:
        """Return the text of the passage in a row."""
        return self._field("text", row)

    def _field(self, name: str, row: int) -> str:
        if name not in self._columns:
            self._columns[name] = [batch.column(name) for batch in self._batches]
        return str(self._columns[name][row // _ROWS_PER_BATCH][row % _ROWS_PER_BATCH])

    def at(self, row: int) -> Passage:
        """Return the passage in a row."""
        batch = self._batches[row // _ROWS_PER_BATCH]
        offset = row % _ROWS_PER_BATCH
        names = batch.schema.names
        return Passage.from_row({name: batch.column(name)[offset].as_py() for name in names})

    def get(self, passage_ids: Sequence[str]) -> list[Passage]:
        """Return the passages with these ids, in this order.

        Raises:
            StoreError: an id is unknown, so the stages of the run do not fit together.
        """
        return [self.at(row) for row in self.rows_of(passage_ids)]

    def __iter__(self) -> Iterator[Passage]:
        for batch in self._batches:
            for row in batch.to_pylist():
                yield Passage.from_row(row)


def _open_batches(path: Path) -> list[Any]:
    try:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        return [reader.get_batch(i) for i in range(reader.num_record_batches)]
    except (pa.ArrowInvalid, OSError) as error:
        raise StoreError(f"{path} cannot be read: {error}. Remove it; it is made again.") from error
