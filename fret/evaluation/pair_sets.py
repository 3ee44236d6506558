"""Pairs of texts with a score of their similarity: STS benchmarks as files or tables."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from fret.errors import UserError
from fret.evaluation.collection import PairSet
from fret.evaluation.rows import Place, Row, take_number, take_text

# As data sets name them: of the first pair that is there.
_TEXTS = [
    ("sentence1", "sentence2"),
    ("text1", "text2"),
    ("text_1", "text_2"),
    ("sentence_1", "sentence_2"),
    ("sentence_A", "sentence_B"),
    ("sentence1_text", "sentence2_text"),
]
_SCORES = ("score", "similarity_score", "similarity", "label", "relatedness_score")


def find_columns(names: Iterable[str]) -> tuple[str, str, str] | None:
    """Return the columns of both texts and of the score; None where one is not there."""
    names = set(names)
    texts = next((pair for pair in _TEXTS if names.issuperset(pair)), None)
    score = next((name for name in _SCORES if name in names), None)
    return (*texts, score) if texts and score else None


def read_pairs(name: str, rows: Iterable[tuple[Place, Row]]) -> PairSet:
    """Make a set of the rows of a table.

    Raises:
        UserError: a row has not both texts and a number, or all scores are the same.
    """
    pairs: list[tuple[str, str]] = []
    scores: list[float] = []
    columns: Any = None
    for place, row in rows:
        columns = columns or _require_columns(place, row)
        first, second, score = columns
        pairs.append((take_text(row, (first,), place), take_text(row, (second,), place)))
        scores.append(take_number(row.get(score), f"{place}: {score!r}"))
    if len(set(scores)) < 2:
        raise UserError(
            f"{name} holds {len(pairs)} pairs"
            f"{', all of one score' if pairs else ''}: nothing can be measured on it."
        )
    return PairSet(name, pairs, np.array(scores))


def _require_columns(place: Place, row: Row) -> tuple[str, str, str]:
    columns = find_columns(row)
    if columns is None:
        raise UserError(
            f"{place} has the columns {', '.join(map(str, row))}. A file of pairs (STS) has two "
            f"texts, {' and '.join(_TEXTS[0])}, and a score; a collection is a folder."
        )
    return columns
