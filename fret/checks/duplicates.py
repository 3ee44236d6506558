"""Queries that are, but for a word or an ending, the same as an earlier one of the whole set.

Three ways, each on what the earlier ones leave: equal after normalisation; nearly equal by words;
nearly equal by embedding. The earliest is kept, so an order of the queries gives one result.
"""

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fret.checks import Fault
from fret.language.marks import find_marks
from fret.language.normal import normalise
from fret.language.words import find_content
from fret.reasons import Reason

# Earlier queries that may be compared by one shared shingle. What stands in more of them says
# little; without a bound, a set made from few templates would take quadratic time.
_LONGEST_LIST = 200
_VECTORS_PER_BLOCK = 4096
# What rounding may take from a bound.
_SLACK = 1e-3
# From this share of pairs on that a quarter of the coordinates does not rule out, one product of
# the whole vectors is quicker: so with models whose vectors all point the same way.
_MANY = 0.05
# Kept queries that one is compared with by its marks; among the nearest the first is likely one.
_NEAREST = 32

Near = tuple[float, int]
"""(cosine, place among those kept)"""


class ExactDoubles:
    """Queries that are equal after normalisation: case, punctuation and spaces do not count.

    Nor do seeds and tasks: with another task a text is another training example, but so near to
    the first one that it teaches nothing more.
    """

    def __init__(self) -> None:
        # 64-bit hashes: among a million queries, two differing ones meet with probability 3e-8.
        self._seen: set[int] = set()

    def check(self, text: str) -> Fault | None:
        if self._key(text) in self._seen:
            return Fault(Reason.DUPLICATE_QUERY, f"it repeats an earlier one: {text[:80]!r}")
        return None

    def add(self, text: str) -> None:
        self._seen.add(self._key(text))

    def _key(self, text: str) -> int:
        return _hash(normalise(text) or text)


@dataclass(frozen=True, slots=True)
class _Shape:
    """A query as it is compared; hashes throughout."""

    shingles: "array[int]"
    """Pairs of neighbouring content words, then single ones, each group in the order of hashes."""
    n_pairs: int
    marks: frozenset[str]

    @property
    def words(self) -> set[int]:
        return set(self.shingles[self.n_pairs :])


class NearDoubles:
    """Queries that share nearly all content words in nearly the same order.

    Two are near doubles when the Jaccard similarity of their shingles reaches `threshold`, and
    neither a content word of one stands for another of the other ("sea otters", "sea lions") nor
    what `find_marks` finds differs: numbers, "not", "when". Shingles are stems of content words
    and pairs of neighbouring ones (Broder 1997). Only what shares a shingle of the prefix is
    compared, which finds every pair over the threshold (prefix filter: Chaudhuri et al. 2006,
    Bayardo et al. 2007) but where a shingle is in more than 200 queries.
    """

    def __init__(self, *, threshold: float) -> None:
        self._threshold = threshold
        self._lists: dict[int, array[int]] = {}
        self._shapes: list[_Shape] = []
        self._texts: list[str] = []

    def check(self, text: str, language: str) -> Fault | None:
        shape = _make_shape(text, language)
        for number in self._find_rivals(shape):
            similarity = _compare(shape, self._shapes[number])
            if similarity >= self._threshold:
                detail = f"{text[:80]!r} is {similarity:.2f} like {self._texts[number]!r}"
                return Fault(Reason.NEAR_DUPLICATE_QUERY, detail)
        return None

    def add(self, text: str, language: str) -> None:
        shape = _make_shape(text, language)
        for shingle in self._prefix(shape):
            numbers = self._lists.setdefault(shingle, array("I"))
            if len(numbers) < _LONGEST_LIST:
                numbers.append(len(self._shapes))
        self._shapes.append(shape)
        self._texts.append(text[:80])

    def _find_rivals(self, shape: _Shape) -> list[int]:
        found: set[int] = set()
        for shingle in self._prefix(shape):
            found.update(self._lists.get(shingle, ()))
        return sorted(found)

    def _prefix(self, shape: _Shape) -> "array[int]":
        """Return the shingles of which two queries over the threshold share at least one."""
        n = len(shape.shingles)
        return shape.shingles[: n - int(np.ceil(self._threshold * n - 1e-9)) + 1]


def _make_shape(text: str, language: str) -> _Shape:
    content = find_content(text, language)
    words = set(map(_hash, content))
    pairs = {_hash(f"{a}\0{b}") for a, b in pairwise(content)}
    shingles = array("Q", [*sorted(pairs), *sorted(words)])
    return _Shape(shingles, len(pairs), find_marks(text, language))


