"""Keys and the places that have them, as sorted numbers: eight bytes for a key of a place."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]

# One number holds the first 36 bits of a key and a place of 28: what is found by a part of its key
# is compared anyway, and 268 million places are more than the rest of the memory would hold.
PLACE_BITS = np.uint64(28)
N_PLACES = 2 ** int(PLACE_BITS)
_PLACE = np.uint64(N_PLACES - 1)
# Places that are looked at for one key, the earliest; a key that more have says little.
MOST_PLACES = 64
# A sorted run joins the one before it when that is less than so many times as long, so there are
# few runs, and each number is moved a few times only.
_RATIO = 4


class Table:
    """Places by key. They are added in rising order."""

    def __init__(self) -> None:
        self._runs: list[Keys] = []

    @property
    def n_bytes(self) -> int:
        return sum(run.nbytes for run in self._runs)

    def add(self, keys: Keys, places: Keys) -> None:
        """Add places (n,) with their keys (n, number of keys)."""
        run = ((keys >> PLACE_BITS) << PLACE_BITS) | places[:, np.newaxis]
        run = np.sort(run.ravel())
        while self._runs and len(self._runs[-1]) < _RATIO * len(run):
            run = np.concatenate([self._runs.pop(), run])
            run.sort()
        if len(run):
            self._runs.append(run)

    def find(self, keys: Keys) -> dict[int, dict[int, list[int]]]:
        """Return, for each row of keys that any place shares, the earliest places by column."""
        found: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        flat = keys.ravel() >> PLACE_BITS
        order = np.argsort(flat, kind="stable")
        wanted = flat[order]
        for run in self._runs:
            for number, places in _search(run, wanted):
                where = divmod(int(order[number]), keys.shape[1])
                known = found[where]
                known += places[: MOST_PLACES - len(known)]
        rows: defaultdict[int, dict[int, list[int]]] = defaultdict(dict)
        for (row, column), places in found.items():
            rows[row][column] = places
        return rows


def _search(run: Keys, wanted: Keys) -> Iterator[tuple[int, list[int]]]:
    """Yield (place among the wanted, places in the run that have it)."""
    starts = np.searchsorted(run, wanted << PLACE_BITS)
    inside = starts < len(run)
    hits = inside.copy()
    hits[inside] = run[starts[inside]] >> PLACE_BITS == wanted[inside]
    for number in np.flatnonzero(hits).tolist():
        part = run[starts[number] : starts[number] + MOST_PLACES]
        yield number, (part[part >> PLACE_BITS == wanted[number]] & _PLACE).tolist()
