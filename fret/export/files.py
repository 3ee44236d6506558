"""The files of an export, written row by row: JSON lines, plain tables, parquet."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

# Rows held in memory before they go to a parquet file.
_ROWS_PER_GROUP = 1_000


class Writer(Protocol):
    rows: int

    def write(self, row: Any) -> None: ...
    def close(self) -> None: ...


class Files:
    """The files of an export by name; each is opened when its first row comes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writers: dict[str, Writer] = {}

    def __enter__(self) -> "Files":
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as stack:
            for writer in self._writers.values():
                stack.callback(writer.close)

    @property
    def rows(self) -> dict[str, int]:
        """How many rows each file has."""
        return {name: writer.rows for name, writer in sorted(self._writers.items())}

    def lines(self, name: str) -> Writer:
        """Return the writer of a file of JSON objects, one a line."""
        return self._writers.get(name) or self._add(name, _JsonLines(self._path(name)))

    def table(self, name: str, header: Sequence[str] = ()) -> Writer:
        """Return the writer of a file of values with tabs between; a header where there is one."""
        return self._writers.get(name) or self._add(name, _Table(self._path(name), "\t", header))

    def trec(self, name: str) -> Writer:
        """Return the writer of a file of values with blanks between, as TREC has it."""
        return self._writers.get(name) or self._add(name, _Table(self._path(name), " ", ()))

    def parquet(self, name: str, schema: pa.Schema) -> Writer:
        """Return the writer of a parquet file."""
        return self._writers.get(name) or self._add(name, _Parquet(self._path(name), schema))

    def _path(self, name: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _add(self, name: str, writer: Writer) -> Writer:
        self._writers[name] = writer
        return writer


class _JsonLines:
    def __init__(self, path: Path) -> None:
        self.rows = 0
        self._file: IO[str] = path.open("w", encoding="utf-8", newline="\n")

    def write(self, row: Any) -> None:
        self.rows += 1
        self._file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")

    def close(self) -> None:
        self._file.close()


class _Table:
    """Values without quotes or escapes: no value may hold the separator or an end of line."""

    def __init__(self, path: Path, separator: str, header: Sequence[str]) -> None:
        self.rows = 0
        self._separator = separator
        self._file: IO[str] = path.open("w", encoding="utf-8", newline="\n")
        if header:
            self._file.write(separator.join(header) + "\n")

    def write(self, row: Any) -> None:
        self.rows += 1
        self._file.write(self._separator.join(map(str, row)) + "\n")

    def close(self) -> None:
        self._file.close()


class _Parquet:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.rows = 0
        self._schema = schema
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")
        self._waiting: list[dict[str, Any]] = []

    def write(self, row: Any) -> None:
        self.rows += 1
        self._waiting.append(row)
        if len(self._waiting) == _ROWS_PER_GROUP:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_pylist(self._waiting, schema=self._schema))
            self._waiting = []
