"""Figures over finished queries: kinds, lengths, variety, and what they have from their passages.

What only counts is counted over all queries; figures of variety are of samples of one size, drawn
by a hash of the id, so that those of two task types, or of two runs, can be compared.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fret.checks.copying import measure_overlap
from fret.checks.variety import (
    compression_ratio,
    distinct_n,
    entropy,
    mean_cosine,
    self_repetition,
    top_share,
    vendi_score,
)
from fret.language.words import QUESTION_WORDS, count_words
from fret.records import Query, make_id
from fret.retrieval.tokenize import tokenize

Encode = Callable[[Sequence[tuple[str, str]]], NDArray[np.float32]]
"""(task, query) pairs to unit vectors."""
FindTexts = Callable[[Sequence[str]], Sequence[str]]
"""Passage ids to texts."""

# Queries whose variety is measured. A thousand: the Vendi score takes the cube of it.
_SAMPLE = 1000
# Groups smaller than this would make the samples of all groups too small to say anything.
_SMALLEST_GROUP = 50
# Upper bounds of the classes of length, in words (two characters of a script without spaces).
_LENGTHS = (1, 2, 4, 8, 16, 32)
_TOP = 4
# Task types with figures of their own: a model may invent thousands, each with a sample to keep.
LARGEST = 20
OTHERS = "others"
"""Where the figures of all other task types are."""


def measure_queries(
    read: Callable[[], Iterable[Query]],
    *,
    find_texts: FindTexts,
    encode: Encode | None = None,
    sample: int = _SAMPLE,
) -> dict[str, Any]:
    """Measure a finished set of queries, over all, per task type and per language.

    Args:
        read: gives the queries; it is called twice, as only the 20 largest task types have figures
            of their own.
        encode: an embedding model; None: no Vendi score and no mean cosine.
        sample: how many queries at most the figures of variety are of.
    """
    figures = _Figures(sample, Counter(query.task_type for query in read()))
    for query in read():
        figures.add(query)
    return figures.sum_up(find_texts, encode)


def find_largest(counts: Mapping[str, int]) -> list[str]:
    """Return the names of the 20 largest groups, the largest first."""
    return sorted(counts, key=lambda name: (-counts[name], name))[:LARGEST]


class _Group:
    """The queries of one task type or language, or all: counts, and a sample."""

    def __init__(self, size: int) -> None:
        self.n = 0
        self.lengths: Counter[str] = Counter()
        self.asking: Counter[str] = Counter()
        self._size = size
        self._drawn: list[tuple[int, str, Query]] = []

    def add(self, query: Query, length: str, asking: str) -> None:
        self.n += 1
        self.lengths[length] += 1
        self.asking[asking] += 1
        # The lowest hashes stay: a fair draw that hangs on the set alone, not on its order.
        draw = (-int(make_id("sample", query.id)[:12], 16), query.id, query)
        if len(self._drawn) < self._size:
            heapq.heappush(self._drawn, draw)
        else:
            heapq.heappushpop(self._drawn, draw)

    def sample(self, size: int) -> list[Query]:
        return [query for _, _, query in heapq.nlargest(size, self._drawn)]


class _Figures:
    def __init__(self, sample: int, n_of_types: Counter[str]) -> None:
        self._size, self._n_of_types = sample, n_of_types
        self._largest = frozenset(find_largest(n_of_types))
        self._all = _Group(sample)
        self._types: dict[str, _Group] = defaultdict(lambda: _Group(sample))
        self._languages: dict[str, _Group] = defaultdict(lambda: _Group(sample))
        self._tasks: Counter[str] = Counter()

    def add(self, query: Query) -> None:
        length, asking = class_of_length(query.text), find_question_word(query)
        task_type = query.task_type if query.task_type in self._largest else OTHERS
        for group in (self._all, self._types[task_type], self._languages[query.language]):
            group.add(query, length, asking)
        # Normalised, so that a full stop makes no new task. Hashed: tasks are long.
        self._tasks[make_id(" ".join(tokenize(query.task)))] += 1

    def sum_up(self, find_texts: FindTexts, encode: Encode | None) -> dict[str, Any]:
        types = {name: group.n for name, group in sorted(self._types.items())}
        found = {
            "n": self._all.n,
            "task_types": types,
            "distinct_task_types": len(self._n_of_types),
            "task_type_entropy_bits": _round(entropy(self._n_of_types.values())),
            f"top_{_TOP}_task_types": _round(top_share(self._n_of_types, _TOP)),
            "distinct_tasks": len(self._tasks),
            "task_entropy_bits": _round(entropy(self._tasks.values())),
            f"top_{_TOP}_tasks": _round(top_share(self._tasks, _TOP)),
            **_describe(self._all, self._size, find_texts, encode),
        }
        for name, groups in (("by_task_type", self._types), ("by_language", self._languages)):
            found[name] = _compare(groups, self._size, find_texts, encode)
        return found


def _compare(
    groups: Mapping[str, _Group], size: int, find_texts: FindTexts, encode: Encode | None
) -> dict[str, Any]:
    """Describe each group by samples of one size: that of the smallest that is large enough."""
    large = [group.n for group in groups.values() if group.n >= _SMALLEST_GROUP]
    size = min([size, *large])
    if len(groups) < 2:  # the figures over all are the same
        return {name: {"n": group.n} for name, group in sorted(groups.items())}
    return {
        name: {"n": group.n, **_describe(group, size, find_texts, encode)}
        for name, group in sorted(groups.items())
    }


def _describe(
    group: _Group, size: int, find_texts: FindTexts, encode: Encode | None
) -> dict[str, Any]:
    drawn = group.sample(size)
    found: dict[str, Any] = {
        "words": {name: group.lengths[name] for name in _length_names() if group.lengths[name]},
        "question_words": dict(group.asking.most_common(12)),
        "overlap": _measure_overlaps(drawn, find_texts),
    }
    if len(drawn) < size and group.n < _SMALLEST_GROUP:
        return found  # too few to be compared
    texts = [query.text for query in drawn]
    variety = {
        "of": len(drawn),
        "distinct_1": _round(distinct_n(texts, 1)),
        "distinct_2": _round(distinct_n(texts, 2)),
        "compression_ratio": _round(compression_ratio(texts)),
        "self_repetition": _round(self_repetition(texts)),
    }
    if encode is not None and texts:
        vectors = encode([(query.task, query.text) for query in drawn])
        variety["vendi_score"] = _round(vendi_score(vectors), 2)
        variety["mean_cosine"] = _round(mean_cosine(vectors))
    return {**found, "variety": variety}


def _measure_overlaps(drawn: Sequence[Query], find_texts: FindTexts) -> dict[str, float]:
    """Return the means of `fret.checks.copying.measure_overlap` over queries with a seed."""
    seeded = [query for query in drawn if query.passage_id]
    if not seeded:
        return {}
    texts = find_texts([query.passage_id or "" for query in seeded])
    rows = [
        measure_overlap(query.text, text, query.language)
        for query, text in zip(seeded, texts, strict=True)
    ]
    coverage, share, size = (float(np.mean(column)) for column in zip(*rows, strict=True))
    return {
        "content_words_in_passage": _round(coverage),
        "longest_run_share": _round(share),
        "longest_run_words": _round(size, 2),
    }


def class_of_length(text: str) -> str:
    """Return the class of a text's length in words; two characters without spaces are a word."""
    words, characters = count_words(text)
    n = words + -(-characters // 2)
    place = next((i for i, bound in enumerate(_LENGTHS) if n <= bound), len(_LENGTHS))
    return _length_names()[place]


def _length_names() -> list[str]:
    lows = [1, *(bound + 1 for bound in _LENGTHS)]
    names = [
        str(low) if low == high else f"{low}-{high}"
        for low, high in zip(lows, _LENGTHS, strict=False)
    ]
    return [*names, f"{lows[-1]}+"]


def find_question_word(query: Query) -> str:
    """Return the first question word of a query, `?` for another question, `-` for none."""
    asking = QUESTION_WORDS.get(query.language, "").split()
    found = next((token for token in tokenize(query.text) if token in asking), None)
    return found or ("?" if query.text.rstrip().endswith(("?", "？")) else "-")


def _round(value: float, digits: int = 4) -> float:
    return round(float(value), digits)
