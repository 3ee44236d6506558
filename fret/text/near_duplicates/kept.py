"""The texts that were kept, and whether a new one repeats one of them."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fret.text.near_duplicates.signs import MOST_SHINGLES, Keys, Signs, Words
from fret.text.near_duplicates.table import MOST_PLACES, N_PLACES, PLACE_BITS, Table

# Texts that a new one is compared with: those that share most bands, then the earliest.
_MOST_COMPARED = 32

_Place = tuple[int, int]
"""(number of the block, row there)"""


class Repeat(NamedTuple):
    """What a text repeats."""

    earlier_id: str
    similarity: float | None
    """Jaccard similarity of the shingles; None where the texts are equal."""


class KeptTexts:
    """Says which texts repeat a kept one, in their order, and keeps the others.

    A text's place is the number of its block and its row there, so blocks stay as they came. Which
    texts repeat others does not hang on how they were cut into blocks.

    For each text that is kept, memory holds 8 bytes for each band and for the whole text, 4 for
    each shingle (256 at most), number and name, and some 30 more.

    Args:
        exact: whether equal texts repeat each other; without it, and without bands, nothing does.
        threshold: the Jaccard similarity from which on a text repeats another.
        same_names: whether texts stay that each have a number or a name that the other lacks.
    """

    def __init__(self, *, exact: bool, threshold: float, same_names: bool) -> None:
        self._exact = exact
        self._threshold, self._same_names = threshold, same_names
        self._table = Table()
        self._blocks: list[_Block] = []

    def admit(self, ids: Sequence[str], signs: Signs) -> list[Repeat | None]:
        """Return for each text of a block what it repeats; what repeats nothing is kept."""
        block, keys = _Block.of(ids, signs), _list_keys(signs)
        earlier = self._table.find(keys)
        here: defaultdict[int, list[int]] = defaultdict(list)
        found: list[Repeat | None] = []
        for row, row_keys in enumerate((keys >> PLACE_BITS).tolist()):
            repeat = None
            if row in earlier or not here.keys().isdisjoint(row_keys):
                rivals = self._list_rivals(row_keys, earlier.get(row, {}), here)
                repeat = next(self._matches(block, row, rivals), None)
            found.append(repeat)
            if repeat is None:
                for key in row_keys:
                    here[key].append(row)
        self.keep(ids, signs, [row for row, repeat in enumerate(found) if repeat is None])
        return found

    def relate(self, ids: Sequence[str], signs: Signs) -> list[list[str]]:
        """Return for each text of a block all earlier ones that it repeats; every text is kept.

        Of many equal ones the earliest are named, and of many that are nearly equal the likeliest.
        """
        block, keys = _Block.of(ids, signs), _list_keys(signs)
        earlier = self._table.find(keys)
        here: defaultdict[int, list[int]] = defaultdict(list)
        found: list[list[str]] = []
        for row, row_keys in enumerate((keys >> PLACE_BITS).tolist()):
            rivals = self._list_rivals(row_keys, earlier.get(row, {}), here)
            found.append([repeat.earlier_id for repeat in self._matches(block, row, rivals)])
            for key in row_keys:
                here[key].append(row)
        self.keep(ids, signs)
        return found

    def keep(self, ids: Sequence[str], signs: Signs, rows: Sequence[int] | None = None) -> None:
        """Take in texts of a block, without asking what they repeat."""
        if rows is not None:
            ids, signs = [ids[row] for row in rows], signs.take(rows)
        if not ids:
            return
        first = len(self._blocks) * BLOCK
        if len(ids) > BLOCK or first + BLOCK > N_PLACES:
            raise ValueError(f"over {BLOCK} texts in a block, or {N_PLACES} in all")
        self._table.add(_list_keys(signs), np.arange(first, first + len(ids), dtype=np.uint64))
        self._blocks.append(_Block.of(ids, signs))

    def _list_rivals(
        self, keys: Sequence[int], earlier: Mapping[int, list[int]], here: Mapping[int, list[int]]
    ) -> list[list[_Place]]:
        """Return, for each key of a text, the earliest kept texts that have it."""
        last = len(self._blocks)
        rivals = []
        for column, key in enumerate(keys):
            places = [divmod(place, BLOCK) for place in earlier.get(column, ())]
            places += [(last, row) for row in here.get(key, ())[: MOST_PLACES - len(places)]]
            rivals.append(places)
        return rivals

    def _matches(
        self, block: "_Block", row: int, rivals: Sequence[Sequence[_Place]]
    ) -> Iterator[Repeat]:
        """Compare a text with those that share all of it, then with those that share bands."""
        equal: set[_Place] = set()
        for number, other in rivals[0] if self._exact else ():
            rival = self._block(number, block)
            if block.exact[row] == rival.exact[other]:
                yield Repeat(rival.name(other), None)
                equal.add((number, other))
        n_keys = Counter(place for places in rivals[1:] for place in places if place not in equal)
        likeliest = sorted(n_keys, key=lambda place: (-n_keys[place], place))
        for number, other in likeliest[:_MOST_COMPARED]:
            rival = self._block(number, block)
            similarity = _estimate(block.shingles_of(row), rival.shingles_of(other))
            if similarity >= self._threshold and not (
                self._same_names and _differ(block.marks_of(row), rival.marks_of(other))
            ):
                yield Repeat(rival.name(other), similarity)

    def _block(self, number: int, current: "_Block") -> "_Block":
        return self._blocks[number] if number < len(self._blocks) else current


BLOCK = 512
"""Texts in a block at most."""


class _Block(NamedTuple):
    """Texts that were kept; of each, from where to where its shingles and marks go."""

    ids: NDArray[np.void]
    exact: Keys
    shingles: Words
    shingle_ends: NDArray[np.uint32]
    marks: Words
    mark_ends: NDArray[np.uint32]

    @classmethod
    def of(cls, ids: Sequence[str], signs: Signs) -> "_Block":
        return cls(
            np.array([bytes.fromhex(each) for each in ids], dtype="V10"),
            signs.exact,
            signs.shingles,
            np.cumsum([0, *signs.n_shingles]).astype(np.uint32),
            signs.marks,
            np.cumsum([0, *signs.n_marks]).astype(np.uint32),
        )

    def name(self, row: int) -> str:
        return bytes(self.ids[row]).hex()

    def shingles_of(self, row: int) -> Words:
        return self.shingles[self.shingle_ends[row] : self.shingle_ends[row + 1]]

    def marks_of(self, row: int) -> Words:
        return self.marks[self.mark_ends[row] : self.mark_ends[row + 1]]


def _list_keys(signs: Signs) -> Keys:
    return np.concatenate([signs.exact[:, np.newaxis], signs.bands], axis=1)


def _estimate(ours: Words, theirs: Words) -> float:
    """Return the Jaccard similarity of two sets, of which the smallest hashes may be there alone.

    Exact where both are whole; else among the smallest hashes of their union.
    """
    union = np.union1d(ours, theirs)
    if max(len(ours), len(theirs)) == MOST_SHINGLES:
        union = union[:MOST_SHINGLES]
    shared = np.intersect1d(ours, theirs, assume_unique=True)
    return 0.0 if not len(union) else float(np.count_nonzero(shared <= union[-1]) / len(union))


def _differ(ours: Words, theirs: Words) -> bool:
    """Whether each has something that the other lacks."""
    shared = len(np.intersect1d(ours, theirs, assume_unique=True))
    return shared < len(ours) and shared < len(theirs)
