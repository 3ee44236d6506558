"""Which candidates may be negatives, and which of those are picked."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from fret.choosing.options import Options
from fret.choosing.sameness import Sameness

Pick = Literal["auto", "lowest", "hardest", "random", "band"]
Policy = Literal["refuse", "allow"]


class Refusal(StrEnum):
    """Why a candidate is no negative; the first that holds, in this order."""

    NOT_SCORED = "not_scored"
    """A scorer could not tell."""
    OTHER_SPLIT = "other_split"
    AS_RELEVANT = "as_relevant"
    """As good as the positive, but not kept as a further one."""
    TOO_RELEVANT = "too_relevant"
    """Judged over `max_relevance`."""
    SEED = "seed"
    """The query was written from it."""
    SAME_PAGE = "same_page"
    ABOVE_POSITIVE = "above_positive"
    """Fused rank above the positive's."""
    TOO_SIMILAR = "too_similar"
    """The retriever finds it nearly as good as the positive."""
    OUTSIDE_BAND = "outside_band"
    SAME_TEXT = "same_text"
    """Near-equal to a positive, or to a negative taken before."""


@dataclass(frozen=True, slots=True)
class NegativeRules:
    """How many negatives, which pick, and the guards; None switches a guard off."""

    count: int = 1
    pick: Pick = "auto"
    band: tuple[float, float] = (0.5, 0.9)
    """Similarities that `band` draws from, as shares of the positive's."""
    max_similarity: float | None = None
    """TopK-PercPos of NV-Retriever (arXiv 2407.15831): share of the positive's similarity."""
    min_margin: float | None = None
    """TopK-MarginPos, likewise: how far below the positive's similarity."""
    max_relevance: float | None = None
    """Expected relevance; the highest that any scorer expects counts."""
    relevant_from: float = 2.0
    unjudged_similarity: float | None = None
    """Bound for candidates that nobody judged, as a share of the similarity of the least similar
    relevant candidate; None: none of them is taken."""
    same_page: Policy = "allow"
    seed: Policy = "allow"

    def resolve_pick(self, options: Options) -> Pick:
        """Return what `auto` stands for: `hardest` where the guard by relevance works, else
        `lowest`.

        Cranfield, share of negatives that people find relevant (tests/benchmarks/choosing.py):
        without grades hardest 0.3 to 0.5 and lowest 0.05; with grades of a noisy judge hardest 0.02
        to 0.10 at a similarity of 0.9 of the positive's, lowest 0.00 to 0.03 at 0.8.
        """
        if self.pick != "auto":
            return self.pick
        return "hardest" if self.max_relevance is not None and options.is_graded else "lowest"


@dataclass(frozen=True, slots=True)
class Negatives:
    """The chosen negatives (positions) and why others, of those looked at, were refused."""

    chosen: tuple[int, ...]
    refused: dict[int, Refusal]


def choose_negatives(
    options: Options,
    positives: Sequence[int],
    rules: NegativeRules,
    sameness: Sameness,
    *,
    draw: str,
    as_relevant: Collection[int] = (),
) -> Negatives:
    """Choose negatives by the rules; fewer than asked for where fewer pass them.

    All judged candidates go through the guards; then, in the order of the pick, as many as are
    wanted are taken, and only those are compared by text. Where they are too few, candidates beyond
    the judged ones are looked at in the same order, one by one.

    Args:
        positives: the positive, then the further ones.
        draw: what a random pick is drawn from (the query's id and the pipeline's seed).
        as_relevant: candidates that could have been positives.
    """
    guards = _Guards(options, positives[0], rules)
    pick = rules.resolve_pick(options)
    refused: dict[int, Refusal] = {}
    passed: list[int] = []
    for i in range(options.n_judged):
        if i in positives:
            continue
        why = Refusal.AS_RELEVANT if i in as_relevant else guards.refuse(i, pick)
        if why:
            refused[i] = why
        else:
            passed.append(i)
    taken: list[int] = []
    texts = [options.text_of(i) for i in positives]

    def take(ordered: Iterable[int]) -> None:
        for i in ordered:
            if len(taken) == rules.count:
                return
            text = options.text_of(i)
            if any(sameness.is_same(text, other) for other in texts):
                refused[i] = Refusal.SAME_TEXT
            else:
                taken.append(i)
                texts.append(text)

    take(_order(passed, pick, options, draw))
    if len(taken) < rules.count and rules.unjudged_similarity is not None:
        take(guards.pass_unjudged(pick, draw, refused))
    return Negatives(tuple(taken), refused)


