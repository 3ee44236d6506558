"""The folder of an export: refused where it holds what is not fret's, moved into place whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from fret.durable import explained, flush, make_folder, remove, sha256_of, size_of
from fret.errors import UserError

# No .json: FlagEmbedding takes every file of a folder with that ending for training data.
MANIFEST = "manifest.yaml"
_MADE_BY = "fret export"


def check_folder(out: Path) -> None:
    """Refuse a folder that an export would spoil.

    Raises:
        UserError: it is no folder, or holds files that no export of fret wrote.
    """
    if not out.exists() and not out.is_symlink():
        return
    if not out.is_dir():
        raise UserError(f"{out} is not a folder; name another with --out.")
    if Path.cwd().resolve().is_relative_to(out.resolve()):
        raise UserError(f"{out} is the current folder or above it; name another with --out.")
    there = {p.relative_to(out).as_posix() for p in out.rglob("*") if not p.is_dir()}
    strange = sorted(there - _list_written(out))
    if strange:
        more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
        raise UserError(
            f"{out} holds what `fret export` did not write: {strange[0]}{more}. Nothing was "
            "changed; name another folder with --out, or empty this one."
        )


def _list_written(out: Path) -> set[str]:
    """Return the names of the files that an earlier export wrote there."""
    try:
        manifest = yaml.safe_load((out / MANIFEST).read_text("utf-8"))
        if manifest["made_by"] != _MADE_BY:
            return set()
        return {*map(str, manifest["files"]), "README.md", MANIFEST}
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return set()


@contextmanager
def replaced_folder(out: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `out`, on disk, when the block ends well."""
    out = out.resolve()  # where a link leads, not the link
    make_folder(out.parent)
    fresh, old = (out.with_name(f".{out.name}.{what}") for what in ("new", "old"))
    with explained(out):
        try:
            remove(fresh)
            fresh.mkdir()
            yield fresh
            for part in [*fresh.rglob("*"), fresh]:
                flush(part)
            remove(old)
            if out.exists():
                out.replace(old)
            fresh.replace(out)
            flush(out.parent)
        finally:
            remove(fresh)
            if old.exists() and not out.exists():
                old.replace(out)
    remove(old)


def write_manifest(folder: Path, rows: dict[str, int], facts: dict[str, Any]) -> None:
    """Write what an export is and which files are its own."""
    files = {
        name: {"rows": n, "bytes": size_of(folder / name), "sha256": sha256_of(folder / name)}
        for name, n in rows.items()
    }
    text = yaml.safe_dump(
        {"made_by": _MADE_BY, **facts, "files": files}, sort_keys=False, allow_unicode=True
    )
    (folder / MANIFEST).write_text(text, "utf-8")
