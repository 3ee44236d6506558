"""Which passages are asked about: caps, a fixed number, and even shares of groups.

Every choice takes the passages with the least hashes of (the pipeline's seed, the passage's id)
within a group (bottom-k sampling). So when the corpus grows, a passage leaves the choice only where
a new one of its group has pushed it out, and comes in only if it is new or a group's share grew.
Caps are taken one after the other: where their groups cross, as those of sites and languages do, a
new passage may push out one for each cap, and another may come in where one was pushed out.
"""

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from fret.records import make_id


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of a passage when it is chosen."""

    passage_id: str
    page: str
    site: str
    """Host of the address without `www.`; for passages without one the page stands for it."""
    language: str
    cluster: str = ""
    """The group of near passages that it is in, where such were made."""


@dataclass(frozen=True, slots=True)
class SeedRules:
    """How many are chosen of what; None for no limit."""

    count: int | None = None
    per_page: int | None = None
    per_site: int | None = None
    per_language: int | None = None
    balance: str | None = None
    """The field of `Place` by which `count` is shared out evenly; None draws from all alike."""


def choose_seeds(places: Iterable[Place], rules: SeedRules, seed: int) -> set[str]:
    """Return the ids of the passages that are asked about."""
    chosen = list(places)
    caps: list[tuple[int | None, Callable[[Place], str]]] = [
        (rules.per_page, lambda place: place.page),
        (rules.per_site, lambda place: place.site),
        (rules.per_language, lambda place: place.language),
    ]
    for cap, group_of in caps:
        if cap is not None:
            groups = _group(chosen, group_of)
            chosen = [p for group in groups.values() for p in take_least(group, cap, seed)]
    if rules.count is not None:
        groups = _group(chosen, lambda p: getattr(p, rules.balance) if rules.balance else "")
        shares = share_evenly({name: len(g) for name, g in groups.items()}, rules.count, seed)
        chosen = [p for name, g in groups.items() for p in take_least(g, shares[name], seed)]
    return {place.passage_id for place in chosen}


def take_least(places: Iterable[Place], n: int, seed: int) -> list[Place]:
    """Return the n places with the least hashes."""
    return heapq.nsmallest(n, places, key=lambda place: hash_seed(seed, place.passage_id))


def hash_seed(seed: int, passage_id: str) -> str:
    """Return the hash by which a passage is chosen: the least ones are."""
    return make_id("seed", str(seed), passage_id)


def share_evenly(sizes: Mapping[str, int], n: int, seed: int) -> dict[str, int]:
    """Share n out over groups: as evenly as their sizes allow.

    Small groups give all that they have, the others the same number; what is left over after that
    goes to groups in an order that follows from their names.
    """
    order = sorted(sizes, key=lambda name: (sizes[name], make_id("share", str(seed), name)))
    shares: dict[str, int] = {}
    for number, name in enumerate(order):
        # What is left, divided by the groups that are left; the last ones get the remainder.
        shares[name] = min(sizes[name], (n - sum(shares.values())) // (len(order) - number))
    return shares


def _group(places: Sequence[Place], group_of: Callable[[Place], str]) -> dict[str, list[Place]]:
    groups: dict[str, list[Place]] = {}
    for place in places:
        groups.setdefault(group_of(place), []).append(place)
    return groups
