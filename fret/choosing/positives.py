"""Which candidate is the positive, and which others are as good."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from fret.choosing.options import Options
from fret.choosing.sameness import Sameness

PositiveRule = Literal["top", "seed", "agreed"]


@dataclass(frozen=True, slots=True)
class PositiveRules:
    """What a positive must be, where candidates were graded from 0 to 3."""

    rule: PositiveRule = "top"
    min_relevance: float | None = None
    """Least expected relevance of the positive."""
    relevant_from: float = 2.0
    """From here on a candidate counts as relevant."""
    max_relevant: int | None = None
    """A query with more relevant candidates is ambiguous."""
    extra_count: int | None = None
    """The most further positives that are kept; None: what is as relevant is not looked for."""
    extra_margin: float = 0.0
    """How much less relevant than the positive they may be."""


def choose_positive(
    options: Options, rule: PositiveRule, firsts: Sequence[Collection[int]] = ()
) -> int | None:
    """Return the position of the positive, None when there is none to choose.

    Args:
        rule: `top`: the best of the fused ranking; `seed`: what the query came from; `agreed`: the
            best if every scorer has it first, else the seed. Without a seed all mean `top`.
        firsts: per scorer that decides, the candidates that it has first; see `find_firsts`.
    """
    top = options.fused_ranks.index(1) if 1 in options.fused_ranks else None
    agreed = rule == "agreed" and all(top in first for first in firsts)
    if options.seed is None or rule == "top" or agreed:
        return top
    return None if options.fused_ranks[options.seed] is None else options.seed


def find_firsts(scores: Iterable[Sequence[float | None]]) -> list[set[int]]:
    """Return per scorer the candidates with its highest score; there may be several."""
    found = []
    for line in scores:
        high = max((score for score in line if score is not None), default=None)
        found.append({i for i, score in enumerate(line) if score is not None and score == high})
    return found


def find_as_relevant(options: Options, positive: int, rules: PositiveRules) -> list[int]:
    """Return other candidates that are relevant and as good as the positive, best first.

    RLHN (arXiv 2505.16967): to relabel such false negatives as positives is worth more (BEIR nDCG
    0.515) than to remove them (0.511) or the example (0.506; 0.508 with nothing done).
    """
    grade = options.mean_grades[positive]
    if grade is None or rules.extra_count is None:
        return []
    bound = max(rules.relevant_from, grade - rules.extra_margin)
    side, ranks = options.split_of(positive), options.fused_ranks
    found = [i for i in options.find_relevant(bound) if ranks[i] is not None and i != positive]
    return sorted((i for i in found if options.split_of(i) == side), key=lambda i: ranks[i] or 0)


def take_different(
    options: Options, positive: int, others: Iterable[int], count: int, sameness: Sameness
) -> list[int]:
    """Return the first few of others whose texts are not each other's nor the positive's."""
    taken = [positive]
    for i in others:
        if len(taken) > count:
            break
        if not any(sameness.is_same(options.text_of(i), options.text_of(j)) for j in taken):
            taken.append(i)
    return taken[1:]


def match_task(words: Sequence[str], task_type: str, task: str) -> list[str]:
    """Return which of the words (or groups of words) stand in a task or its type.

    Whole words, whatever their case; hyphens and underscores are as good as spaces.
    """
    text = f"{_spaced(task_type)}\n{_spaced(task)}"
    return [word for word in words if _pattern(word).search(text)]


def _spaced(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", text.casefold())


@lru_cache(maxsize=1000)
def _pattern(word: str) -> re.Pattern[str]:
    return re.compile(rf"\b{re.escape(_spaced(word).strip())}\b")
