"""The score of an audit, as `score_marks` returns it."""

from dataclasses import asdict, dataclass
from typing import Any

from fret.audit.statistics import Agreement, Share


@dataclass(frozen=True, slots=True)
class Judged:
    """How well one judge agrees with one person, or one person with another."""

    scorer: str
    model: str
    kappas: dict[str, Agreement]
    """By kind: linear, quadratic (three marks), at least partly, relevant (two)."""


@dataclass(frozen=True, slots=True)
class OfType:
    """The figures of one task type."""

    n_queries: int
    shares: dict[str, Share]
    kappa: Agreement | None
    """Linear, with the first judge; None where none grades."""


@dataclass(frozen=True, slots=True)
class Person:
    """What one person marked, and what it says."""

    name: str
    file: str
    n_queries: int
    """Queries of which at least one passage was marked, or that were called nonsense."""
    n_passages: int
    """All that were marked."""
    n_counting: int
    """Marked passages behind the figures: not those of queries skipped or called nonsense."""
    n_skipped: int
    shares: dict[str, Share]
    judges: list[Judged]
    by_type: dict[str, OfType]
    n_rare: int
    """Marked queries of task types too rare to be shown apart."""
    to_look_at: dict[str, list[str]]
    """Ids of the queries in which something is wrong."""
    notes: dict[str, str]
    """By id of the query."""


@dataclass(frozen=True, slots=True)
class Between:
    """How well two people agree."""

    first: str
    second: str
    kappas: dict[str, Agreement]


@dataclass(frozen=True, slots=True)
class Report:
    """The score of an audit."""

    audit: str
    run: str
    fingerprint: str
    scorers: list[str]
    n_queries: int
    n_passages: int
    people: list[Person]
    namesakes: dict[str, list[str]]
    """Files by the name that several of them give."""
    between: list[Between]

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain values; a share with its interval, as numbers from 0 to 1."""
        return {"kind": "fret audit score", "version": 1, **_plain(self)}


def _plain(value: Any) -> Any:
    if isinstance(value, Share):
        low, high = value.interval or (None, None)
        return {"n": value.n, "of": value.of, "share": value.value, "low": low, "high": high}
    if isinstance(value, Agreement):
        return asdict(value)
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return value
