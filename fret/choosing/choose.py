"""The choice for one query: positives and negatives, or why there is no example."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from fret.choosing.negatives import NegativeRules, Refusal, choose_negatives
from fret.choosing.options import Options
from fret.choosing.positives import (
    PositiveRules,
    choose_positive,
    find_as_relevant,
    take_different,
)
from fret.choosing.sameness import Sameness
from fret.reasons import Reason


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen, as positions among the options."""

    positive: int
    extra_positives: tuple[int, ...]
    negatives: tuple[int, ...]
    refused: dict[int, Refusal]
    """Candidates that were looked at and may be no negatives. Those that are neither here nor
    chosen were not needed."""
    n_relevant: int | None
    """Relevant candidates, the positive among them; None where nothing was graded."""
    picks: tuple[str, ...]
    """How each negative was picked; `unjudged` for one from beyond the judged candidates."""


@dataclass(frozen=True, slots=True)
class NoChoice:
    """Why a query gives no example."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Rules:
    """All that decides."""

    positives: PositiveRules
    negatives: NegativeRules
    at_least: int = 1
    """With fewer negatives there is no example."""
    max_overlap: float | None = None
    """See `Sameness`."""


def choose(
    options: Options, rules: Rules, *, firsts: Sequence[Collection[int]], draw: str
) -> Choice | NoChoice:
    """Choose from the candidates of one query.

    Args:
        firsts: per scorer that decides, the candidates that it has first.
        draw: what random picks are drawn from.
    """
    positive = choose_positive(options, rules.positives.rule, firsts)
    if positive is None:
        is_ranked = 1 in options.fused_ranks
        detail = "the seed has no score" if is_ranked else "no candidate has a score that counts"
        return NoChoice(Reason.TOO_FEW_SCORED, detail)
    if no := _refuse_positive(options, positive, rules.positives):
        return no
    sameness = Sameness(rules.max_overlap)
    as_relevant = find_as_relevant(options, positive, rules.positives)
    extra = take_different(
        options, positive, as_relevant, rules.positives.extra_count or 0, sameness
    )
    negatives = choose_negatives(
        options,
        [positive, *extra],
        rules.negatives,
        sameness,
        draw=draw,
        as_relevant=as_relevant,
    )
    if len(negatives.chosen) < rules.at_least:
        why = _count(negatives.refused.values()) or "no others"
        detail = f"{len(negatives.chosen)} of {rules.at_least} found; refused: {why}"
        return NoChoice(Reason.TOO_FEW_NEGATIVES, detail)
    pick = rules.negatives.resolve_pick(options)
    return Choice(
        positive=positive,
        extra_positives=tuple(extra),
        negatives=negatives.chosen,
        refused=negatives.refused,
        n_relevant=_count_relevant(options, rules.positives),
        picks=tuple(pick if i < options.n_judged else "unjudged" for i in negatives.chosen),
    )


def _refuse_positive(options: Options, positive: int, rules: PositiveRules) -> NoChoice | None:
    seed, grade = options.seed, options.mean_grades[positive]
    if seed is not None and options.split_of(seed) != options.split_of(positive):
        sides = f"{options.split_of(seed)}, the positive in {options.split_of(positive)}"
        return NoChoice(Reason.SPLIT_CONFLICT, f"the seed is in {sides}")
    if rules.min_relevance is not None and grade is not None and grade < rules.min_relevance:
        detail = f"the best has an expected relevance of {grade:.2f}, under {rules.min_relevance}"
        return NoChoice(Reason.NO_RELEVANT_CANDIDATE, detail)
    n_relevant = _count_relevant(options, rules)
    if rules.max_relevant is not None and (n_relevant or 0) > rules.max_relevant:
        detail = f"{n_relevant} candidates are relevant, more than {rules.max_relevant}"
        return NoChoice(Reason.AMBIGUOUS, detail)
    return None


def _count_relevant(options: Options, rules: PositiveRules) -> int | None:
    return len(options.find_relevant(rules.relevant_from)) if options.is_graded else None


def _count(reasons: Collection[Refusal]) -> str:
    counts = sorted(Counter(reasons).items())
    return ", ".join(f"{n} {reason}" for reason, n in counts)
