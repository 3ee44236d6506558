"""Files that are whole or absent: written aside, flushed to the disk, then moved into place."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fret.arrow import schema_of
from fret.errors import StoreError
from fret.records import Record

# Rows held in memory before they go to the file; also the size of a parquet row group.
ROWS_PER_WRITE = 1000

_SEAL = "sha256.json"

# Only these become a message about the disk: the block that writes may also fail at reading its
# input.
_DISK_ERRORS = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EIO,
    errno.EFBIG,
}


def read_records(path: Path, record: type[Record]) -> Iterator[Any]:
    """Stream the records of one parquet file."""
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=ROWS_PER_WRITE):
                yield from map(record.from_row, batch.to_pylist())
    except (pa.ArrowInvalid, OSError, KeyError) as error:
        raise StoreError(f"{path} cannot be read: {error}") from error


def read_batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Stream some columns of a parquet file; fields of records in lists by their dotted paths."""
    try:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=ROWS_PER_WRITE, columns=list(columns))
    except (pa.ArrowInvalid, OSError, KeyError) as error:
        raise StoreError(f"{path} cannot be read: {error}") from error


def write_records(path: Path, record: type[Record], records: Iterable[Record]) -> None:
    """Write a parquet file of records."""
    with parquet_file(path, record) as file:
        for each in records:
            file.add(each)


def write_json(path: Path, data: Any) -> None:
    """Write JSON so that the file is either the old one or the whole new one."""
    make_folder(path.parent)
    with placed(path) as temporary:
        temporary.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", "utf-8")


class ParquetRows:
    """Collects records and writes them by row groups."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self.rows = 0
        self._writer, self._schema = writer, schema
        self._waiting: list[dict[str, Any]] = []

    def add(self, record: Record) -> None:
        self.rows += 1
        self._waiting.append(record.to_row())
        if len(self._waiting) >= ROWS_PER_WRITE:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_pylist(self._waiting, schema=self._schema))
            self._waiting = []


@contextmanager
def parquet_file(path: Path, record: type[Record]) -> Iterator[ParquetRows]:
    make_folder(path.parent)
    schema = schema_of(record)
    with (
        placed(path) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):
        file = ParquetRows(writer, schema)
        yield file
        file.flush()


@contextmanager
def placed(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; moved into place, on disk, when the block ends well.

    The block may make a file of it, or a folder.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    with explained(path):
        try:
            remove(temporary)  # a kill may have left a folder
            yield temporary
            for part in [*temporary.rglob("*"), temporary]:
                flush(part)
            temporary.replace(path)
            flush(path.parent)
        except BaseException:
            with suppress(OSError):  # what went wrong first is what matters
                remove(temporary)
            raise


def remove(path: Path) -> None:
    """Remove a file, or a folder with all in it, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn errors of the disk in the block into one that says what could not be written."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        raise StoreError(
            f"{path} cannot be written: {os.strerror(error.errno)}. Make room or give access; "
            "finished work is kept."
        ) from error


def make_folder(path: Path) -> None:
    """Make a folder and those above it, where they are not there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The folder {path} cannot be made: {error.strerror}. Mend that; finished work is kept."
        ) from error


def flush(path: Path) -> None:
    """Flush a file or a folder to the disk (folders cannot be opened for that on Windows)."""
    if path.is_dir() and os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_others(folder: Path, name: str) -> None:
    """Remove all in a folder but what has this name."""
    with explained(folder):
        for path in folder.glob("*"):
            if path.name != name:
                remove(path)


def seal(folder: Path) -> None:
    """Note what a folder's files hold, so that `is_whole` can tell damage."""
    sums = {file.name: sha256_of(file) for file in sorted(folder.iterdir())}
    (folder / _SEAL).write_text(json.dumps(sums, indent=1) + "\n", "utf-8")


def is_whole(folder: Path) -> bool:
    """Whether the files of a folder are those that were sealed; reads all of them."""
    try:
        sums = json.loads((folder / _SEAL).read_text("utf-8"))
        return bool(sums) and all(sha256_of(folder / name) == sums[name] for name in sums)
    except (OSError, ValueError, TypeError):
        return False


def keep_newest(path: Path, make: Callable[[Path], None], *, warn: Callable[[str], None]) -> None:
    """Make a folder where it is missing or damaged, and let go of what lies beside it.

    Args:
        path: its name stands for all that it is made from.
        make: fills it.
        warn: told of damage.
    """
    if path.exists() and not is_whole(path):
        warn(f"{path} is damaged; it is made anew.")
        remove(path)
    if not path.exists():
        make_folder(path.parent)
        with placed(path) as temporary:
            make(temporary)
            seal(temporary)
    remove_others(path.parent, path.name)
