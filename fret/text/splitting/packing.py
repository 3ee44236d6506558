"""Pack parts into passages so that as little as may be is parted that belongs together.

Among all ways to divide a page, the one of the least cost is taken: the sum of what each break
costs (see `parts`), and for each passage of the share of it that stays empty, squared. It is found
by dynamic programming, as TeX breaks a paragraph into lines (Knuth and Plass, Breaking Paragraphs
into Lines, 1981).
"""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

from fret.text.splitting.parts import AFTER_HEADING, Part

# What a passage that is empty costs beside one that is full, in breaks between sentences.
_EMPTINESS = 0.75
# More than any break but one after a heading.
_TOO_SHORT = 300.0
_TOO_LONG = 1e6
# Neighbours that together take less of a passage than one in so many go together. So no part has
# more than twice as many ahead of it in a passage, and the work is linear.
_FINENESS = 32


def pack(
    parts: Sequence[Part], *, extras: Sequence[float], most: int, least: int
) -> list[tuple[int, int]]:
    """Return the (start, end) of each passage among the parts.

    Args:
        extras: what a passage that begins with the part repeats from before, in words or tokens.
    """
    starts = _group(parts, most)
    sizes = [0.0, *itertools.accumulate(part.size for part in parts)]
    counts = [0, *itertools.accumulate(part.n_units for part in parts)]
    leads = _count_leads(parts)
    costs = [0.0]  # of the best way up to where each group begins, and of a break there
    groups = [_Group(sizes[0], extras[0], counts[0] + leads[0])] if parts else []
    back = [0]
    for number, end in enumerate([*starts[1:], len(parts)], 1):
        cost, choice = _choose(groups, costs, sizes[end], counts[end], most, least)
        back.append(choice)
        if number < len(starts):
            costs.append(cost + parts[end].cost)
            groups.append(_Group(sizes[end], extras[end], counts[end] + leads[end]))
    return _trace(starts, back, len(parts))


class _Group(NamedTuple):
    """What a passage that begins with a group goes by."""

    before: float
    """The size of all that comes before it."""
    extra: float
    n_before: int
    """The words or tokens before it, and of the headings that it begins with."""


def _choose(
    groups: Sequence[_Group],
    costs: Sequence[float],
    size_up_to: float,
    n_up_to: int,
    most: int,
    least: int,
) -> tuple[float, int]:
    """Choose with which group the passage begins that ends here; return the cost of all, and it."""
    least_cost, choice = math.inf, 0
    last = len(groups) - 1
    for k in range(last, -1, -1):
        before, extra, n_before = groups[k]
        room = most - (size_up_to - before)
        if room < 0 and k < last:
            break
        room -= extra
        cost = costs[k]
        if room < 0:
            cost -= _TOO_LONG * room
        else:
            cost += _EMPTINESS * (room / most) ** 2
        if n_up_to - n_before < least:
            cost += _TOO_SHORT
        if cost < least_cost:
            least_cost, choice = cost, k
    return least_cost, choice


def _count_leads(parts: Sequence[Part]) -> list[int]:
    """Count what the headings take that a passage from each part on begins with.

    They may be no part of its text, which shall be long enough without them.
    """
    leads, lead = [], 0
    for part in reversed(parts):
        lead = lead + part.n_units if part.is_heading else 0
        leads.append(lead)
    return leads[::-1]


def _trace(starts: Sequence[int], back: Sequence[int], n_parts: int) -> list[tuple[int, int]]:
    passages, k, end = [], len(starts), n_parts
    while k:
        k = back[k]
        passages.append((starts[k], end))
        end = starts[k]
    return passages[::-1]


def _group(parts: Sequence[Part], most: int) -> list[int]:
    """Return where groups begin: what hangs together, and tiny neighbours."""
    starts: list[int] = []
    last = math.inf
    for start, end in _find_chains(parts):
        size = sum(part.size for part in parts[start:end])
        if last + size > most / _FINENESS:
            starts.append(start)
            last = 0.0
        last += size
    return starts


def _find_chains(parts: Sequence[Part]) -> list[tuple[int, int]]:
    begins = [i for i, part in enumerate(parts) if i == 0 or part.cost < AFTER_HEADING]
    return list(zip(begins, [*begins[1:], len(parts)], strict=True))
