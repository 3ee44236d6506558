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
from fret.sources import Contents, Finished, RawPage, Source
from fret.sources.columns import Columns, hash_row
from fret.sources.files import list_files, name_of

ENDINGS = (".jsonl", ".jsonl.gz", ".parquet")


class TextTables(Source):
    """Rows of jsonl and parquet files, with named columns for text, title, url and id."""

    def __init__(self, path: Path, columns: Columns) -> None:
        self._root = path
        self._columns = columns

    def describe(self, first: int | None = None) -> Contents:
        total, n_pages = hashlib.sha256(), 0
        for page in itertools.islice(self._pages(), first):
            total.update(hash_row(page))
            n_pages += 1
        if not n_pages:
            raise SourceError(f"The source {self._root} holds no rows.")
        return Contents(n_pages, total.hexdigest())

    def parts(self, size: int, finished: Finished | None = None) -> Iterator[list[RawPage]]:
        pages, n_parts = self._pages(), itertools.count()
        n_finished = finished.n if finished else 0
        sizes = (finished.n_rows(i) if finished and i < n_finished else size for i in n_parts)
        while part := list(itertools.islice(pages, next(sizes))):
            yield part

    def _pages(self) -> Iterator[RawPage]:
        for file in list_files(self._root, ENDINGS, "tables of texts"):
            is_parquet = file.name.lower().endswith(".parquet")
            rows = _parquet_rows(file, self._columns.names) if is_parquet else read_jsonl(file)
            for number, row in rows:
                name = f"{name_of(file, self._root)}:{number}"
                yield self._columns.read_page(row, name, where=f"{file}: row {number}")


def read_jsonl(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number, row) of a jsonl file, gzipped or not; blank lines are passed over.

    Raises:
        SourceError: naming the line that is no JSON object.
    """
    opener: Any = gzip.open if file.name.lower().endswith(".gz") else open
    number = 0
    try:
        with opener(file, "rt", encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield number, _read_line(line, f"{file}, line {number}")
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise SourceError(f"{file} cannot be read after line {number}: {error}") from error


def _read_line(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{where}: not JSON: {error}") from error
    if not isinstance(row, dict):
        raise SourceError(f"{where}: each line must be a JSON object.")
    return row


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
