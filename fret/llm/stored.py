"""What the answer store holds: one answer, where it came from, and what a run has spent."""

from dataclasses import dataclass, field

from fret.llm.types import Usage


@dataclass(frozen=True, slots=True)
class Source:
    """Where answers come from and who asked: the same for all answers of a pool."""

    server: str
    model: str
    run: str = ""
    lane: str = "live"


@dataclass(frozen=True, slots=True)
class Stored:
    """One answer on its way into the store."""

    key: str
    source: Source
    kind: str
    raw: bytes
    usage: Usage = field(default_factory=Usage)
    failure: str | None = None
    """Set for an answer that could not be used."""
    detail: str = ""
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Spent:
    """What one run has had from one model by one lane, ever."""

    source: Source
    answers: int
    usage: Usage
    unknown: int
    """Requests whose answer was lost on the way; they may have been paid."""
