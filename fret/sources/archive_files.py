"""Find, describe and open the files of an archive: here, or wherever fsspec reaches."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import fsspec

from fret.errors import FretError, SourceError, StageError

ENDINGS = (".warc", ".warc.gz", ".wet", ".wet.gz")
_MAGIC = "*?["
# So much of each end of a file is hashed: enough to tell records apart, little to fetch.
_HASHED_BYTES = 1 << 16
# What a remote read fetches at once.
_BLOCK_BYTES = 1 << 22


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """One file of a source."""

    name: str
    """Its name below what the pipeline file names: the same wherever the files lie."""
    path: str
    size: int
    system: Any
    """The fsspec file system that holds it."""

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Open it for reading.

        Raises:
            StageError: it cannot be read (now); what was read of it is good.
        """
        options = {} if _is_local(self.system) else {"block_size": _BLOCK_BYTES}
        try:
            with self.system.open(self.path, "rb", **options) as file:
                yield file
        except FretError:
            raise
        except Exception as error:  # each remote file system raises errors of its own library
            if _is_local(self.system) and not isinstance(error, OSError):
                raise
            raise StageError(
                f"{self.path} cannot be read: {error}. Run again to go on where this ended."
            ) from error

    def hash_ends(self) -> str:
        """Hash name, size, and the first and last bytes.

        Raises:
            SourceError: it cannot be read.
        """
        total = hashlib.sha256(f"{self.name}\0{self.size}\0".encode())
        try:
            with self.opened() as file:
                total.update(file.read(_HASHED_BYTES))
                if self.size > _HASHED_BYTES:
                    file.seek(max(_HASHED_BYTES, self.size - _HASHED_BYTES))
                    total.update(file.read(_HASHED_BYTES))
        except StageError as error:
            raise SourceError(str(error)) from error
        return total.hexdigest()


def find_archives(patterns: Sequence[str]) -> list[ArchiveFile]:
    """List the files that paths, folders and globs name, in the order of their names.

    Raises:
        SourceError: a pattern finds nothing, or its place cannot be reached.
    """
    found: dict[str, ArchiveFile] = {}
    for pattern in patterns:
        files = _find(pattern)
        if not files:
            raise SourceError(
                f"{pattern} finds no files (in a folder: {', '.join(ENDINGS)}). "
                "Mend pages.source.path in the pipeline file."
            )
        found |= {file.path: file for file in files if file.path not in found}
    return sorted(_with_different_names(found.values()), key=lambda file: file.name)


def _find(pattern: str) -> list[ArchiveFile]:
    try:
        system, path = fsspec.url_to_fs(pattern)
        if _is_glob(pattern) and not system.exists(path):
            root, details = _fixed_part(path), system.glob(path, detail=True)
        elif system.isdir(path):
            root, details = path, system.find(path, detail=True)
            details = {p: d for p, d in details.items() if p.lower().endswith(ENDINGS)}
        else:
            root, details = path.rpartition("/")[0], {path: system.info(path)}
    except FileNotFoundError:
        return []
    except (OSError, ValueError, ImportError) as error:  # ImportError: s3fs and its kin
        raise SourceError(f"{pattern} cannot be reached: {error}") from error
    return [
        ArchiveFile(_name_below(root, p), p, _size_of(detail, p), system)
        for p, detail in details.items()
        if detail["type"] == "file"
    ]


def finds_any(pattern: str) -> bool:
    """Whether a path or glob finds something."""
    system, path = fsspec.url_to_fs(pattern)
    return bool(system.exists(path) or (_is_glob(pattern) and system.glob(path)))


def _is_glob(pattern: str) -> bool:
    """Whether a path may stand for many; in an address, `?` begins a query."""
    return any(sign in pattern for sign in ("*[" if "://" in pattern else _MAGIC))


def _fixed_part(pattern: str) -> str:
    """Return the folder before the first sign of a glob."""
    first = min(at for sign in _MAGIC if (at := pattern.find(sign)) >= 0)
    return pattern[:first].rpartition("/")[0]


def _name_below(root: str, path: str) -> str:
    name = path.removeprefix(root).lstrip("/")
    if "://" in path:
        name = name.partition("?")[0]  # there may be a key in the query
    # A name that is not UTF-8 comes with halves of surrogate pairs, which no record can hold.
    return os.fsencode(name).decode("utf-8", "replace")


def _size_of(detail: dict[str, Any], path: str) -> int:
    if detail.get("size") is None:
        raise SourceError(f"{path}: its server does not tell its size, so it cannot be read.")
    return int(detail["size"])


def _with_different_names(files: Iterable[ArchiveFile]) -> list[ArchiveFile]:
    """Name files by their whole paths where their short names are the same."""
    files = list(files)
    names = Counter(file.name for file in files)
    return [
        file if names[file.name] == 1 else ArchiveFile(file.path, file.path, file.size, file.system)
        for file in files
    ]


def _is_local(system: Any) -> bool:
    return "file" in (system.protocol if isinstance(system.protocol, tuple) else [system.protocol])
