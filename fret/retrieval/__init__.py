"""Find the passages that could answer a query: by words, by embeddings, and both fused.

An index knows passages by their row: the number of the passage in the order of the stage's shards.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol, overload

from numpy.typing import NDArray


class Hit(NamedTuple):  # a hundred for each query: made four times as fast as a frozen dataclass
    """One passage that an index found."""

    row: int
    score: float


class Hits(Sequence[Hit]):
    """What an index found for one query, best first: two arrays, of which hits are made when read.

    A search finds a hundred passages for each of many queries, faster than Python makes objects.
    """

    __slots__ = ("rows", "scores")

    def __init__(self, rows: NDArray[Any], scores: NDArray[Any]) -> None:
        self.rows, self.scores = rows, scores

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> Hit: ...
    @overload
    def __getitem__(self, place: slice) -> "Hits": ...
    def __getitem__(self, place: int | slice) -> "Hit | Hits":
        if isinstance(place, slice):
            return Hits(self.rows[place], self.scores[place])
        return Hit(int(self.rows[place]), float(self.scores[place]))

    def __iter__(self) -> Iterator[Hit]:
        return map(Hit, self.rows.tolist(), self.scores.tolist())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # arrays can be written to


class Index(Protocol):
    """Something that finds passages for queries."""

    def search(self, queries: Sequence[str], k: int) -> Sequence[Sequence[Hit]]:
        """Return the k best passages of each query, best first; ties go to the lower row."""
        ...
