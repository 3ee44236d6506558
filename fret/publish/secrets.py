"""Keys, tokens and passwords in the files of a dataset: every text column, in bounded memory."""

import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fret.errors import UserError
from fret.publish.folder import Entry
from fret.publish.options import Watcher
from fret.publish.patterns import NEEDLES, find_secrets, mask

_ROWS = 1000
# Text files are read in blocks, and searched in pieces that overlap by more than any token is long,
# and most private keys.
_BLOCK, _PIECE, _OVERLAP = 4 << 20, 64 << 10, 8 << 10
_TEXT_FILES = {".md", ".json", ".jsonl", ".html", ".txt", ".csv", ".tsv", ".yaml", ".yml"}
# Pictures within a page: random letters, in which a token is found by chance.
_PICTURE = re.compile(r"data:(?:image|font)/[\w.+-]+;base64,[A-Za-z0-9+/=]+")
# More different ones than this say nothing more.
_MOST = 1000


@dataclass(slots=True)
class Finding:
    """A secret in a dataset, wherever it stands."""

    kind: str
    masked: str
    hash: str
    """What `publish.not_secret` lists when a person has found it to be none."""
    place: str
    """The first place."""
    n: int = 1
    """How many places."""


def scan_files(
    entries: Iterable[Entry], watcher: Watcher, *, not_secret: frozenset[str]
) -> list[Finding]:
    """Look for secrets in the files of a dataset.

    Args:
        not_secret: hashes of findings that are none.
    """
    # Of a text that stands in several files the first is told: `full` names addresses beside it.
    entries = sorted(entries, key=_tells_little)
    found: dict[str, Finding] = {}
    watcher.starts("secrets", 0, sum(entry.size for entry in entries), unit="B")
    for entry in entries:
        for place, text in _texts(entry):
            for kind, secret in find_secrets(text):
                _note(found, kind, secret, f"{entry.name}, {place}")
        watcher.advanced("secrets", {}, n=entry.size)
    return [finding for key, finding in found.items() if key not in not_secret]


def _tells_little(entry: Entry) -> tuple[bool, bool]:
    return entry.path.suffix != ".parquet", not entry.name.startswith("full/")


def _note(found: dict[str, Finding], kind: str, secret: str, place: str) -> None:
    key = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    if key in found:
        found[key].n += 1
    elif len(found) < _MOST:
        found[key] = Finding(kind, mask(kind, secret), key, place)


def _texts(entry: Entry) -> Iterator[tuple[str, str]]:
    """Yield (place, text) of all texts of a file that may hold a secret."""
    if entry.path.suffix == ".parquet":
        yield from _parquet_texts(entry.path)
    elif entry.path.suffix in _TEXT_FILES:
        yield from _file_texts(entry.path)


def _parquet_texts(path: Path) -> Iterator[tuple[str, str]]:
    try:
        # Without pre_buffer: it holds what it has read until the end of the file.
        with pq.ParquetFile(path, pre_buffer=False) as file:
            first = 0
            for batch in file.iter_batches(batch_size=_ROWS):
                for name, column in zip(batch.schema.names, batch.columns, strict=True):
                    rows = pa.array(range(len(column)), pa.int64())
                    for row, text in _suspects(column, rows):
                        yield f"row {first + row}, column {name}", text
                first += len(batch)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path} cannot be read: {error}. Make the dataset anew.") from error


def _suspects(column: pa.Array, rows: pa.Array) -> Iterator[tuple[int, str]]:
    """Yield (row, text) of the texts at any depth of a column that hold a needle."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        yield from _suspects(column.dictionary_decode(), rows)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        hits = pc.fill_null(pc.match_substring_regex(column, NEEDLES), False)
        pairs = zip(rows.filter(hits).to_pylist(), column.filter(hits).to_pylist(), strict=True)
        yield from pairs
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from _suspects(column.flatten(), rows.take(pc.list_parent_indices(column)))
    elif pa.types.is_struct(kind):
        for field in column.flatten():
            yield from _suspects(field, rows)


def _file_texts(path: Path) -> Iterator[tuple[str, str]]:
    before = ""
    with path.open(encoding="utf-8", errors="replace") as file:
        for number in itertools.count(1):
            block = file.read(_BLOCK)
            if not block:
                return
            text = _PICTURE.sub("", before + block)
            pieces = [text[i : i + _PIECE + _OVERLAP] for i in range(0, len(text), _PIECE)]
            place = "its text" if number == 1 else f"block {number} of its text"
            for _, piece in _suspects(pa.array(pieces), pa.array(range(len(pieces)))):
                yield place, piece
            before = block[-_OVERLAP:]
