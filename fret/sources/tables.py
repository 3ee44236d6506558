"""Texts that need no extraction, in jsonl or parquet files."""

import gzip
import hashlib
import itertools
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fret.errors import SourceError
from fret.reasons import Reason
from fret.records import Dropped
from fret.sources import Contents, Finished, Source
from fret.sources.columns import NAME_THE_TEXT, Columns, hash_row
from fret.sources.files import list_files, name_of
from fret.sources.parts import Row

ENDINGS = (".jsonl", ".jsonl.gz", ".parquet")
_MEND = f"Mend the file. {NAME_THE_TEXT}"


class TextTables(Source):
    """Rows of jsonl and parquet files, with named columns for text, title, url and id.

    A row that is no page is dropped with its place; a file with no other rows is an error.
    """

    def __init__(self, path: Path, columns: Columns) -> None:
        self._root = path
        self._columns = columns

    def describe(self, first: int | None = None) -> Contents:
        total, n_rows = hashlib.sha256(), 0
        for row in itertools.islice(self._rows(), first):
            total.update(hash_row(row))
            n_rows += 1
        if not n_rows:
            raise SourceError(f"The source {self._root} holds no rows.")
        return Contents(n_rows, total.hexdigest())

    def parts(self, size: int, finished: Finished | None = None) -> Iterator[list[Row]]:
        rows, n_parts = self._rows(), itertools.count()
        n_finished = finished.n if finished else 0
        sizes = (finished.n_rows(i) if finished and i < n_finished else size for i in n_parts)
        while part := list(itertools.islice(rows, next(sizes))):
            yield part

    def _rows(self) -> Iterator[Row]:
        for file in list_files(self._root, ENDINGS, "tables of texts"):
            yield from self._read_file(file)

    def _read_file(self, file: Path) -> Iterator[Row]:
        is_parquet = file.name.lower().endswith(".parquet")
        rows = _parquet_rows(file, self._columns.names) if is_parquet else _jsonl_rows(file)
        name, has_pages, first_fault = name_of(file, self._root), False, ""
        for number, row in rows:
            fault = row if isinstance(row, str) else self._columns.find_fault(row)
            if isinstance(row, str) or fault:
                place = f"{'row' if is_parquet else 'line'} {number}"
                first_fault = first_fault or f"{place}: {fault}"
                yield Dropped("pages", f"{name}:{number}", Reason.BAD_ROW, f"{place}: {fault}")
            else:
                has_pages = True
                yield self._columns.read_page(row, f"{name}:{number}")
        if first_fault and not has_pages:
            raise SourceError(f"{file} holds no row that can be read. {first_fault}. {_MEND}")


def read_jsonl(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number, row) of a jsonl file, gzipped or not; blank lines are passed over.

    Raises:
        SourceError: naming the line that is no JSON object.
    """
    for number, row in _jsonl_rows(file):
        if isinstance(row, str):
            raise SourceError(f"{file}, line {number}: {row}.")
        yield number, row


def _jsonl_rows(file: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Yield (line number, row), or what is wrong with the line in the row's place."""
    opener: Any = gzip.open if file.name.lower().endswith(".gz") else open
    number = 0
    try:
        # Bytes that are no UTF-8 become halves of surrogate pairs, and only their line is lost.
        with opener(file, "rt", encoding="utf-8-sig", errors="surrogateescape") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield number, _read_line(line)
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{file} cannot be read after line {number}: {error}") from error


def _read_line(line: str) -> dict[str, Any] | str:
    try:
        line.encode("utf-8")
        row = json.loads(line)
    except UnicodeEncodeError:
        return "not UTF-8"
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}"
    return row if isinstance(row, dict) else "no JSON object"


def _parquet_rows(file: Path, columns: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with pq.ParquetFile(file) as table:
            names = set(table.schema_arrow.names)
            # Without the first, the text, all are read: so that the error can name them.
            wanted = [c for c in columns if c in names] if columns[0] in names else None
            number = itertools.count(1)
            for batch in table.iter_batches(batch_size=256, columns=wanted):
                for row in batch.to_pylist():
                    yield next(number), row
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{file} cannot be read as parquet: {error}") from error
