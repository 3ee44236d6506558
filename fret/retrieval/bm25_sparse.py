"""BM25 by bm25s: a matrix of every word's weight in every passage, saved and read in place.

Weights are float64: with float32, scores that the formula makes equal differ, or equal those that
it does not, and the ranking leaves that of rank-bm25.
"""

import os
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fret.retrieval import Hit, Hits
from fret.retrieval.bm25 import DECIMALS, Formula, Texts
from fret.retrieval.tokenize import Tokenizer

# Stands for all the words of a text that has none; no query holds it.
_NO_WORD = "\0"
# Words counted together, and entries weighed together: some tens of megabytes.
_WORDS_PER_BLOCK = 1_000_000
# A thread of its own is not worth fewer queries.
_QUERIES_PER_THREAD = 8


class _Corpus:
    """How often each word stands in each passage, counted block by block from a stream.

    Never held: texts, tokens, or a list of words. bm25s takes it for its own `Tokenized`.
    """

    def __init__(self, texts: Texts, tokenizer: Tokenizer) -> None:
        numbers: defaultdict[str, int] = defaultdict()
        numbers.default_factory = numbers.__len__
        _ = numbers[_NO_WORD]  # the first of all
        self.lengths = array("i")
        self._blocks: list[_Block] = []
        words, n_counted = array("i"), 0
        for text, language in texts:
            before = len(words)
            words.extend(map(numbers.__getitem__, tokenizer.tokenize(text, language) or [_NO_WORD]))
            self.lengths.append(len(words) - before)
            if len(words) >= _WORDS_PER_BLOCK:
                self._blocks.append(_Block(words, self.lengths[n_counted:]))
                words, n_counted = array("i"), len(self.lengths)
        if not self.lengths:  # one without words stands in: the average is over some number
            words.append(0)
            self.lengths.append(1)
        self._blocks.append(_Block(words, self.lengths[n_counted:]))
        self.vocab = dict(numbers)

    @property
    def ids(self) -> "_Corpus":
        return self

    def to_columns(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return (frequencies, rows, starts) by words, and forget them."""
        from scipy.sparse import csr_matrix

        starts = np.cumsum([0, *(n for block in self._blocks for n in block.n_words.tolist())])
        parts = [(block.counts, block.words) for block in self._blocks]
        self._blocks = []
        counts, words = (np.concatenate(part) for part in zip(*parts, strict=True))
        del parts
        shape = (len(self.lengths), len(self.vocab))
        columns = csr_matrix((counts, words, starts), shape).tocsc()
        return columns.data, columns.indices, columns.indptr


class _Block:
    """The different words of some passages, passage by passage, and how often each stands there."""

    def __init__(self, words: "array[int]", lengths: "array[int]") -> None:
        rows = np.repeat(np.arange(len(lengths), dtype=np.int64), np.frombuffer(lengths, np.int32))
        keys, counts = np.unique(rows << 32 | np.frombuffer(words, np.int32), return_counts=True)
        self.words = (keys & 0xFFFFFFFF).astype(np.int32)
        self.counts = counts.astype(np.int32)
        self.n_words = np.bincount(keys >> 32, minlength=len(lengths))


def save_index(folder: Path, texts: Texts, *, formula: Formula, tokenizer: Tokenizer) -> None:
    """Build the index of passages and save it into a folder, to be opened by `SparseBM25`.

    Memory grows with the number of different words of all passages, some 30 bytes for each.
    """
    import bm25s

    class Index(bm25s.BM25):  # type: ignore[misc]
        # bm25s' own goes through lists of all words three times, in Python.
        def build_index_from_ids(
            self, unique_token_ids: Any, corpus_token_ids: _Corpus, **_: Any
        ) -> dict[str, Any]:
            self.nonoccurrence_array = None  # bm25s sets it here
            return _weigh(corpus_token_ids, formula)

    index = Index(method=formula.variant, k1=formula.k1, b=formula.b, dtype="float64")
    index.index(_Corpus(texts, tokenizer), create_empty_token=False, show_progress=False)
    index.save(folder, show_progress=False)


def _weigh(corpus: _Corpus, formula: Formula) -> dict[str, Any]:
    """Return the matrix as bm25s holds it: the weight of each word in each passage, by words."""
    counts, rows, starts = corpus.to_columns()
    lengths = np.frombuffer(corpus.lengths, np.int32)
    average = float(lengths.mean())
    idf = formula.weigh_words(np.diff(starts), len(lengths))
    weights = np.empty(len(counts), np.float64)
    for words in _blocks_of_words(starts):
        entries = slice(starts[words.start], starts[words.stop])
        share = formula.saturate(counts[entries], lengths[rows[entries]], average)
        weights[entries] = (
            np.repeat(idf[words], np.diff(starts[words.start : words.stop + 1])) * share
        )
    return {"data": weights, "indices": rows, "indptr": starts, "num_docs": len(lengths)}


def _blocks_of_words(starts: NDArray[Any]) -> Iterator[slice]:
    first = 0
    while first < len(starts) - 1:
        wanted = np.searchsorted(starts, starts[first] + _WORDS_PER_BLOCK, side="right") - 1
        last = max(first + 1, int(wanted))
        yield slice(first, last)
        first = last


def _count_processors() -> int:
    if hasattr(os, "sched_getaffinity"):  # those that this process may use
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class SparseBM25:
    """Ranks passages by a saved index; its matrix is mapped, not loaded. Threads may share it.

    Args:
        n_threads: how many threads share a search; None for one per processor.
    """

    def __init__(
        self, folder: Path, *, tokenizer: Tokenizer | None = None, n_threads: int | None = None
    ) -> None:
        import bm25s

        index = bm25s.BM25.load(folder, mmap=True, show_progress=False)
        self._vocabulary: dict[str, int] = index.vocab_dict
        matrix = index.scores
        self._matrix = tuple(matrix[name] for name in ("data", "indices", "indptr"))
        self._n_rows = int(matrix["num_docs"])
        self._tokenizer = tokenizer or Tokenizer()
        self._n_threads = n_threads or _count_processors()

    def search(
        self, queries: Sequence[str], k: int, *, languages: Sequence[str] | None = None
    ) -> Sequence[Sequence[Hit]]:
        """Return the k best passages of each query that share a word with it."""
        languages = languages or [""] * len(queries)
        numbers = [self._number(*each) for each in zip(queries, languages, strict=True)]
        size = max(_QUERIES_PER_THREAD, -(-len(numbers) // self._n_threads))
        parts = [numbers[i : i + size] for i in range(0, len(numbers), size)]
        if len(parts) < 2:
            return [hits for part in parts for hits in self._rank(part, k)]
        with ThreadPoolExecutor(len(parts)) as threads:
            found = threads.map(self._rank, parts, [k] * len(parts))
            return [hits for part in found for hits in part]

    def _number(self, query: str, language: str) -> list[int]:
        known = map(self._vocabulary.get, self._tokenizer.tokenize(query, language))
        return [number for number in known if number is not None]

    def _rank(self, queries: Sequence[list[int]], k: int) -> list[Hits]:
        from fret.retrieval.kernel import rank_queries

        tokens = np.fromiter((number for query in queries for number in query), np.int64)
        ends = np.cumsum([len(query) for query in queries])
        shape = (len(queries), min(k, self._n_rows))
        rows, scores = np.empty(shape, np.int32), np.empty(shape, np.float64)
        counts = np.empty(len(queries), np.int64)
        rank_queries(
            *self._matrix, tokens, ends, self._n_rows, 10.0**DECIMALS, rows, scores, counts
        )
        return [
            Hits(line[:n], values[:n])
            for line, values, n in zip(rows, scores, counts.tolist(), strict=True)
        ]
