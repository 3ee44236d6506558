"""Whether two passages say the same in the same words."""

from fret.retrieval.tokenize import tokenize

_WORDS_PER_SHINGLE = 3


class Sameness:
    """Near-equality by the containment of Broder (1997, "On the resemblance and containment of
    documents"): the share of the shorter text's shingles, here runs of three words, that the other
    text has too. Exact, without sketches: few pairs are ever compared.

    Containment and not resemblance, for a passage that holds the positive is as good as it.
    """

    def __init__(self, limit: float | None) -> None:
        self._limit = limit
        """Texts of this containment or more are the same; None: only equal ones are."""
        self._shingles: dict[str, frozenset[tuple[str, ...]]] = {}

    def is_same(self, one: str, other: str) -> bool:
        """Whether two texts are equal but for case and spaces, or nearly."""
        if one == other or _plain(one) == _plain(other):
            return True
        return self._limit is not None and self._contain(one, other) >= self._limit

    def _contain(self, one: str, other: str) -> float:
        first, second = self._shingles_of(one), self._shingles_of(other)
        smaller = min(len(first), len(second))
        return len(first & second) / smaller if smaller else 0.0

    def _shingles_of(self, text: str) -> frozenset[tuple[str, ...]]:
        if text not in self._shingles:
            self._shingles[text] = shingle(text)
        return self._shingles[text]


def shingle(text: str) -> frozenset[tuple[str, ...]]:
    """Return the runs of three words of a text; of a shorter text all its words as one."""
    words = tokenize(text)
    if len(words) < _WORDS_PER_SHINGLE:
        return frozenset([tuple(words)] if words else [])
    return frozenset(zip(*(words[i:] for i in range(_WORDS_PER_SHINGLE)), strict=False))


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
