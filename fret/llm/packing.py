"""Packs: the tokens of many sequences in one row, each shared token once.

The requests of a block are mostly alike: the same instructions and examples, then one of a few
passages, then a query. Sorted, each sequence begins with some part of the one before it, so only
its rest is fresh. Fresh tokens of many sequences stand in one row, and a mask lets each token see
its own sequence alone (the tree attention of SpecInfer, Miao et al. 2024, arXiv 2305.09781). What
the next pack shares with the last one is kept as keys and values: slots of a cache.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

# Logits at once: at a vocabulary of 150,000 these rows are 0.6 GB in float32.
MAX_SCORED = 1024


class Continuation(NamedTuple):
    """Tokens of which those from `start` on, at least 1, are to be scored."""

    ids: tuple[int, ...]
    start: int


Span = tuple[int, int]
"""Slots from the first to before the second."""


@dataclass(slots=True)
class Pack:
    """Fresh tokens of several sequences in one row, behind `n_kept` tokens of the cache."""

    n_kept: int
    tokens: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    sights: list[tuple[int, int, list[Span]]] = field(default_factory=list)
    """Fresh tokens from, to, and the slots before them that they see besides each other."""
    targets: list[tuple[int, int, int]] = field(default_factory=list)
    """(number of the fresh token, token that may follow it, number of the continuation)."""
    path: list[Span] = field(default_factory=list)
    """Slots of the sequence added last."""

    def add(self, number: int, item: Continuation, n_shared: int) -> None:
        """Add a sequence that begins with `n_shared` tokens of the one before."""
        fed, begin = item.ids[:-1], len(self.tokens)
        before = cut_path(self.path, n_shared)
        self.tokens += fed[n_shared:]
        self.positions += range(n_shared, len(fed))
        end = len(self.tokens)
        if end > begin:
            self.sights.append((begin, end, before))
        self.path = [*before, (self.n_kept + begin, self.n_kept + end)]
        for place in range(item.start, len(item.ids)):
            fresh = _slot_at(self.path, place - 1) - self.n_kept
            self.targets.append((fresh, item.ids[place], number))


def cut_path(path: list[Span], n: int) -> list[Span]:
    """Return the first n slots of a path."""
    kept: list[Span] = []
    for start, stop in path:
        if n <= 0:
            break
        if stop > start:
            kept.append((start, min(stop, start + n)))
        n -= stop - start
    return kept


def _slot_at(path: list[Span], place: int) -> int:
    for start, stop in path:
        if place < stop - start:
            return start + place
        place -= stop - start
    raise IndexError(place)


def fill_pack(
    items: Sequence[Continuation], order: list[int], done: int, n_kept: int, size: int
) -> tuple[Pack, int]:
    """Fill a pack with about `size` fresh tokens of the sequences from `done` on.

    Returns:
        The pack, and how many sequences are done after it.
    """
    pack = Pack(n_kept, path=[(0, n_kept)])
    pack.add(order[done], items[order[done]], n_kept)
    for place in range(done + 1, len(order)):
        item = items[order[place]]
        n_shared = _count_shared(items[order[place - 1]], item)
        n_fresh = len(item.ids) - 1 - n_shared
        n_targets = len(item.ids) - item.start
        # What the cache keeps are keys and values; the logits there are gone.
        is_late = item.start - 1 < n_kept
        is_full = len(pack.tokens) + n_fresh > size or len(pack.targets) + n_targets > MAX_SCORED
        if is_late or is_full:
            return pack, place
        pack.add(order[place], item, n_shared)
    return pack, len(order)


def count_kept(items: Sequence[Continuation], order: list[int], done: int) -> int:
    """Count the tokens that the next sequence has from the one before, and need not run."""
    if done == 0:
        return 0
    item = items[order[done]]
    return min(item.start - 1, _count_shared(items[order[done - 1]], item))


def _count_shared(one: Continuation, other: Continuation) -> int:
    """Count the tokens both are fed from the start; the last token of each is never fed."""
    shortest = min(len(one.ids), len(other.ids)) - 1
    pairs = enumerate(zip(one.ids[:shortest], other.ids, strict=False))
    return next((n for n, (a, b) in pairs if a != b), shortest)
