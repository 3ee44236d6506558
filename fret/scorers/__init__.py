"""Scorers say how well each candidate fits a query: one protocol, any number, fused by rank."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from fret.llm.types import Failure, FailureKind
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
    """How the value was obtained where not in the proper way, or why there is none."""

    @classmethod
    def failed(cls, failure: Failure) -> "Score":
        """Say that a model gave no usable answer, and why."""
        return cls(None, fallback=f"failed: {failure.kind}")

    @property
    def is_pending(self) -> bool:
        """Whether the answer is still on its way, by batch or file."""
        return self.fallback == f"failed: {FailureKind.PENDING}"


SKIPPED = Score(None, fallback="skipped")
"""The scorer was not asked: another one left no doubt."""


class Scorer(Protocol):
    """Scores the candidates of queries."""

    kind: ClassVar[str]
    asks: ClassVar[bool]
    """Whether it asks a language model; the others compute."""
    compares: ClassVar[bool]
    """Whether a candidate's score hangs on the others beside it, so that a longer list must be
    scored as a whole."""
    name: str
    """What the pipeline file calls it."""
    model: str
    """Empty when no model is behind it."""

    def score(self, groups: Iterable[Group]) -> Iterator[list[Score]]:
        """Yield the scores of each group's candidates, in order; groups are pulled as needed."""
        ...
