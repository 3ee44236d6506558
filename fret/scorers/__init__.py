"""Scorers say how well each candidate fits a query: one protocol, any number, fused by rank."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from fret.records import Passage, Query

Group = tuple[Query, Sequence[Passage]]
"""A query and its candidates."""


@dataclass(frozen=True, slots=True)
class Score:
    """What a scorer says of one candidate; higher is better, None where it could not tell."""

    value: float | None
    logprob: float | None = None
    n_tokens: int | None = None
    label_logprobs: tuple[float, ...] | None = None
    grade: float | None = None
    """Expected relevance from 0 to 3, by a scorer that grades."""
    fallback: str = ""
    """How the value was obtained where not in the proper way."""


class Scorer(Protocol):
    """Scores the candidates of queries."""

    name: str
    model: str
    """Empty when no model is behind it."""

    def score(self, groups: Iterable[Group]) -> Iterator[list[Score]]:
        """Yield the scores of each group's candidates, in order; groups are pulled as needed."""
        ...
