"""The dataset folder as it is sent: the files that its manifest lists, checked against it."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from fret.durable import size_of
from fret.errors import UserError
from fret.publish.options import Watcher
from fret.store import Run

MANIFEST = "manifest.json"
_BLOCK = 1 << 20

_AGAIN = "Run `fret run PIPELINE` again: finished stages are not made anew, the dataset is."


class Entry(NamedTuple):
    """A file of the dataset folder, as its manifest lists it."""

    name: str
    """Its path below the folder, with slashes."""
    path: Path
    size: int
    sha256: str | None = None


class LocalFile(NamedTuple):
    """A file of the dataset folder with the two hashes by which a Hub may know it."""

    name: str
    path: Path
    size: int
    sha256: str
    git_sha1: str
    """The hash of it as a blob of git."""


def list_folder(run: Run, made_from: str) -> list[Entry]:
    """List the files that a run's dataset consists of; its manifest comes last.

    Args:
        made_from: what the manifest names when the dataset belongs to the run's examples.

    Raises:
        UserError: there is no dataset, or not all of it, or it is of other examples.
    """
    folder = run.dataset_dir
    manifest = _read_manifest(folder / MANIFEST)
    if manifest["made_from"] != made_from:
        raise UserError(
            f"The dataset in {folder} was made from other examples, or with another card, than the "
            f"run now has. {_AGAIN}"
        )
    sums = manifest.get("sha256") or {}
    entries = [
        Entry(name, folder / name, size, sums.get(name)) for name, size in manifest["sizes"].items()
    ]
    for entry in entries:
        if size_of(entry.path) != entry.size:
            raise UserError(f"{entry.path} is missing, or has another size than it had. {_AGAIN}")
    own = folder / MANIFEST
    return [*sorted(entries), Entry(MANIFEST, own, size_of(own))]


def find_unlisted(run: Run, entries: list[Entry]) -> list[str]:
    """Return the files of the dataset folder that its manifest does not list."""
    listed = {entry.name for entry in entries}
    found = (path for path in run.dataset_dir.rglob("*") if path.is_file())
    return sorted({path.relative_to(run.dataset_dir).as_posix() for path in found} - listed)


def hash_files(entries: list[Entry], watcher: Watcher) -> list[LocalFile]:
    """Read all files once.

    Raises:
        UserError: a file is not what it was when the dataset was made.
    """
    work = "reading"
    watcher.starts(work, 0, sum(entry.size for entry in entries), unit="B")
    files = []
    for number, entry in enumerate(entries, 1):
        sha256, git_sha1 = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % entry.size)
        for block in _blocks(entry.path):
            sha256.update(block)
            git_sha1.update(block)
            watcher.advanced(work, {}, n=len(block), note=f"file {number} of {len(entries)}")
        if entry.sha256 not in {None, sha256.hexdigest()}:
            raise UserError(f"{entry.path} was changed since the dataset was made. {_AGAIN}")
        files.append(LocalFile(*entry[:3], sha256.hexdigest(), git_sha1.hexdigest()))
    return files


def count_rows(file: LocalFile) -> int:
    """Return the rows of a parquet file, from its footer."""
    try:
        return int(pq.read_metadata(file.path).num_rows)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{file.path} cannot be read: {error}. {_AGAIN}") from error


def is_inside(name: str) -> bool:
    """Say whether a name stays below the folder that it is put in."""
    parts = PurePosixPath(name).parts
    return bool(parts) and ".." not in parts and not name.startswith("/") and "\\" not in name


def read_names(text: str | bytes) -> list[str] | None:
    """Return what the manifest of a dataset lists, itself included; None where it is not fret's."""
    try:
        data = json.loads(text)
        if not isinstance(data["made_from"], str):
            return None
        return [*(name for name in data["sizes"] if is_inside(name)), MANIFEST]
    except (ValueError, KeyError, TypeError):
        return None


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except (OSError, ValueError):
        raise UserError(f"There is no whole dataset in {path.parent}. {_AGAIN}") from None
    names = read_names(text)
    data: dict[str, Any] = json.loads(text) if names else {}
    if names is None or len(names) != len(data["sizes"]) + 1:
        raise UserError(f"{path} was damaged. {_AGAIN}")
    return data


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block
