"""The BM25 index over all passages, kept beside them; made anew where anything in it differs."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from fret.config import Bm25Settings
from fret.lookup import PassageLookup
from fret.records import Passage, hash_json
from fret.retrieval import Hit
from fret.retrieval.bm25 import Formula, choose_backend
from fret.retrieval.bm25_reference import ReferenceBM25
from fret.retrieval.bm25_sparse import SparseBM25, save_index
from fret.retrieval.tokenize import Tokenizer
from fret.stages.base import Observer
from fret.store import Run, StageFolder

# Raised when the code changes what an index holds, for the same settings and libraries.
_LAYOUT = 1
_FOLDER = "bm25"
_PER_TICK = 1000


class WordIndex(Protocol):
    """Finds passages by the words of queries, each in its language."""

    def search(
        self, queries: Sequence[str], k: int, *, languages: Sequence[str] | None = None
    ) -> Sequence[Sequence[Hit]]: ...


def open_word_index(
    run: Run, lookup: PassageLookup, settings: Bm25Settings, observer: Observer
) -> WordIndex:
    """Open the index over all passages of a run; build and keep it where it is missing or damaged.

    Only the newest is kept: each is about as large as the passages. For few passages, which cost
    less to read than an index to load, nothing is kept.
    """
    formula = Formula(settings.variant, settings.k1, settings.b)
    tokenizer = Tokenizer(
        stem=settings.stem, stopwords=settings.stopwords, default=lookup.find_main_language()
    )
    if choose_backend(settings.backend, len(lookup)) == "rank-bm25":
        return ReferenceBM25(_read_texts(lookup), formula=formula, tokenizer=tokenizer)
    stage = run.stage(Passage.STAGE)
    name = _identify(stage, formula, tokenizer)

    def make(temporary: Path) -> None:
        texts = _show_progress(_read_texts(lookup), len(lookup), observer)
        save_index(temporary, texts, formula=formula, tokenizer=tokenizer)

    path = stage.kept_newest(_FOLDER, name, make, warn=observer.warned)
    return SparseBM25(path, tokenizer=tokenizer)


def _identify(passages: StageFolder, formula: Formula, tokenizer: Tokenizer) -> str:
    made_from = {
        "layout": _LAYOUT,
        "formula": asdict(formula),
        "tokenizer": asdict(tokenizer),
        "versions": [version("bm25s"), version("PyStemmer"), unicodedata.unidata_version],
        "passages": [shard.sha256 for shard in passages.require().shards],
    }
    return hash_json(made_from)[:16]


def _read_texts(lookup: PassageLookup) -> Iterator[tuple[str, str]]:
    return ((f"{passage.full_title}\n{passage.text}", passage.language) for passage in lookup)


def _show_progress(
    texts: Iterator[tuple[str, str]], n: int, observer: Observer
) -> Iterator[tuple[str, str]]:
    work = "indexing (thousands)"
    observer.starts(work, 0, -(-n // _PER_TICK))
    for number, text in enumerate(texts, 1):
        yield text
        if number % _PER_TICK == 0 or number == n:
            observer.advanced(work, {})
