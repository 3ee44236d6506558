"""Where pages come from. Each source counts and hashes what it holds, and yields it part by part.

A source is a `Source`: `describe()` reads everything once, cheaply (of archives, which may take
hours to read, names, sizes and ends), so that an empty or broken source is told before any work and
a changed one is noticed; `parts()` yields the raw pages, a
shard's worth at a time, in an order that does not change.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from fret.records import Dropped


@dataclass(frozen=True, slots=True)
class RawPage:
    """A page as it lies in the source: HTML in a file of its own or as bytes, or text as it is."""

    name: str
    """Its place in the source; goes into `Page.source`."""
    path: str | None = None
    """The file that holds its HTML."""
    text: str = ""
    title: str = ""
    url: str = ""
    id: str = ""
    """The user's own; goes into `Page.source_id`."""
    body: bytes | None = None
    """Its HTML as a server sent it."""
    encodings: tuple[str, ...] = ()
    """The content encodings of the body, in the order in which they were put on."""
    charset: str = ""
    """The body's character encoding, as the server said; empty where it said nothing."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a source holds."""

    n_pages: int | None
    """None where counting them would mean to read everything."""
    sha256: str
    """Hash over the names and contents of all files: the same pages give the same hash anywhere."""
    n_files: int | None = None
    n_bytes: int | None = None
    """Stated where pages are not counted."""

    @property
    def identity(self) -> dict[str, Any]:
        counts = {"pages": self.n_pages, "files": self.n_files, "bytes": self.n_bytes}
        return {k: n for k, n in counts.items() if n is not None} | {"sha256": self.sha256}


class Finished(Protocol):
    """The parts of a source whose shards are finished."""

    @property
    def n(self) -> int:
        """How many, from the first on."""
        ...

    def names(self, index: int) -> Iterable[str]:
        """Return the names of the rows of one part, in any order."""
        ...


class Source(Protocol):
    """A place that pages come from."""

    def describe(self) -> Contents:
        """Count and hash the pages.

        Raises:
            SourceError: missing, empty, or unreadable.
        """
        ...

    def parts(self, size: int) -> Iterator[Iterable[RawPage | Dropped]]:
        """Yield all pages in order, `size` at a time; also what is none, with the reason."""
        ...
