"""Texts that need no extraction, in jsonl or parquet files."""

import gzip
import itertools
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fret.errors import SourceError
from fret.sources import Contents, RawPage
from fret.sources.files import hash_files, list_files, name_of

ENDINGS = (".jsonl", ".jsonl.gz", ".parquet")


class TextTables:
    """Rows of jsonl and parquet files, with named columns for text, title, url and id."""

    def __init__(
        self, path: Path, *, text: str, title: str | None, url: str | None, id: str | None
    ) -> None:
        self._root = path
        self._text, self._title, self._url, self._id = text, title, url, id

    def describe(self) -> Contents:
        files = list_files(self._root, ENDINGS, "tables of texts")
        n_pages = sum(1 for _ in self._pages())
        if not n_pages:
            raise SourceError(f"The source {self._root} holds no rows.")
        return Contents(n_pages, hash_files(files, self._root))

    def parts(self, size: int) -> Iterator[list[RawPage]]:
        pages = self._pages()
        while part := list(itertools.islice(pages, size)):
            yield part

    def _pages(self) -> Iterator[RawPage]:
        for file in list_files(self._root, ENDINGS, "tables of texts"):
            columns = [name for name in (self._text, self._title, self._url, self._id) if name]
            is_parquet = file.name.lower().endswith(".parquet")
            rows = _parquet_rows(file, columns) if is_parquet else read_jsonl(file)
            for number, row in rows:
                yield self._page(row, f"{name_of(file, self._root)}:{number}", file)

    def _page(self, row: dict[str, Any], name: str, file: Path) -> RawPage:
        text = row.get(self._text, row)
        if text is None:  # one empty row is dropped later, with its reason
            text = ""
        if not isinstance(text, str):
            found = ", ".join(sorted(map(str, row)))
            raise SourceError(
                f"{file}: row {name.rpartition(':')[2]} has no text in the column {self._text!r} "
                f"(it has: {found}). Name the right one in pages.source.text."
            )
        title, url = (
            str(row.get(column) or "") if column else "" for column in (self._title, self._url)
        )
        own_id = row.get(self._id) if self._id else None
        return RawPage(
            name, text=text, title=title, url=url, id="" if own_id is None else str(own_id)
        )


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