def _compare(a: _Shape, b: _Shape) -> float:
    """Return the Jaccard similarity of two queries; 0 where a word stands for another."""
    if a.marks != b.marks:
        return 0.0
    if a.words - b.words and b.words - a.words:
        return 0.0
    ours, theirs = set(a.shingles), set(b.shingles)
    return len(ours & theirs) / max(1, len(ours | theirs))


def _hash(text: str) -> int:
    data = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


class SimilarVectors:
    """Unit vectors of the queries that were kept, compared exactly with each block of new ones.

    They are kept in half precision: half the memory, and cosines differ in the fourth digit at
    most. Most pairs are ruled out by a quarter of their coordinates: what the others can add to a
    cosine is at most the product of their lengths (Cauchy-Schwarz).
    """

    def __init__(self, *, threshold: float) -> None:
        self._threshold = threshold
        self._blocks: list[_Block] = []
        self._rest: list[NDArray[np.float32]] = []
        self._new: dict[str, int] = {}
        self._vectors = np.zeros((0, 1), np.float32)
        self._before: list[list[Near]] = []
        self._kept: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self._blocks) * _VECTORS_PER_BLOCK + len(self._rest)

    def look_at(self, names: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Compare a block of new vectors, one row per name, with all that were kept."""
        self._new = {name: row for row, name in enumerate(names)}
        self._vectors = vectors.astype(np.float16).astype(np.float32)
        self._before = self._find_near(self._vectors)
        self._kept = []

    def find(self, name: str) -> list[Near]:
        """Return those that are too near, at most 32: the nearest first, then the earliest."""
        row = self._new[name]
        found = list(self._before[row])
        if self._kept:
            rows = [kept for kept, _ in self._kept]
            cosines = (self._vectors[rows] @ self._vectors[row]).tolist()
            places = (place for _, place in self._kept)
            found += (pair for pair in zip(cosines, places, strict=True) if self._is_near(pair))
        return _take_nearest(found)

    def add(self, name: str) -> None:
        """Keep a vector of the block."""
        row = self._new[name]
        self._kept.append((row, len(self)))
        self._rest.append(self._vectors[row])
        if len(self._rest) == _VECTORS_PER_BLOCK:
            self._blocks.append(_Block.of(np.stack(self._rest)))
            self._rest = []

    def _is_near(self, pair: Near) -> bool:
        return pair[0] >= self._threshold

    def _find_near(self, vectors: NDArray[np.float32]) -> list[list[Near]]:
        """Return, for each vector, the nearest of what was kept."""
        found: list[list[Near]] = [[] for _ in vectors]
        bounds = _bounding(vectors)
        rest = [_Block.of(np.stack(self._rest))] if self._rest else []
        for number, block in enumerate([*self._blocks, *rest]):
            near = bounds @ block.bounds.T >= self._threshold - _SLACK
            pairs = _compare_vectors(vectors, block.whole, near, self._threshold)
            for row, place, cosine in pairs:
                found[row].append((cosine, number * _VECTORS_PER_BLOCK + place))
            found = [_take_nearest(each) for each in found]
        return found


def _take_nearest(pairs: list[Near]) -> list[Near]:
    return sorted(pairs, key=lambda pair: (-pair[0], pair[1]))[:_NEAREST]


class _Block(NamedTuple):
    """Vectors that were kept."""

    whole: NDArray[np.float16]
    bounds: NDArray[np.float32]

    @classmethod
    def of(cls, vectors: NDArray[np.float32]) -> "_Block":
        return cls(vectors.astype(np.float16), _bounding(vectors))


def _compare_vectors(
    ours: NDArray[np.float32],
    theirs: NDArray[np.float16],
    near: NDArray[np.bool_],
    threshold: float,
) -> Iterator[tuple[int, int, float]]:
    """Yield (row of ours, row of theirs, cosine) for pairs over the threshold, the nearest of each
    row among them."""
    if np.count_nonzero(near) > near.size * _MANY:
        cosines = ours @ theirs.astype(np.float32).T
        rows, places = np.nonzero(cosines >= threshold)
        if len(rows) > len(ours) * _NEAREST < cosines.size:
            places = np.argpartition(-cosines, _NEAREST - 1, axis=1)[:, :_NEAREST].ravel()
            rows = np.repeat(np.arange(len(ours)), _NEAREST)
        found = cosines[rows, places]
    else:
        rows, places = np.nonzero(near)
        found = np.einsum("ij,ij->i", ours[rows], theirs[places].astype(np.float32))
    over = found >= threshold
    yield from zip(rows[over].tolist(), places[over].tolist(), found[over].tolist(), strict=True)


def _bounding(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return vectors whose products are at least those of the whole ones: the first quarter of the
    coordinates, and the length of the rest."""
    n = -(-vectors.shape[1] // 4)
    rest = np.linalg.norm(vectors[:, n:], axis=1, keepdims=True)
    return np.concatenate([vectors[:, :n], rest], axis=1)
