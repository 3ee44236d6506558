"""Find and hash the files of a source."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from fret.errors import SourceError


def list_files(root: Path, endings: Sequence[str], what: str) -> list[Path]:
    """List a file, or the files with these endings below a folder, in the order of their names.

    Raises:
        SourceError: nothing is there.
    """
    if not root.exists():
        raise SourceError(
            f"The source {root} does not exist. Mend pages.source.path in the pipeline file."
        )
    files = [root] if root.is_file() else sorted(p for p in root.rglob("*") if p.is_file())
    found = [file for file in files if file.name.lower().endswith(tuple(endings))]
    if not found:
        raise SourceError(f"The source {root} holds no {what} ({', '.join(endings)}).")
    return found


def name_of(file: Path, root: Path) -> str:
    """Return a file's name below its source, with forward slashes everywhere, as valid text."""
    name = file.name if file == root else file.relative_to(root).as_posix()
    # A name that is not UTF-8 comes with halves of surrogate pairs, which no record can hold.
    return os.fsencode(name).decode("utf-8", "replace")


def hash_files(files: Iterable[Path], root: Path) -> str:
    """Hash names and contents of files, in the order given."""
    total = hashlib.sha256()
    for file in files:
        try:
            with file.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise SourceError(f"{file} cannot be read: {error.strerror}.") from error
        total.update(f"{name_of(file, root)}\0{digest}\0".encode())
    return total.hexdigest()


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text file that hold something, with white space made single spaces.

    Raises:
        SourceError: it is no text, or holds nothing.
    """
    try:
        lines = [" ".join(line.split()) for line in path.read_text("utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read as text: {error}.") from error
    if not any(lines):
        raise SourceError(f"{path} holds no line of text.")
    return [line for line in lines if line]
