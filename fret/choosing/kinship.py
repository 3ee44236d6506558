"""How candidates are akin to the seed: the likeliest to answer its query as well as it does."""

from collections.abc import Sequence
from enum import StrEnum

from fret.choosing.sameness import Sameness

# Containment, as `examples.negatives.max_overlap` is by default.
_NEAR = 0.8
# Of two texts of that containment, one of these pieces is in both but for one case in ten thousand;
# looking for them costs a seventh of comparing all words.
_PIECES = 8
_PIECE_CHARACTERS = 20


class Kinship(StrEnum):
    """How a candidate is akin to the seed; the first that holds, in this order."""

    SEED = "seed"
    DUPLICATE_OF_SEED = "duplicate_of_seed"
    """The shorter of the two has 0.8 of its runs of three words from the other; see `Sameness`."""
    SAME_PAGE = "same_page"
    NONE = ""


class Kin:
    """Tells how passages are akin to one seed, by texts and pages."""

    def __init__(self, seed_id: str, text: str, page_id: str) -> None:
        self._id, self._text, self._page_id = seed_id, text, page_id
        self._folded = text.casefold()
        self._sameness = Sameness(_NEAR)

    def relate(self, passage_id: str, text: str, page_id: str) -> Kinship:
        if passage_id == self._id:
            return Kinship.SEED
        if self._may_be_near(text.casefold()) and self._sameness.is_same(self._text, text):
            return Kinship.DUPLICATE_OF_SEED
        return Kinship.SAME_PAGE if page_id == self._page_id else Kinship.NONE

    def _may_be_near(self, folded: str) -> bool:
        shorter, longer = sorted((folded, self._folded), key=len)
        return any(piece in longer for piece in _cut_pieces(shorter))


def _cut_pieces(text: str) -> Sequence[str]:
    last = max(0, len(text) - _PIECE_CHARACTERS)
    starts = [last * i // (_PIECES - 1) for i in range(_PIECES)]
    return [text[start : start + _PIECE_CHARACTERS] for start in starts]
