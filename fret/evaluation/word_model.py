"""BM25 as a model beside the others."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fret.evaluation.collection import Collection
from fret.evaluation.metrics import Rankings
from fret.evaluation.options import Observer
from fret.evaluation.rankings import rank_all
from fret.retrieval import Hit
from fret.retrieval.bm25 import Formula, choose_backend
from fret.retrieval.bm25_reference import ReferenceBM25
from fret.retrieval.bm25_sparse import SparseBM25, save_index
from fret.retrieval.tokenize import Tokenizer

BM25 = "bm25"

# Passages by which the language of a collection is told, and what is read of each.
_SAMPLE = 100
_CHARACTERS = 1000


class WordModel:
    """BM25 with Snowball stems of the collection's language, as fret's own retrieval does it.

    Args:
        language: ISO 639-1; None to tell it from the passages.
    """

    def __init__(self, language: str | None, observer: Observer) -> None:
        self.names = [BM25]
        self._language, self._observer = language, observer

    def describe(self) -> list[dict[str, Any]]:
        formula = Formula()
        return [{"kind": BM25, "variant": formula.variant, "k1": formula.k1, "b": formula.b}]

    def rank(self, collection: Collection) -> list[Rankings]:
        """Return the rankings of all queries, one list of them."""
        language = detect_language(collection) if self._language is None else self._language
        tokenizer = Tokenizer(stem=True, default=language)
        texts = ((f"{title}\n{text}", language) for title, text in collection.passages)
        n = len(collection.passages)
        if choose_backend("auto", n) == "rank-bm25":
            index = ReferenceBM25(texts, formula=Formula(), tokenizer=tokenizer)
            return [self._search(index, collection, language)]
        with TemporaryDirectory(prefix="fret-bm25-", ignore_cleanup_errors=True) as folder:
            path = Path(folder) / "index"
            save_index(path, self._told(texts, n), formula=Formula(), tokenizer=tokenizer)
            sparse = SparseBM25(path, tokenizer=tokenizer)
            return [self._search(sparse, collection, language)]

    def _search(
        self, index: ReferenceBM25 | SparseBM25, collection: Collection, language: str
    ) -> Rankings:
        queries = [text for _, text in collection.queries]

        def search(some: slice, k: int) -> Sequence[Sequence[Hit]]:
            asked = queries[some]
            return index.search(asked, k, languages=[language] * len(asked))

        return rank_all(search, collection.left_out, BM25, self._observer)

    def _told(self, texts: Iterator[tuple[str, str]], n: int) -> Iterator[tuple[str, str]]:
        work, per_tick = "bm25 (thousand passages)", 1000
        self._observer.starts(work, 0, -(-n // per_tick))
        for number, text in enumerate(texts, 1):
            yield text
            if number % per_tick == 0 or number == n:
                self._observer.advanced(work, {})


def detect_language(collection: Collection) -> str:
    """Return the language of most passages of a sample; empty where none is of most."""
    import py3langid

    step = max(1, len(collection.passages) // _SAMPLE)
    sample = [text[:_CHARACTERS] for _, text in collection.passages[::step] if text.strip()]
    found = Counter(str(py3langid.classify(text)[0]) for text in sample)
    language, n = found.most_common(1)[0] if found else ("", 0)
    return language if 2 * n > len(sample) else ""
