"""Counts and draws whose memory is bounded, and that come out the same for the same rows."""

import hashlib
import heapq
from collections import Counter
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


def draw(query_id: str) -> int:
    """Return the place of a query in a random order that does not hang on the rows' order."""
    return int.from_bytes(hashlib.sha256(f"report\0{query_id}".encode()).digest()[:8], "big")


class Lowest(Generic[T]):
    """Keeps the n items with the lowest draws: a fair sample of any number."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._heap: list[tuple[int, int, T]] = []
        self._added = 0

    def wants(self, place: int) -> bool:
        return len(self._heap) < self._n or place < -self._heap[0][0]

    def add(self, place: int, item: T) -> None:
        self._added += 1  # equal places: the earlier first, and items are never compared
        entry = (-place, -self._added, item)
        if len(self._heap) < self._n:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heappushpop(self._heap, entry)

    def __len__(self) -> int:
        return len(self._heap)

    def __iter__(self) -> Iterator[T]:
        """Go through the items, those with the lowest draws first."""
        return (item for _, _, item in sorted(self._heap, key=lambda e: (-e[0], -e[1])))


class BoundedCounter:
    """Counts at most so many different things exactly; beyond, the rarest are let go.

    What is frequent stays; its count may then be too low by what was let go of it before.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._counts: Counter[str] = Counter()
        self.is_exact = True

    def add(self, name: str) -> None:
        self._counts[name] += 1
        if len(self._counts) > self._limit:
            self.is_exact = False
            self._counts = Counter(dict(rank_counts(self._counts)[: self._limit // 2]))

    def __len__(self) -> int:
        return len(self._counts)

    def ranked(self) -> list[tuple[str, int]]:
        return rank_counts(self._counts)


def rank_counts(counts: dict[str, int]) -> list[tuple[str, int]]:
    """Return counts, the most frequent first; equal ones by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def share_out(counts: dict[Hashable, int], n: int) -> dict[Hashable, int]:
    """Say how many of n examples each group gives: by the square root of its size.

    So a large group gives more than a small one, but not all. All, when there are no more than n.
    """
    shares = dict.fromkeys(counts, 0)
    # The next place falls to the group that has the fewest for its size (Sainte-Laguë).
    order = sorted(counts, key=lambda group: (-counts[group], draw(repr(group))))
    waiting = [(-(counts[group] ** 0.5), place) for place, group in enumerate(order)]
    heapq.heapify(waiting)
    for _ in range(min(n, sum(counts.values()))):
        _, place = heapq.heappop(waiting)
        group = order[place]
        shares[group] += 1
        if shares[group] < counts[group]:
            heapq.heappush(waiting, (-(counts[group] ** 0.5) / (2 * shares[group] + 1), place))
    return shares
