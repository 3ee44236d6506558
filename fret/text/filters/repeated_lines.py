"""Lines that many pages of a site have in common: menus, footers, notices."""

import hashlib
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from fret.text.filters.domains import find_host

_Hashes = NDArray[np.uint64]

# Lines that wait before they are counted together: 32 MB.
_WAITING = 1 << 22


class SiteLines:
    """Counts on how many pages of its site each line stands; then removes the frequent ones.

    Which lines are the same: case, and spaces around and within, do not count. A page counts once.
    Memory: 12 bytes for each different line of each site while counting, and some 40 MB; then 8 for
    each line that goes.

    Args:
        share: of a site's pages, over which a line goes.
        min_pages: fewest pages for that.
    """

    def __init__(self, *, share: float, min_pages: int) -> None:
        self._share, self._min_pages = share, min_pages
        self._n_pages: Counter[int] = Counter()
        self._waiting: list[_Hashes] = []
        self._n_waiting = 0
        self._lines = np.zeros(0, np.uint64)
        self._counts = np.zeros(0, np.uint32)

    def add(self, url: str, text: str) -> None:
        """Count the lines of a page."""
        site = _hash_site(url)
        self._n_pages[site] += 1
        lines = {_hash_line(site, line) for line in text.split("\n") if line.strip()}
        self._waiting.append(np.fromiter(lines, np.uint64, len(lines)))
        self._n_waiting += len(lines)
        if self._n_waiting >= _WAITING:
            self._count()

    def finish(self) -> None:
        """To be called when all pages are counted; lets go of the rare lines."""
        self._count()
        often = self._counts >= self._min_pages
        self._lines, self._counts = self._lines[often], self._counts[often]

    def remove(self, url: str, text: str) -> tuple[str, int]:
        """Return a page's text without them, and how many lines went."""
        site = _hash_site(url)
        least = max(self._min_pages - 1, self._share * self._n_pages[site])
        lines = text.split("\n")
        hashes = np.array([_hash_line(site, line) for line in lines], np.uint64)
        places = np.searchsorted(self._lines, hashes)
        places[places == len(self._lines)] = 0
        found = np.zeros(len(lines), bool)
        if len(self._lines):
            found = (self._lines[places] == hashes) & (self._counts[places] > least)
        kept = [line for line, goes in zip(lines, found.tolist(), strict=True) if not goes]
        return "\n".join(kept).strip(), len(lines) - len(kept)

    def _count(self) -> None:
        new, counts = np.unique(
            np.concatenate([*self._waiting, np.zeros(0, np.uint64)]), return_counts=True
        )
        both = np.concatenate([self._lines, new])
        order = np.argsort(both, kind="stable")
        both = both[order]
        numbers = np.concatenate([self._counts, counts.astype(np.uint32)])[order]
        starts = np.flatnonzero(np.concatenate([[True], both[1:] != both[:-1]])[: len(both)])
        self._lines = both[starts]
        self._counts = np.add.reduceat(numbers, starts) if len(starts) else numbers
        self._waiting, self._n_waiting = [], 0


def _hash_site(url: str) -> int:
    # Pages without an address, such as files, are taken for one site.
    return _hash(find_host(url) if "://" in url else "")


def _hash_line(site: int, line: str) -> int:
    return _hash(" ".join(line.casefold().split())) ^ site


def _hash(text: str) -> int:
    data = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")
