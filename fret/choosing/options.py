"""What the rules look at: the candidates of one query, in parallel lists."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """The candidates of one query, named by their positions; the judged ones come first.

    Lists and functions instead of an object per candidate: most rules look at few of a hundred.
    """

    ids: Sequence[str]
    """In the retrievers' order."""
    fused_ranks: Sequence[int | None]
    """Of the judged ones; None where a scorer could not tell; such a candidate is never chosen."""
    mean_grades: Sequence[float | None]
    """Of the judged ones: expected relevance from 0 to 3, the mean of the scorers that grade."""
    max_grades: Sequence[float | None]
    """Likewise, the highest."""
    similarities: Sequence[float | None]
    """Of all: cosine to the query, or the score by words where no embeddings were used."""
    page_of: Callable[[int], str]
    split_of: Callable[[int], str]
    """The side that a candidate's page is on."""
    text_of: Callable[[int], str]
    seed: int | None = None

    @property
    def n_judged(self) -> int:
        return len(self.fused_ranks)

    @property
    def is_graded(self) -> bool:
        return any(grade is not None for grade in self.mean_grades)

    def find_relevant(self, bound: float) -> list[int]:
        """Return the candidates with at least this expected relevance."""
        grades = enumerate(self.mean_grades)
        return [i for i, grade in grades if grade is not None and grade >= bound]