class _Guards:
    """The guards for one positive, cheapest first; texts are compared by `choose_negatives`."""

    def __init__(self, options: Options, positive: int, rules: NegativeRules) -> None:
        self._options, self._rules = options, rules
        self._split = options.split_of(positive)
        self._page = options.page_of(positive) if rules.same_page == "refuse" else None
        self._rank = options.fused_ranks[positive] or 0
        self._similarity = options.similarities[positive]
        self._bound = self._bound_similarity(self._similarity)
        self._must_be_graded = rules.max_relevance is not None and options.is_graded

    def refuse(self, i: int, pick: Pick) -> Refusal | None:
        """Say why a judged candidate is no negative; None if it may be one."""
        rank, grade = self._options.fused_ranks[i], self._options.max_grades[i]
        if rank is None or (grade is None and self._must_be_graded):
            return Refusal.NOT_SCORED
        if self._options.split_of(i) != self._split:
            return Refusal.OTHER_SPLIT
        limit = self._rules.max_relevance
        if limit is not None and grade is not None and grade > limit:
            return Refusal.TOO_RELEVANT
        if why := self._refuse_kin(i):
            return why
        if rank < self._rank:
            return Refusal.ABOVE_POSITIVE
        return self._refuse_similarity(self._options.similarities[i], pick)

    def pass_unjudged(self, pick: Pick, draw: str, refused: dict[int, Refusal]) -> Iterable[int]:
        """Yield candidates that nobody judged and that pass, in the order of the pick."""
        options, bound = self._options, self._bound_unjudged()
        unjudged = range(options.n_judged, len(options.ids))
        for i in _order(unjudged, pick, options, draw):
            similarity = options.similarities[i]
            if options.split_of(i) != self._split:
                refused[i] = Refusal.OTHER_SPLIT
            elif why := self._refuse_kin(i):
                refused[i] = why
            elif bound is None or similarity is None or similarity > bound:
                refused[i] = Refusal.TOO_SIMILAR
            elif why := self._refuse_similarity(similarity, pick):
                refused[i] = why
            else:
                yield i

    def _refuse_kin(self, i: int) -> Refusal | None:
        if i == self._options.seed and self._rules.seed == "refuse":
            return Refusal.SEED
        same = self._page is not None and self._options.page_of(i) == self._page
        return Refusal.SAME_PAGE if same else None

    def _refuse_similarity(self, similarity: float | None, pick: Pick) -> Refusal | None:
        if similarity is None or self._similarity is None:
            return None
        if self._bound is not None and similarity > self._bound:
            return Refusal.TOO_SIMILAR
        low, high = self._rules.band
        outside = not low * self._similarity <= similarity <= high * self._similarity
        return Refusal.OUTSIDE_BAND if pick == "band" and outside else None

    def _bound_similarity(self, positive: float | None) -> float | None:
        """The highest similarity that a negative may have.

        A share of nothing, or of less, says nothing: there the positive's own is the bound.
        """
        bounds = []
        if positive is not None and self._rules.max_similarity is not None:
            bounds.append(self._rules.max_similarity * positive if positive > 0 else positive)
        if positive is not None and self._rules.min_margin is not None:
            bounds.append(positive - self._rules.min_margin)
        return min(bounds, default=None)

    def _bound_unjudged(self) -> float | None:
        """Below the least similar relevant candidate, for where those lie there may be more.

        Cranfield with a judge that errs like GPT-4, a third of the queries with the most relevant
        passages, the most similar unjudged one: 0.08 are relevant under 0.8 of the positive's
        similarity, 0.03 under 0.95 of that of the least similar relevant one, at equal hardness.
        """
        options, share = self._options, self._rules.unjudged_similarity
        relevant = options.find_relevant(self._rules.relevant_from)
        found = [self._similarity, *(options.similarities[i] for i in relevant)]
        known = [similarity for similarity in found if similarity is not None]
        if share is None or not known or min(known) <= 0:
            return None
        return share * min(known)


def _order(found: Iterable[int], pick: Pick, options: Options, draw: str) -> list[int]:
    """Order candidates by a pick.

    `hardest` goes by the retriever and not by the fused ranking: with grades the latter only tells
    what is left after the guard by the weaker scorers. On Cranfield with a judge that errs like
    GPT-4, of those judged 0 under 0.95 of the positive's similarity: the most similar one lies at
    0.91 of it and is relevant in 0.052, the best of the fused ranking at 0.82 and in 0.043.
    """
    match pick:
        case "lowest":
            return sorted(found, key=lambda i: (_rank(options, i), i), reverse=True)
        case "hardest":
            return sorted(found, key=lambda i: (-_similarity(options, i), i))
    return sorted(found, key=lambda i: _shuffle_key(draw, options.ids[i]))


def _rank(options: Options, i: int) -> int:
    return (options.fused_ranks[i] or 0) if i < options.n_judged else i


def _similarity(options: Options, i: int) -> float:
    similarity = options.similarities[i]
    return float("-inf") if similarity is None else similarity


def _shuffle_key(draw: str, passage_id: str) -> str:
    return hashlib.sha256(f"{draw}\0{passage_id}".encode()).hexdigest()
