"""Parquet files of bounded size, named after what they hold."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fret.durable import ROWS_PER_WRITE, sha256_of

# What the Hub's viewer and `datasets` deal with in one piece; their own default.
MAX_FILE_BYTES = 500_000_000
# A row group is held in memory by whoever reads the file.
_GROUP_BYTES = 16_000_000
# What a file's footer takes for each column of a row group, and besides: more than was ever seen.
_FOOTER_COLUMN, _FOOTER = 250, 20_000


@dataclass(slots=True)
class Table:
    """The files of one split of a config, and their sizes as `datasets` counts them."""

    schema: pa.Schema
    paths: list[Path] = field(default_factory=list)
    rows: int = 0
    num_bytes: int = 0
    """In memory, once loaded."""
    file_bytes: int = 0


class TableWriter:
    """Writes rows; a new file begins before one would pass `max_bytes`."""

    def __init__(
        self, folder: Path, split: str, schema: pa.Schema, *, max_bytes: int = MAX_FILE_BYTES
    ) -> None:
        self.table = Table(schema)
        self._folder, self._split, self._max_bytes = folder, split, max_bytes
        self._waiting: list[pa.Table] = []
        self._open_path = folder / f".{split}.tmp"
        self._sink: Any = None
        self._writer: Any = None
        self._n_groups = 0
        folder.mkdir(exist_ok=True)

    def add(self, rows: pa.Table) -> None:
        if not rows.num_rows:
            return
        self._waiting.append(rows)
        if (
            sum(part.num_rows for part in self._waiting) >= ROWS_PER_WRITE
            or sum(part.nbytes for part in self._waiting) >= _GROUP_BYTES
        ):
            self._flush()

    def close(self) -> None:
        """End the last file."""
        self._flush()
        self._close_file()

    def abandon(self) -> None:
        """Let go of an open file, where something went wrong."""
        if self._writer is not None:
            self._writer.close()
            self._sink.close()
            self._writer = None

    def _flush(self) -> None:
        if self._waiting:
            rows, self._waiting = pa.concat_tables(self._waiting), []
            self._write(rows.combine_chunks())

    def _write(self, rows: pa.Table) -> None:
        """Write rows as a row group, in halves where it would be too large."""
        if rows.nbytes > min(_GROUP_BYTES, self._max_bytes // 4) and rows.num_rows > 1:
            half = rows.num_rows // 2
            self._write(rows.slice(0, half))
            self._write(rows.slice(half))
            return
        # Packed, rows take less than they do here, but for what cannot be packed at all.
        if self._writer is not None and self._size() + rows.nbytes > self._max_bytes:
            self._close_file()
        if self._writer is None:
            self._open_file()
        self._writer.write_table(rows, row_group_size=rows.num_rows)
        self._n_groups += 1

    def _size(self) -> int:
        """Return how large the open file would be with its footer."""
        columns = len(self._writer.schema)
        return int(self._sink.tell()) + _FOOTER + _FOOTER_COLUMN * columns * self._n_groups

    def _open_file(self) -> None:
        self._sink, self._n_groups = pa.OSFile(str(self._open_path), "wb"), 0
        # Nobody looks for a range of texts: least and greatest values would only fill the footer.
        self._writer = pq.ParquetWriter(
            self._sink, self.table.schema, compression="zstd", write_statistics=False
        )

    def _close_file(self) -> None:
        """End the file and name it after its content.

        `datasets` caches a local folder by what its card says, not by what its files hold: with
        equal names, people would be given the rows of an older dataset.
        """
        if self._writer is None:
            return
        self.abandon()
        table = self.table
        table.file_bytes += self._open_path.stat().st_size
        for rows, n_bytes in _measure(self._open_path):
            table.rows += rows
            table.num_bytes += n_bytes
        number, digest = len(table.paths), sha256_of(self._open_path)[:12]
        path = self._folder / f"{self._split}-{number:05d}-{digest}.parquet"
        table.paths.append(self._open_path.replace(path))


def _measure(path: Path) -> Sequence[tuple[int, int]]:
    """Return rows and bytes in memory of each row group: what `datasets` reads at a time."""
    with pq.ParquetFile(path) as file:
        groups = (file.read_row_group(i) for i in range(file.num_row_groups))
        return [(group.num_rows, group.nbytes) for group in groups]
