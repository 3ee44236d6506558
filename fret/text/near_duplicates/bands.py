"""How many numbers of a MinHash signature make a band, and how many bands there are."""

import math
from typing import NamedTuple

# Of pairs that are just as similar as the threshold, the share that may be missed; of pairs that
# are more similar, less.
_MISSED = 0.02


class Bands(NamedTuple):
    """Texts that agree in all numbers of one band are compared."""

    n: int
    rows: int


def choose_bands(threshold: float) -> Bands:
    """Choose bands so that pairs of this similarity share one with probability 0.98 at least.

    Two texts of Jaccard similarity s agree in a band of r rows with probability s^r, and in one of
    b bands with 1 - (1 - s^r)^b (Broder 1997; Leskovec, Rajaraman and Ullman, chapter 3.4). Since
    what agrees is compared in full, r is small: s^r is near a quarter.
    """
    rows = max(1, min(16, round(math.log(0.25) / math.log(threshold)))) if threshold < 1 else 16
    agree = threshold**rows
    n = math.ceil(math.log(_MISSED) / math.log1p(-agree)) if agree < 1 else 1
    return Bands(n, rows)
