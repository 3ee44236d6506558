"""Pack parts into passages so that as little as may be is parted that belongs together.

Among all ways to divide a page, the one of the least cost is taken: the sum of what each break
costs (see `parts`), and for each passage of the share of it that stays empty, squared. It is found
by dynamic programming, as TeX breaks a paragraph into lines (Knuth and Plass, Breaking Paragraphs
into Lines, 1981).
"""

import itertools
import math
from collections.abc import Sequence

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
    best, back = [0.0], [0]
    for end in [*starts[1:], len(parts)]:
        least_cost, choice = math.inf, 0
        for k in range(len(best) - 1, -1, -1):
            start = starts[k]
            own = sizes[end] - sizes[start]
            size = own + extras[start]
            if own > most and k < len(best) - 1:
                break
            cost = best[k] + (parts[start].cost if k else 0.0)
            if size > most:
                cost += _TOO_LONG * (size - most)
            else:
                cost += _EMPTINESS * ((most - size) / most) ** 2
            if counts[end] - counts[start] - leads[start] < least:
                cost += _TOO_SHORT
            if cost < least_cost:
                least_cost, choice = cost, k
        best.append(least_cost)
        back.append(choice)
    return _trace(starts, back, len(parts))


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
