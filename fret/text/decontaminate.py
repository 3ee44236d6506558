"""What evaluation sets ask and answer, and whether another text holds it.

A text matches an evaluation set where it has `ngram` words in a row of one of its texts (13, as for
GPT-3: Brown et al. 2020, arXiv 2005.14165, appendix C), or the whole of one that is shorter. Words
are those of `fret.retrieval.tokenize`: lower-case, without punctuation; where a script writes no
spaces, pairs of neighbouring characters.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fret.retrieval.tokenize import tokenize
from fret.text.near_duplicates.signs import Keys, hash_ngrams, hash_runs, hash_words

# Evaluation texts that are hashed together.
_BATCH = 1000
# What more texts of the sets have in common says nothing of any: the first of them stand for all.
_MOST_OWNERS = 8


class EvaluationText(NamedTuple):
    """A text of an evaluation set."""

    set_name: str
    item: str
    """Its id in the set."""
    kind: str
    """`query` or `passage`."""
    text: str


class Match(NamedTuple):
    """What a text has in common with one of an evaluation set."""

    set_name: str
    item: str
    kind: str
    matched: str
    """The words in common, as they are compared."""


class EvaluationTexts:
    """Finds the texts of evaluation sets in others.

    Memory: 20 bytes for each n-gram, and the texts themselves. What is found by its hash is
    compared word by word.

    Args:
        ngram: words in a row that are a match.
        shortest: words of the shortest text that is looked for as a whole.
    """

    def __init__(self, texts: Iterable[EvaluationText], *, ngram: int, shortest: int) -> None:
        self._ngram, self._shortest = ngram, min(shortest, ngram)
        self._texts: list[EvaluationText] = []
        self._by_words: dict[str, int] = {}
        # The first words of each run: what has none of them has no run, and most texts have none.
        self._beginnings_of: list[Keys] = []
        grams: dict[int, list[tuple[Keys, NDArray[np.uint32]]]] = defaultdict(list)
        remaining = iter(texts)
        while batch := list(islice(remaining, _BATCH)):
            for length, found in self._add(batch):
                grams[length].append(found)
        self._grams = {length: _sort(parts) for length, parts in sorted(grams.items())}
        self._beginnings = np.unique(np.concatenate([np.zeros(0, np.uint64), *self._beginnings_of]))
        self._beginnings_of.clear()

    def __len__(self) -> int:
        return len(self._texts)

    def find(self, text: str) -> list[Match]:
        """Return a match for each evaluation text of which the text holds something, at the first
        place of each, in the order of the sets."""
        words = tokenize(text)
        found: dict[int, str] = {}
        hashed_words = hash_words(words)
        _, begins = _look_up(hash_ngrams(hashed_words, self._shortest), self._beginnings)
        if not begins.any():
            return []
        for length, hashed in hash_runs(hashed_words, list(self._grams)).items():
            grams, owners = self._grams[length]
            starts, hits = _look_up(hashed, grams)
            for place in np.flatnonzero(hits).tolist():
                run = " ".join(words[place : place + length])
                first = int(starts[place])
                same = grams[first : first + _MOST_OWNERS] == hashed[place]
                for owner in owners[first : first + _MOST_OWNERS][same].tolist():
                    if owner not in found and self._holds(owner, run):
                        found[owner] = run
        return [Match(*self._texts[owner][:3], run) for owner, run in sorted(found.items())]

    def find_query(self, text: str) -> Match | None:
        """Return what a query repeats: a whole evaluation text, however short, or an n-gram."""
        words = " ".join(tokenize(text))
        owner = self._by_words.get(words)
        if owner is not None:
            return Match(*self._texts[owner][:3], words)
        return next(iter(self.find(text)), None)

    def _add(
        self, batch: Sequence[EvaluationText]
    ) -> Iterator[tuple[int, tuple[Keys, NDArray[np.uint32]]]]:
        """Take in some texts; yield for each length of runs (their hashes, whose they are)."""
        hashed: dict[int, list[NDArray[np.uint32]]] = defaultdict(list)
        owners: dict[int, list[int]] = defaultdict(list)
        for text in batch:
            words = tokenize(text.text)
            if words:
                self._by_words.setdefault(" ".join(words), len(self._texts))
            length = min(len(words), self._ngram)
            if words and length >= self._shortest:
                hashed[length].append(hash_words(words))
                owners[length].append(len(self._texts))
            self._texts.append(text)
        for length, parts in hashed.items():
            together = np.concatenate(parts)
            runs = hash_ngrams(together, length)
            sizes = np.array([len(part) for part in parts])
            ends = np.cumsum(sizes)
            inside = np.ones(len(runs), bool)
            # Runs that begin in one text and end in the next.
            for end in ends[:-1].tolist():
                inside[end - length + 1 : end] = False
            whose = np.repeat(np.array(owners[length], np.uint32), sizes)[: len(runs)]
            beginnings = hash_ngrams(together, self._shortest)[: len(runs)]
            self._beginnings_of.append(np.unique(beginnings[inside]))
            yield length, (runs[inside], whose[inside])

    def _holds(self, owner: int, run: str) -> bool:
        return f" {run} " in f" {' '.join(tokenize(self._texts[owner].text))} "


def _look_up(keys: Keys, among: Keys) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return where keys stand, or would, among sorted ones, and which of them do."""
    starts = np.searchsorted(among, keys)
    starts[starts == len(among)] = 0
    return starts, among[starts] == keys if len(among) else np.zeros(len(keys), bool)


def _sort(
    parts: Sequence[tuple[Keys, NDArray[np.uint32]]],
) -> tuple[Keys, NDArray[np.uint32]]:
    grams = np.concatenate([grams for grams, _ in parts])
    owners = np.concatenate([owners for _, owners in parts])
    order = np.argsort(grams, kind="stable")
    return grams[order], owners[order]
