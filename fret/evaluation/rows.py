"""Rows of the files that collections lie in: JSON lines, parquet, tables with commas or tabs."""

import csv
import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from fret.errors import UserError

ENDINGS = (".jsonl", ".jsonl.gz", ".parquet", ".csv", ".tsv")

Row = Mapping[str, Any]
Place = str
"""What to tell people of where a row stands."""


def is_table(path: Path) -> bool:
    """Whether a file's name says that it holds rows."""
    return path.name.lower().endswith(ENDINGS)


def read_rows(path: Path) -> Iterator[tuple[Place, Row]]:
    """Yield the rows of a file with where each stands; of .csv and .tsv by their first line.

    Raises:
        UserError: it cannot be read as what its name says.
    """
    name = path.name.lower()
    try:
        if name.endswith(".parquet"):
            yield from _read_parquet(path)
        elif name.endswith((".csv", ".tsv")):
            yield from _read_csv(path, "\t" if name.endswith(".tsv") else ",")
        else:
            yield from _read_jsonl(path)
    except (OSError, EOFError, UnicodeDecodeError, pa.ArrowException, csv.Error) as error:
        raise UserError(f"{path} cannot be read: {error}. Mend the file.") from error


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a text, packed by gzip or not, without a byte order mark."""
    opener: Any = gzip.open if path.name.lower().endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        yield file


def _read_jsonl(path: Path) -> Iterator[tuple[Place, Row]]:
    with open_text(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise UserError(f"{path}, line {number} is no JSON: {error}. Mend it.") from error
            if not isinstance(row, dict):
                raise UserError(f"{path}, line {number} is no JSON object. Mend it.")
            yield f"{path}, line {number}", row


def _read_parquet(path: Path) -> Iterator[tuple[Place, Row]]:
    with pq.ParquetFile(path) as file:
        rows = (row for batch in file.iter_batches(1000) for row in batch.to_pylist())
        for number, row in enumerate(rows, 1):
            yield f"{path}, row {number}", row


def _read_csv(path: Path, delimiter: str) -> Iterator[tuple[Place, Row]]:
    with open_text(path) as file:
        # Tables with tabs seldom quote: a text may begin with a quotation mark.
        is_quoted = delimiter != "\t"
        rows = csv.DictReader(
            file, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if is_quoted else csv.QUOTE_NONE
        )
        for row in rows:
            yield f"{path}, line {rows.line_num}", row


def take_text(row: Row, columns: tuple[str, ...], place: Place) -> str:
    """Return a row's text in the first of some columns that it has.

    Raises:
        UserError: it has none of them, or no text there.
    """
    name = next((column for column in columns if column in row), None)
    if name is None:
        found = ", ".join(sorted(map(str, row)))
        raise UserError(f"{place} has no column {columns[0]!r} (it has: {found}). Mend it.")
    value = row[name]
    if not isinstance(value, str):
        raise UserError(f"{place}: {name!r} holds {_show(value)}, not a text. Mend it.")
    return _mend(value)


def take_id(row: Row, columns: tuple[str, ...], place: Place) -> str:
    """Return a row's id as text; whole numbers are taken too.

    Raises:
        UserError: there is none.
    """
    value = next((row[column] for column in columns if row.get(column) is not None), None)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise UserError(f"{place} has no id in the column {columns[0]!r}. Mend it.")
    return _mend(str(value))


def take_number(value: Any, place: Place) -> float:
    """Return a finite number, given as such or as text.

    Raises:
        UserError: it is none.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not abs(number) < float("inf"):
        raise UserError(f"{place}: {_show(value)} is no number. Mend it.")
    return number


def take_grade(value: Any, place: Place) -> int:
    """Return a grade: a whole number.

    Raises:
        UserError: it is none.
    """
    number = take_number(value, place)
    if number != int(number):
        raise UserError(f"{place}: the grade {_show(value)} is no whole number. Mend it.")
    return int(number)


def _mend(text: str) -> str:
    """Replace halves of surrogate pairs, which JSON can hold and no file or tokenizer can."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
