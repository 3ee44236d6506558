"""One pass over the examples: what the manifests do not say of them."""

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

from fret.records import Example
from fret.report.counting import BoundedCounter, Lowest, draw
from fret.retrieval.tokenize import tokenize
from fret.sites import site_of

# Enough for shares that are right within a hundredth, and some 30 MB.
SAMPLE = 20_000
# Of one example, so that a row of the sample stays small.
_NEGATIVES = 8
# A name takes some 100 bytes.
_SITES = 200_000
# Groups of the examples to read, of some 300 places each.
_GROUPS = 2_000
GRADE_BINS = 12

RANKS = ("1", "2–3", "4–10", "11 and on", "none")
"""How ranks are told; `none`: not ranked, or not found."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What the charts draw of one example of the sample."""

    query_words: int
    positive_words: int
    negative_words: tuple[int, ...]
    scorers: tuple[str, ...]
    positive_scores: tuple[float | None, ...]
    negative_scores: tuple[tuple[float | None, ...], ...]


@dataclass(slots=True)
class Duels:
    """Positives against their own negatives, by one scorer."""

    won: float = 0.0
    """An equal score is half a win."""
    of: int = 0

    @property
    def share(self) -> float:
        return self.won / self.of


@dataclass(slots=True)
class Found:
    """What was found over all examples."""

    n: int = 0
    sites: BoundedCounter = field(default_factory=lambda: BoundedCounter(_SITES))
    sample: Lowest[Measured] = field(default_factory=lambda: Lowest(SAMPLE))
    duels: dict[str, Duels] = field(default_factory=dict)
    ranks: dict[str, Counter[str]] = field(default_factory=dict)
    """Counts of `RANKS` by whose rank it is, in the order to show."""
    positive_grades: Counter[int] = field(default_factory=Counter)
    """By quarters of a grade, from 0 to 11."""
    negative_grades: Counter[int] = field(default_factory=Counter)
    relevant_positives: int = 0
    relevant_negatives: int = 0
    groups: dict[Hashable, Lowest[str]] = field(default_factory=dict)
    """Ids of queries by group, the lowest draws of each."""
    sizes: Counter[Hashable] = field(default_factory=Counter)


def gather(examples: Iterable[Example], *, n_to_read: int, relevant_from: float) -> Found:
    """Gather all that the report says of examples; holds a bounded part of them.

    Args:
        n_to_read: how many examples will be shown in full.
        relevant_from: the grade from which a passage counts as relevant.
    """
    found = Found()
    for example in examples:
        place = draw(example.query_id)
        found.n += 1
        found.sites.add(site_of(example.positive_url))
        if found.sample.wants(place):
            found.sample.add(place, _measure(example))
        _add_duels(found, example)
        _add_ranks(found, example)
        _add_grades(found, example, relevant_from)
        _add_to_group(found, example, place, n_to_read)
    return found


def _measure(example: Example) -> Measured:
    return Measured(
        query_words=len(tokenize(example.query)),
        positive_words=len(tokenize(example.positive)),
        negative_words=tuple(len(tokenize(text)) for text in example.negatives[:_NEGATIVES]),
        scorers=example.scorers,
        positive_scores=example.positive_scores,
        negative_scores=example.negative_scores[:_NEGATIVES],
    )


def _add_duels(found: Found, example: Example) -> None:
    for place, scorer in enumerate(example.scorers):
        positive = example.positive_scores[place]
        for scores in example.negative_scores:
            negative = scores[place]
            if positive is not None and negative is not None:
                duels = found.duels.setdefault(scorer, Duels())
                duels.of += 1
                duels.won += 1.0 if positive > negative else 0.5 * (positive == negative)


def _add_ranks(found: Found, example: Example) -> None:
    if example.seed_id is not None:
        _add_rank(found, "seed, by retrieval", example.seed_retrieval_rank)
        _add_rank(found, "seed, after scoring", example.seed_rank)
    for scorer, rank in zip(example.scorers, example.positive_ranks, strict=True):
        _add_rank(found, f"positive, by {scorer}", rank)


def _add_rank(found: Found, whose: str, rank: int | None) -> None:
    found.ranks.setdefault(whose, Counter())[_name_rank(rank)] += 1


def _name_rank(rank: int | None) -> str:
    if rank is None:
        return RANKS[4]
    for most, name in zip((1, 3, 10), RANKS, strict=False):
        if rank <= most:
            return name
    return RANKS[3]


def _add_grades(found: Found, example: Example, relevant_from: float) -> None:
    if example.positive_grade is not None:
        found.positive_grades[_grade_bin(example.positive_grade)] += 1
        found.relevant_positives += example.positive_grade >= relevant_from
    for grade in example.negative_grades:
        if grade is not None:
            found.negative_grades[_grade_bin(grade)] += 1
            found.relevant_negatives += grade >= relevant_from


def _grade_bin(grade: float) -> int:
    return min(int(grade / 3 * GRADE_BINS), GRADE_BINS - 1)


def _add_to_group(found: Found, example: Example, place: int, n_to_read: int) -> None:
    group: Hashable = (
        example.task_type,
        example.language,
        example.split,
        example.positive_is_seed,
    )
    if group not in found.groups:
        group = group if len(found.groups) < _GROUPS else "others"
        found.groups.setdefault(group, Lowest(n_to_read))
    found.sizes[group] += 1
    if found.groups[group].wants(place):
        found.groups[group].add(place, example.query_id)
