"""The rules that pick a positive and negatives from a judged list. Pure functions.

Gecko (arXiv 2403.20327, section 3.2): the positive is the best of the fused ranking, whether or not
the query came from it; the negative is the lowest of it, or one drawn at random.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fret.retrieval.fuse import fuse_ranks

Pick = Literal["lowest", "random", "hardest"]


@dataclass(frozen=True, slots=True)
class Option:
    """What the rules look at in one candidate."""

    passage_id: str
    text: str
    split: str
    """The side that the passage's page is on."""
    fused_rank: int | None
    """None where a scorer could not tell; such a candidate is never chosen."""
    similarity: float | None = None
    """Cosine to the query, where embeddings were used."""
    relevance: float | None = None
    """Expected relevance from 0 to 3, where the scorer `relevance` ran."""


@dataclass(frozen=True, slots=True)
class NegativeRules:
    """Which candidates may be negatives, and which of those are picked."""

    count: int = 1
    pick: Pick = "lowest"
    max_similarity: float | None = None
    max_relevance: float | None = None


@dataclass(frozen=True, slots=True)
class Negatives:
    """The chosen negatives (positions in the list) and why others were refused."""

    chosen: tuple[int, ...]
    refused: dict[str, int]


def rank_fused(
    rankings: Sequence[Sequence[int | None]],
    scores: Sequence[Sequence[float | None]],
    *,
    k: float,
    seed: int | None,
    weights: Sequence[float] | None = None,
) -> tuple[list[float | None], list[int | None]]:
    """Fuse the scorers' ranks to one score and rank per candidate.

    R = sum of weight / (k + rank). With k = 0 and equal weights ties at the top are common (ranks
    1, 2 against 2, 1); they go to the seed, then to the higher weighted mean of the scores, each
    scaled to 0..1 within its scorer, then to the candidate that retrieval put first.

    Args:
        rankings: per scorer, the rank of each candidate; None where it could not tell.
        scores: the same for the scores behind them.
        k: 0 is the paper's.
        seed: position of the seed, None for none.
        weights: per scorer how much it counts, by default 1; one of weight 0 decides nothing, and
            bars no candidate that it could not score.

    Returns:
        Fused scores and ranks, None for candidates that some scorer could not score.
    """
    n = len(rankings[0])
    parts = zip(weights or [1.0] * len(rankings), rankings, scores, strict=True)
    counting = [part for part in parts if part[0]]
    whole = [i for i in range(n) if all(ranks[i] is not None for _, ranks, _ in counting)]
    fused = fuse_ranks([ranks for _, ranks, _ in counting], k, [w for w, _, _ in counting])
    means = _mean_scaled([(weight, line) for weight, _, line in counting], whole)
    order = sorted(whole, key=lambda i: (-fused[i], i != seed, -means[i], i))
    ranks: list[int | None] = [None] * n
    for rank, i in enumerate(order, 1):
        ranks[i] = rank
    return [fused[i] if ranks[i] else None for i in range(n)], ranks


def _mean_scaled(
    scores: Sequence[tuple[float, Sequence[float | None]]], whole: Sequence[int]
) -> dict[int, float]:
    totals = dict.fromkeys(whole, 0.0)
    for weight, line in scores:
        values = {i: line[i] or 0.0 for i in whole}
        low, high = min(values.values(), default=0.0), max(values.values(), default=0.0)
        for i, value in values.items():
            totals[i] += weight * ((value - low) / (high - low) if high > low else 0.5)
    return totals


def choose_positive(
    options: Sequence[Option], rule: Literal["top", "seed"], seed: int | None
) -> int | None:
    """Return the position of the positive, None when there is none to choose."""
    if rule == "seed" and seed is not None:
        return seed if options[seed].fused_rank is not None else None
    return next((i for i, option in enumerate(options) if option.fused_rank == 1), None)


def choose_negatives(
    options: Sequence[Option], positive: int, rules: NegativeRules, *, draw: str
) -> Negatives:
    """Choose negatives by the rules; fewer than asked for where fewer pass them.

    Args:
        draw: what a random pick is drawn from (the query's id and the pipeline's seed).
    """
    refused: Counter[str] = Counter()
    passed: list[int] = []
    texts = {_plain(options[positive].text)}
    for i in sorted(range(len(options)), key=lambda i: options[i].fused_rank or len(options) + 1):
        why = None if i == positive else _refuse(options[i], options[positive], rules)
        # Ids differ where titles do: only the text tells whether two passages are one.
        if i != positive and why is None and _plain(options[i].text) in texts:
            why = "same_text"
        if why:
            refused[why] += 1
        elif i != positive:
            texts.add(_plain(options[i].text))
            passed.append(i)
    return Negatives(tuple(_pick(passed, rules, options, draw)), dict(sorted(refused.items())))


def _refuse(option: Option, positive: Option, rules: NegativeRules) -> str | None:
    if option.fused_rank is None:
        return "not_scored"
    if positive.fused_rank is not None and option.fused_rank < positive.fused_rank:
        return "above_positive"
    if option.split != positive.split:
        return "other_split"
    if rules.max_relevance is not None and (option.relevance or 0.0) > rules.max_relevance:
        return "too_relevant"
    return "too_similar" if _is_too_similar(option, positive, rules.max_similarity) else None


def _is_too_similar(option: Option, positive: Option, limit: float | None) -> bool:
    """TopK-PercPos of NV-Retriever (arXiv 2407.15831): a share of the positive's similarity."""
    if limit is None or option.similarity is None or positive.similarity is None:
        return False
    return positive.similarity > 0 and option.similarity > limit * positive.similarity


def _pick(
    passed: list[int], rules: NegativeRules, options: Sequence[Option], draw: str
) -> list[int]:
    match rules.pick:
        case "lowest":
            ordered = passed[::-1]
        case "hardest":
            ordered = passed
        case "random":
            ordered = sorted(passed, key=lambda i: _shuffle_key(draw, options[i].passage_id))
    return ordered[: rules.count]


def _shuffle_key(draw: str, passage_id: str) -> str:
    return hashlib.sha256(f"{draw}\0{passage_id}".encode()).hexdigest()


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def split_of(page_id: str, shares: Mapping[str, float], seed: int) -> str:
    """Return the split of a page: drawn from its id alone, so it stays when other pages come."""
    place = int(hashlib.sha256(f"split\0{seed}\0{page_id}".encode()).hexdigest()[:12], 16) / 16**12
    for name, share in sorted(shares.items()):
        if place < share:
            return name
        place -= share
    return "train"
