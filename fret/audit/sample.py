"""Which examples a person is shown, and which passages of each: pure functions of a seed."""

import hashlib
import heapq
import math
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from fret.records import Example, Judgement

Role = Literal["positive", "extra", "negative", "other"]
"""`extra` is a further positive."""

# How deep "near the top" goes among the candidates that were not chosen.
_NEAR_TOP = 3


@dataclass(frozen=True, slots=True)
class Shown:
    """One passage that is shown for a query, and what it is."""

    passage_id: str
    role: Role
    is_seed: bool
    rank: int | None
    """Fused rank; None where it was not judged."""
    grades: tuple[float | None, ...]
    """Expected relevance from 0 to 3 by each scorer of the judgement; None where it gave none."""


def draw_examples(
    examples: Iterable[Example], n: int, seed: int
) -> tuple[list[Example], dict[tuple[str, str], int]]:
    """Draw n examples at random, each as likely as any other, spread over task types and splits.

    A task type and split gets its share of n, rounded up or down; so shares in the sample are
    shares in the dataset. Streams; holds at most n examples of each.

    Returns:
        The examples in random order, and how many there are of each (task type, split).
    """
    counts: dict[tuple[str, str], int] = {}
    kept: dict[tuple[str, str], list[tuple[int, int, Example]]] = {}
    for number, example in enumerate(examples):
        stratum = (example.task_type, example.split)
        counts[stratum] = counts.get(stratum, 0) + 1
        heap = kept.setdefault(stratum, [])
        item = (-_draw(seed, example.query_id), number, example)
        if len(heap) < n:
            heapq.heappush(heap, item)
        else:
            heapq.heappushpop(heap, item)
    shares = share_out(counts, n, start=random.Random(f"{seed}\0start").random())
    drawn = [item for s, heap in kept.items() for item in heapq.nlargest(shares[s], heap)]
    drawn.sort(key=lambda item: (-item[0], item[1]))
    return [example for _, _, example in drawn], dict(sorted(counts.items()))


def share_out(
    counts: Mapping[tuple[str, str], int], n: int, *, start: float
) -> dict[tuple[str, str], int]:
    """Say how many of n fall to each stratum, by systematic sampling of all rows.

    With the strata laid end to end, n points at equal distances, the first at `start` (0 to 1) of a
    distance, fall into them: each row is hit with probability n / rows, however small its stratum
    (Cochran 1977, chapter 8). All rows, when there are no more than n.
    """
    total = sum(counts.values())
    if total <= n:
        return dict(counts)
    shares, end, hit = {}, 0, 0
    for stratum, count in sorted(counts.items()):
        end += count
        # Points lie at (i + start) * total / n; so many of them are below `end`.
        below = min(n, max(0, math.ceil(end * n / total - start)))
        shares[stratum] = below - hit
        hit = below
    return shares


def draw_passages(
    example: Example, judgement: Judgement, per_query: int, rng: random.Random
) -> list[Shown]:
    """Choose what is shown of an example, in random order.

    The positive; a further positive, where there is one; negatives, drawn where there are more than
    fit; and at least one other judged candidate, where there is one, so that the positive cannot be
    guessed: the seed when it was not chosen, then by turns one near the top and one in the middle.
    """
    negatives = list(example.negative_ids)
    extra = list(example.extra_positive_ids)
    roles: dict[str, Role] = {example.positive_id: "positive"}
    if extra and per_query > 3:
        roles[rng.choice(extra)] = "extra"
    n_negatives = min(len(negatives), max(1, per_query - len(roles) - 1))
    roles |= {passage_id: "negative" for passage_id in rng.sample(negatives, n_negatives)}
    taken = {example.positive_id, *extra, *negatives}
    others = _draw_others(judgement, taken, per_query - len(roles), rng)
    roles |= {passage_id: "other" for passage_id in others}
    shown = [_describe(judgement, passage_id, role) for passage_id, role in roles.items()]
    rng.shuffle(shown)
    return shown


def _draw_others(judgement: Judgement, taken: set[str], n: int, rng: random.Random) -> list[str]:
    ranked = sorted(
        (rank, passage_id)
        for rank, passage_id in zip(judgement.fused_ranks, judgement.passage_ids, strict=True)
        if rank is not None and passage_id not in taken
    )
    left = [passage_id for _, passage_id in ranked]
    chosen: list[str] = []
    if n > 0 and judgement.seed_id in left:
        chosen.append(judgement.seed_id)
        left.remove(judgement.seed_id)
    top = rng.random() < 0.5 if n - len(chosen) == 1 else True
    while left and len(chosen) < n:
        third = len(left) // 3
        pool = left[:_NEAR_TOP] if top else left[third : len(left) - third]
        chosen.append(rng.choice(pool))
        left.remove(chosen[-1])
        top = not top
    return chosen


def _describe(judgement: Judgement, passage_id: str, role: Role) -> Shown:
    # A negative may come from a deeper pool that was never judged.
    ids = judgement.passage_ids
    place = ids.index(passage_id) if passage_id in ids else None
    return Shown(
        passage_id=passage_id,
        role=role,
        is_seed=passage_id == judgement.seed_id,
        rank=None if place is None else judgement.fused_ranks[place],
        grades=tuple(None if place is None else s.grades[place] for s in judgement.scorings),
    )


def _draw(seed: int, query_id: str) -> int:
    digest = hashlib.sha256(f"{seed}\0{query_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big")
