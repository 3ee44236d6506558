"""Passages by id or by row, from memory-mapped files: memory does not grow with the corpus.

lookup/passages.arrow    all passages, uncompressed, in the order of their rows
lookup/ids.npy           their ids, in that order
lookup/order.npy         the rows, in the order of the ids
"""

from array import array
from collections import Counter
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
_ID = f"S{ID_LENGTH}"


def write_lookup(folder: Path, passages: Iterable[Passage]) -> None:
    """Write passages into a new folder, whose files can be read in place."""
    folder.mkdir()
    schema = schema_of(Passage)
    ids = array("b")
    table = folder / "passages.arrow"
    with pa.OSFile(str(table), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        waiting: list[dict[str, Any]] = []
        for passage in passages:
            ids.frombytes(_encode(passage.id).ljust(ID_LENGTH, b"\0"))
            waiting.append(passage.to_row())
            if len(waiting) == _ROWS_PER_BATCH:
                writer.write_batch(pa.RecordBatch.from_pylist(waiting, schema=schema))
                waiting = []
        if waiting:
            writer.write_batch(pa.RecordBatch.from_pylist(waiting, schema=schema))
    found = np.frombuffer(ids, _ID) if ids else np.zeros(0, _ID)
    np.save(folder / "ids.npy", found)
    np.save(folder / "order.npy", np.argsort(found, kind="stable"))


def _encode(passage_id: str) -> bytes:
    return passage_id.encode("ascii", "replace")


class PassageLookup:
    """The passages of a run, in the order of their rows. Make the folder with `write_lookup`."""

    def __init__(self, folder: Path) -> None:
        self._columns: dict[str, list[Any]] = {}
        self._names = schema_of(Passage).names
        try:
            reader = pa.ipc.open_file(pa.memory_map(str(folder / "passages.arrow")))
            self._batches = [reader.get_batch(i) for i in range(reader.num_record_batches)]
            self._ids: NDArray[Any] = np.load(folder / "ids.npy", mmap_mode="r")
            self._order: NDArray[Any] = np.load(folder / "order.npy", mmap_mode="r")
            n_rows = sum(batch.num_rows for batch in self._batches)
            if not len(self._ids) == len(self._order) == n_rows:
                raise ValueError("its files are not of one length")
        except (pa.ArrowInvalid, OSError, ValueError, EOFError) as error:
            raise StoreError(
                f"{folder} cannot be read: {error}. Remove that folder; it is made again."
            ) from error

    def __len__(self) -> int:
        return len(self._ids)

    def find_main_language(self) -> str:
        """Return the language of most passages whose language is known; empty for none."""
        counts: Counter[str] = Counter()
        for batch in self._batches:
            for pair in batch.column("language").value_counts().to_pylist():
                counts[pair["values"]] += pair["counts"]
        counts.pop("", None)
        return min(counts, key=lambda language: (-counts[language], language), default="")

    def id_of(self, row: int) -> str:
        return str(self._ids[row].decode())

    def row_of(self, passage_id: str) -> int | None:
        """Return the row of a passage, None when no passage has this id."""
        row = int(self._find([passage_id])[0])
        return row if row >= 0 else None

    def rows_of(self, passage_ids: Sequence[str]) -> list[int]:
        """Return the rows of passages.

        Raises:
            StoreError: an id is unknown, so the stages of the run do not fit together.
        """
        if not passage_ids:
            return []
        rows = self._find(passage_ids)
        if rows.min() < 0:
            raise StoreError(
                f"The passage {passage_ids[int(rows.argmin())]} is not in the stage passages. "
                "Make the later stages anew with `fret run PIPELINE --redo candidates`."
            )
        return list(map(int, rows))

    def _find(self, passage_ids: Sequence[str]) -> NDArray[np.int64]:
        """Return the row of each id, -1 where there is none."""
        # Longer ids would have numpy copy the table for a common type; none of them is in it.
        keys = np.asarray([_encode(i) if len(i) <= ID_LENGTH else b"" for i in passage_ids], _ID)
        if len(self) == 0:
            return np.full(len(keys), -1)
        places = np.searchsorted(self._ids, keys, sorter=self._order)
        rows = self._order[np.minimum(places, len(self) - 1)]
        return np.where(self._ids[rows] == keys, rows, -1)

    def page_of(self, row: int) -> str:
        """Return the id of the page that the passage in a row is of."""
        return str(self._field("page_id", row))

    def text_of(self, row: int) -> str:
        """Return the text of the passage in a row."""
        return str(self._field("text", row))

    def _field(self, name: str, row: int) -> Any:
        # Taking a column out of its batch costs five times what reading a value of it does.
        if name not in self._columns:
            self._columns[name] = [batch.column(name) for batch in self._batches]
        return self._columns[name][row // _ROWS_PER_BATCH][row % _ROWS_PER_BATCH].as_py()

    def at(self, row: int) -> Passage:
        """Return the passage in a row."""
        return Passage.from_row({name: self._field(name, row) for name in self._names})

    def get(self, passage_ids: Sequence[str]) -> list[Passage]:
        """Return the passages with these ids, in this order.

        Raises:
            StoreError: an id is unknown, so the stages of the run do not fit together.
        """
        return [self.at(row) for row in self.rows_of(passage_ids)]

    def page_ids(self) -> Iterator[str]:
        """Yield the page of each passage, in the order of the rows."""
        return self._column("page_id")

    def ids(self) -> Iterator[str]:
        """Yield the id of each passage, in the order of the rows."""
        return self._column("id")

    def texts(self) -> Iterator[str]:
        """Yield the text of each passage, in the order of the rows."""
        return self._column("text")

    def _column(self, name: str) -> Iterator[Any]:
        for batch in self._batches:
            yield from batch.column(name).to_pylist()

    def __iter__(self) -> Iterator[Passage]:
        for batch in self._batches:
            for row in batch.to_pylist():
                yield Passage.from_row(row)
