"""Vectors of texts on disk, by what was encoded: in whatever run or order a text comes, it is
encoded once.

    data/vectors/<model>-<hash of how it encodes>/model.json            what that is
    data/vectors/<model>-<hash of how it encodes>/part-<unique>.npz     keys and vectors of texts

A part is one file, whole or absent, and never changed; its archive holds a checksum of both arrays.
So a kill loses at most the part that was being made, two processes at once write parts of their own
(a text that both encode lies there twice, which harms nothing), and any part or folder may be
removed at any time: what it held is encoded again when it is needed.
"""

import hashlib
import re
import time
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fret.durable import make_folder, placed, write_json
from fret.errors import StoreError
from fret.records import hash_json

Keys = NDArray[np.bytes_]
"""One key of 16 bytes for each text."""

_KEY_BYTES = 16
_KEY_TYPE = f"S{_KEY_BYTES}"
# A file that a kill left half written; a younger one may be another process's.
_LEFTOVER_S = 24 * 3600.0


def make_key(prompt: str, text: str) -> bytes:
    """Return what a text with its prompt is known by."""
    return hashlib.sha256(f"{len(prompt)}\0{prompt}{text}".encode()).digest()[:_KEY_BYTES]


def name_folder(name: str, how: dict[str, Any]) -> str:
    """Return the name of the folder of a model's vectors: what people call it, and a hash.

    Args:
        how: what decides the vectors.
    """
    name = Path(name).name if Path(name).is_absolute() else name
    plain = re.sub(r"[^\w.-]+", "--", name).strip(".-")[-60:] or "model"
    return f"{plain}-{hash_json(how)[:12]}"


class VectorStore:
    """The vectors of one model.

    Memory while it is open: 40 bytes for each vector that it holds.

    Args:
        folder: where its parts lie.
        about: what decides the vectors, for people to read.
    """

    def __init__(self, folder: Path, *, about: dict[str, Any]) -> None:
        self._folder = folder
        make_folder(folder)
        _remove_leftovers(folder)
        if not (folder / "model.json").exists():
            write_json(folder / "model.json", about)
        self._parts = sorted(folder.glob("part-*.npz"))
        keys = [_read_part(part, "keys") for part in self._parts]
        self._starts = np.cumsum([0, *map(len, keys)])
        joined = np.concatenate([_as_keys(k) for k in keys]) if keys else np.zeros(0, _KEY_TYPE)
        self._order = np.argsort(joined, kind="stable")
        self._sorted = joined[self._order]

    def holds(self, keys: Keys) -> NDArray[np.bool_]:
        """Return for each key whether its vector is there."""
        return self._find(keys) >= 0

    def add(self, keys: Keys, vectors: NDArray[np.floating[Any]]) -> None:
        """Write vectors as float16; they are found from when the store is next opened."""
        path = self._folder / f"part-{uuid.uuid4().hex}.npz"
        raw = np.frombuffer(keys.astype(_KEY_TYPE).tobytes(), np.uint8).reshape(-1, _KEY_BYTES)
        with placed(path) as temporary, temporary.open("wb") as file:
            # Half precision: half the room, and cosines differ in the fourth digit at most.
            np.savez(file, keys=raw, vectors=vectors.astype(np.float16))

    def write_rows(self, path: Path, keys: Keys) -> None:
        """Write the vectors of these keys, in this order, as a file that NumPy can map.

        Raises:
            StoreError: a part is damaged, or of other dimensions than the rest.
        """
        places = self._find(keys)
        if not len(keys):
            with path.open("wb") as file:
                np.save(file, np.zeros((0, 1), np.float16))
            return
        if (places < 0).any():
            raise StoreError(
                f"Vectors were removed from {self._folder} while they were in use. Run again: "
                "they are encoded anew."
            )
        rows = np.argsort(places, kind="stable")
        out: NDArray[np.float16] | None = None
        for number, some in self._rows_by_part(rows, places):
            vectors = _read_part(self._parts[number], "vectors")
            if out is None:
                shape = (len(keys), vectors.shape[1])
                out = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=shape)
            if vectors.shape[1] != out.shape[1]:
                raise StoreError(
                    f"{self._parts[number]} holds vectors of {vectors.shape[1]} numbers, others "
                    f"beside it {out.shape[1]}. Remove {self._folder}; it is made again."
                )
            out[some] = vectors[places[some] - self._starts[number]]
        assert out is not None
        out.flush()  # type: ignore[attr-defined]  # a numpy.memmap

    def _rows_by_part(
        self, rows: NDArray[np.intp], places: NDArray[np.int64]
    ) -> Iterator[tuple[int, NDArray[np.intp]]]:
        """Yield (number of the part, rows that it holds); each part once."""
        bounds = np.searchsorted(places[rows], self._starts)
        for number in range(len(self._parts)):
            if bounds[number] < bounds[number + 1]:
                yield number, rows[bounds[number] : bounds[number + 1]]

    def _find(self, keys: Keys) -> NDArray[np.int64]:
        """Return where each key's vector lies among all; -1 where it does not."""
        if not len(self._sorted):
            return np.full(len(keys), -1, np.int64)
        spots = np.minimum(np.searchsorted(self._sorted, keys), len(self._sorted) - 1)
        return np.where(self._sorted[spots] == keys, self._order[spots], -1)


def as_keys(keys: Sequence[bytes]) -> Keys:
    """Return keys as an array."""
    return np.array(keys, _KEY_TYPE)


def _as_keys(raw: NDArray[Any]) -> Keys:
    keys: Keys = np.ascontiguousarray(raw).view(_KEY_TYPE).ravel()
    return keys


def _read_part(path: Path, name: str) -> NDArray[Any]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as part:
            found: NDArray[Any] = part[name]
        if found.ndim != 2 or (name == "keys" and found.shape[1] != _KEY_BYTES):
            raise ValueError(f"{name} has the shape {found.shape}")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise StoreError(
            f"{path} is damaged: {error}. Remove it; the passages in it are encoded again."
        ) from error
    return found


def _remove_leftovers(folder: Path) -> None:
    for path in folder.glob(".part-*.tmp"):
        with suppress(OSError):  # another process may be quicker
            if time.time() - path.stat().st_mtime > _LEFTOVER_S:
                path.unlink()
