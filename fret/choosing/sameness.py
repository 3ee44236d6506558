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
        self._known: dict[str, tuple[str, frozenset[tuple[str, ...]]]] = {}

    def is_same(self, one: str, other: str) -> bool:
        """Whether two texts are equal but for case and spaces, or nearly."""
        (plain, first), (other_plain, second) = self._read(one), self._read(other)
        if plain == other_plain or self._limit is None:
            return plain == other_plain
        smaller = min(len(first), len(second))
        return smaller > 0 and len(first & second) / smaller >= self._limit

    def _read(self, text: str) -> tuple[str, frozenset[tuple[str, ...]]]:
        if text not in self._known:
            shingles = frozenset() if self._limit is None else shingle(text)
            self._known[text] = (" ".join(text.casefold().split()), shingles)
        return self._known[text]


def shingle(text: str) -> frozenset[tuple[str, ...]]:
    """Return the runs of three words of a text; of a shorter text all its words as one."""
    words = tokenize(text)
    if len(words) < _WORDS_PER_SHINGLE:
        return frozenset([tuple(words)] if words else [])
    return frozenset(zip(*(words[i:] for i in range(_WORDS_PER_SHINGLE)), strict=False))
