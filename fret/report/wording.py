"""Numbers and names as people read them."""

from collections.abc import Mapping

from fret import figures
from fret.language.names import LANGUAGE_NAMES

# What the names in a run mean to someone who did not make it; others are shown as they are.
_MEANINGS = {
    "no_query": "the rules found nothing to ask",
    "copied": "copied from the passage",
    "not_self_contained": "not to be understood without the passage",
    "seed_not_retrieved": "the retrievers do not find the seed",
    "no_relevant_candidate": "no candidate is relevant enough",
    "ambiguous": "too many relevant candidates",
    "split_conflict": "no negatives on the positive's side of the split",
    "too_few_negatives": "too few negatives are left",
    "in_evaluation_set": "found in an evaluation set",
    "not_scored": "a scorer could not tell",
    "other_split": "other side of the split",
    "as_relevant": "as relevant as the positive",
    "too_relevant": "judged relevant",
    "seed": "the seed",
    "same_page": "from the positive's page",
    "above_positive": "ranked above the positive",
    "too_similar": "too near to the positive",
    "outside_band": "outside the band",
    "same_text": "nearly the same text",
    "hardest": "the most similar left",
    "lowest": "lowest of the ranking",
    "random": "drawn at random",
    "band": "drawn from a band",
    "unjudged": "from beyond the judged",
}


def explain(name: str) -> str:
    """Say what a reason or a pick means, in a few words."""
    return _MEANINGS.get(name, name.replace("_", " "))


def name_language(code: str) -> str:
    return LANGUAGE_NAMES.get(code, code) or "unknown"


def count(n: float) -> str:
    """Write a whole number with its thousands parted."""
    return f"{n:,.0f}"


def count_of(n: float, noun: str) -> str:
    """Write a number with its noun, the thousands parted."""
    return figures.count(n, noun, parted=True)


def share_of(n: float, of: float) -> str:
    """Write n as a share of something; a dash where there is nothing."""
    return figures.percent(n / of) if of else "–"


def join_counts(counts: Mapping[str, int]) -> str:
    """List counts with their names."""
    return ", ".join(f"{count(n)} {name}" for name, n in counts.items())
