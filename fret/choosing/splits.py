"""Which side of the dataset a page is on."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from fret.records import Record

TRAIN = "train"


@dataclass(frozen=True, slots=True)
class HeldOutPage(Record):
    """A page that is not for training; the stage examples keeps the list of them."""

    STAGE: ClassVar[str] = "examples"
    KEY: ClassVar[str] = "page_id"
    FILE: ClassVar[str] = "held_out_pages.parquet"

    page_id: str
    split: str


class Sides:
    """Tells which side each page is on.

    Args:
        shares: of the pages, by split; the rest is for training.
        groups: for pages that share texts with others, the page that is drawn for all of them.
    """

    def __init__(
        self, shares: Mapping[str, float], seed: int, groups: Mapping[str, str] | None = None
    ) -> None:
        self._shares, self._seed = dict(shares), seed
        self._groups = groups or {}

    def of(self, page_id: str) -> str:
        return split_of(self._groups.get(page_id, page_id), self._shares, self._seed)

    def list_held_out(self, page_ids: Iterable[str]) -> Iterator[HeldOutPage]:
        """Yield the pages that are not for training, each once."""
        seen: set[str] = set()
        for page_id in page_ids:
            side = self.of(page_id)
            if side != TRAIN and page_id not in seen:
                seen.add(page_id)
                yield HeldOutPage(page_id, side)


def split_of(page_id: str, shares: Mapping[str, float], seed: int) -> str:
    """Return the split of a page: drawn from its id alone, so it stays when other pages come."""
    place = int(hashlib.sha256(f"split\0{seed}\0{page_id}".encode()).hexdigest()[:12], 16) / 16**12
    for name, share in sorted(shares.items()):
        if place < share:
            return name
        place -= share
    return TRAIN
