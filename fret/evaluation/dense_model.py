"""An embedding model: one row at its full size, and one for each size that vectors are cut to."""

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fret.durable import explained
from fret.errors import UserError
from fret.evaluation.collection import Collection, PairSet
from fret.evaluation.kept_vectors import KeptVectors
from fret.evaluation.metrics import Rankings
from fret.evaluation.options import Observer, Options
from fret.evaluation.rankings import rank_all
from fret.retrieval.encode import PLAIN, Embedder, write_passage
from fret.retrieval.search import PassageVectors

# What models call their prompts for texts that are compared with each other.
_PAIR_PROMPTS = ("STS", "sts", "text-matching", "sentence-similarity", "similarity")
# Vectors cut at once: 100 MB of a thousand numbers each.
_ROWS_AT_ONCE = 25_000

Vectors = NDArray[np.floating[Any]]


class DenseModel:
    """A sentence-transformers model.

    Args:
        label: what its rows are called by.
        name: what the user calls it.

    Raises:
        UserError: a size of `options.dims` is larger than the model's own.
    """

    def __init__(
        self, label: str, name: str, embedder: Embedder, options: Options, observer: Observer
    ) -> None:
        self._name, self._embedder = name, embedder
        self._options, self._observer = options, observer
        self._sizes = [None, *options.dims]
        self.names = [label, *(f"{label}@{size}" for size in options.dims)]
        self._check_sizes()

    def describe(self) -> list[dict[str, Any]]:
        """Return what each row is made by, for the record."""
        about = {"kind": "dense", "model": self._name, **self._embedder.identify()}
        about |= {
            "query_prompt": self._embedder.query_prompt,
            "query_format": self._options.query_format,
            "passage_prompt": self._embedder.passage_prompt,
            "passage_format": self._options.passage_format,
        }
        return [{**about, "dims": size} for size in self._sizes]

    def rank(self, collection: Collection) -> list[Rankings]:
        """Return the rankings of all queries, for each row."""
        passages = [write_text(self._options.passage_format, *each) for each in collection.passages]
        tasks = [self._options.find_task(task) for task, _ in collection.queries]
        queries = [(task, text) for task, (_, text) in zip(tasks, collection.queries, strict=True)]
        with _scratch() as folder, self._vectors(self._embedder) as vectors:
            path = vectors.write_passages(folder / "passages.npy", passages)
            asked = vectors.find_queries(queries)
            rows = zip(self.names, self._sizes, strict=True)
            return [self._rank(collection, path, asked, size, name) for name, size in rows]

    def compare(self, pairs: PairSet) -> list[NDArray[np.float64]]:
        """Return the cosines of all pairs, for each row.

        Both texts are written as queries, with the model's own prompt for such pairs where it has
        one.
        """
        how, task = self._embedder.how, self._options.find_task("")
        prompt = self._embedder.find_prompt(*_PAIR_PROMPTS)
        if prompt is not None and how.query_format == PLAIN:
            how = replace(how, query_prompt=prompt)
        embedder = self._embedder.with_encoding(how)
        texts = [(task, text) for pair in pairs.pairs for text in pair]
        with self._vectors(embedder) as vectors:
            found = vectors.find_queries(texts)
        cut = [shorten(found, size) for size in self._sizes]
        return [np.einsum("nd,nd->n", each[0::2], each[1::2]).astype(np.float64) for each in cut]

    def _rank(
        self, collection: Collection, path: Path, queries: Vectors, size: int | None, name: str
    ) -> Rankings:
        passages = PassageVectors(_shorten_file(path, size), device=self._embedder.device)
        asked = shorten(queries, size)
        return rank_all(
            lambda some, k: passages.search(asked[some], k),
            collection.left_out,
            name,
            self._observer,
        )

    def _vectors(self, embedder: Embedder) -> Any:
        return KeptVectors.opened(self._name, embedder, self._options.vectors, self._observer)

    def _check_sizes(self) -> None:
        if not self._options.dims:
            return
        own = self._embedder.encode_texts([]).shape[1]
        for size in self._options.dims:
            if size > own:
                raise UserError(
                    f"--dims {size} is more than the {own} numbers of a vector of {self._name}. "
                    f"Name sizes up to {own}."
                )


def write_text(passage_format: str | None, title: str, text: str) -> str:
    """Write a passage as it is encoded.

    A passage without a title has "none" in the place of `title: {title}`, as in fret's own data
    sets and Gecko's; elsewhere nothing.
    """
    if passage_format is None:
        return write_passage(title, text)
    instead = "none" if "title: {title}" in passage_format else ""
    # In one pass: a title may hold "{text}".
    before, *after = passage_format.split("{title}")
    pieces = [before, *(piece for rest in after for piece in (title or instead, rest))]
    return "".join(
        piece if i % 2 else piece.replace("{text}", text) for i, piece in enumerate(pieces)
    )


def shorten(vectors: Vectors, size: int | None) -> NDArray[np.float32]:
    """Return the first numbers of unit vectors, brought to length one again."""
    cut: NDArray[np.float32] = np.ascontiguousarray(vectors[:, :size], np.float32)
    if size is None or size >= vectors.shape[1]:
        return cut
    lengths = np.linalg.norm(cut, axis=1, keepdims=True)
    unit: NDArray[np.float32] = cut / np.maximum(lengths, np.finfo(np.float32).tiny)
    return unit


def _shorten_file(path: Path, size: int | None) -> Path:
    """Write the vectors of a file cut to a size beside it; the file itself where that is all."""
    whole: NDArray[np.float16] = np.load(path, mmap_mode="r")
    if size is None or size >= whole.shape[1]:
        return path
    cut = path.with_name(f"passages-{size}.npy")
    shape = (len(whole), size)
    with explained(cut):
        out = np.lib.format.open_memmap(cut, mode="w+", dtype=np.float16, shape=shape)
        for start in range(0, len(whole), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            out[rows] = shorten(whole[rows], size)
        out.flush()
    return cut


@contextmanager
def _scratch() -> Any:
    with TemporaryDirectory(prefix="fret-evaluate-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
