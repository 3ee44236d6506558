"""Vectors of a collection's texts: those that were kept, and those that had to be encoded.

Passages lie where the runs of pipelines keep theirs, by model, prompt and text, so that whoever was
first has encoded for all. Queries lie beside them, in a folder of their own: a model may encode the
same text in another way as a query.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fret.durable import explained
from fret.evaluation.options import Observer
from fret.retrieval.encode import Embedder, format_query
from fret.vectors import VectorStore, as_keys, make_key, name_folder

# What a kill loses at most, as in runs.
_TEXTS_PER_PART = 8192

Encode = Callable[[Sequence[str], Callable[[int], None]], NDArray[np.float32]]


class KeptVectors:
    """The vectors of one model.

    Args:
        name: what the user calls the model.
        folder: where they are kept.
    """

    def __init__(self, name: str, embedder: Embedder, folder: Path, observer: Observer) -> None:
        self._name, self._embedder, self._observer = name, embedder, observer
        self._folder = folder

    @classmethod
    @contextmanager
    def opened(
        cls, name: str, embedder: Embedder, folder: Path | None, observer: Observer
    ) -> Iterator["KeptVectors"]:
        """Open them; without a folder they are gone afterwards."""
        if folder is not None and embedder.is_stored:
            yield cls(name, embedder, folder, observer)
            return
        with TemporaryDirectory(prefix="fret-vectors-", ignore_cleanup_errors=True) as scratch:
            yield cls(name, embedder, Path(scratch), observer)

    def write_passages(self, path: Path, texts: Sequence[str]) -> Path:
        """Write the vectors of passages, as `PassageVectors` reads them; return the path."""
        how, prompt = self._embedder.identify(), self._embedder.passage_prompt
        self._write(path, texts, how, prompt, self._embedder.encode_texts)
        return path

    def find_queries(self, queries: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Return the vectors of (task, query) pairs, of shape (queries, dimensions)."""
        how = {**self._embedder.identify(), "side": "query"}
        texts = [format_query(self._embedder.how.query_format, *each) for each in queries]
        with TemporaryDirectory(prefix="fret-queries-", ignore_cleanup_errors=True) as scratch:
            path = Path(scratch) / "queries.npy"
            prompt, encode = self._embedder.query_prompt, self._embedder.encode_written_queries
            self._write(path, texts, how, prompt, encode)
            vectors: NDArray[np.float16] = np.load(path)
            return vectors.astype(np.float32)

    def _write(
        self, path: Path, texts: Sequence[str], how: dict[str, Any], prompt: str, encode: Encode
    ) -> None:
        folder = self._folder / name_folder(self._name, how)
        about = {"model": self._name, **how}
        keys = as_keys([make_key(prompt, text) for text in texts])
        store = VectorStore(folder, about=about)
        is_there = store.holds(keys)
        if not is_there.all():
            # A text that stands there twice is encoded once.
            rows = zip(keys.tolist(), texts, is_there.tolist(), strict=True)
            missing = {key: text for key, text, there in rows if not there}
            self._encode(store, missing, len(texts), encode)
            store = VectorStore(folder, about=about)
        with explained(path):
            store.write_rows(path, keys)

    def _encode(
        self, store: VectorStore, missing: dict[bytes, str], n: int, encode: Encode
    ) -> None:
        work = f"encoding, {self._name.rstrip('/').rpartition('/')[2]}"  # fits beside a bar
        self._observer.starts(work, n - len(missing), n)

        def tell(n_more: int) -> None:
            for _ in range(n_more):
                self._observer.advanced(work, {})

        items = iter(missing.items())
        while part := dict(itertools.islice(items, _TEXTS_PER_PART)):
            store.add(as_keys(list(part)), encode(list(part.values()), tell))
