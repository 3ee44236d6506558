"""Which side of the dataset a page is on."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
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

    A group of pages goes where one of them is drawn. One with more pages than a whole split is
    to have would swamp it, and goes to `train`: so do all pages of a site that repeats a text on
    each of them, where such texts were not dropped.

    Args:
        shares: of the pages, by split; the rest is for training.
        groups: for pages that share texts with others, the page that is drawn for all.
        n_pages: all pages there are; None: no group is too large.
    """

    def __init__(
        self,
        shares: Mapping[str, float],
        seed: int,
        groups: Mapping[str, str] | None = None,
        *,
        n_pages: int | None = None,
    ) -> None:
        self._shares, self._seed = dict(shares), seed
        self._groups = groups or {}
        self._sizes = Counter(self._groups.values())
        least = min((share for share in self._shares.values() if share), default=0)
        most = inf if n_pages is None else max(1, least * n_pages)
        self._too_large = {group for group, n in self._sizes.items() if n > most}

    def of(self, page_id: str) -> str:
        group = self._groups.get(page_id, page_id)
        return TRAIN if group in self._too_large else split_of(group, self._shares, self._seed)

    def measure(self) -> dict[str, int]:
        """Count pages in groups, and those whose group is too large to be held out."""
        return {
            "pages": self._sizes.total(),
            "groups": len(self._sizes),
            "largest": max(self._sizes.values(), default=0),
            "too_large": sum(self._sizes[group] for group in self._too_large),
        }

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
