"""Where pages come from. Each source counts and hashes what it holds, and yields it part by part.

A source is a `Source`: `describe()` reads everything once, cheaply, so that an empty or broken
source is told before any work and a changed one is noticed; `parts()` yields the raw pages, a
shard's worth at a time, in an order that does not change.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from fret.records import Reason


@dataclass(frozen=True, slots=True)
class RawPage:
    """A page as it lies in the source: HTML (in a file, or at hand), or text as it is."""

    name: str
    """Its place in the source; goes into `Page.source`."""
    path: str | None = None
    """The file that holds its HTML."""
    text: str = ""
    title: str = ""
    url: str = ""
    id: str = ""
    """The user's own; goes into `Page.source_id`."""
    body: bytes = b""
    """Its HTML, where no file holds it."""
    charset: str = ""
    """The encoding of the body that its server named; empty where it named none."""
    reason: Reason | None = None
    """Why there is no page, where the source could not get it."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a source holds."""

    n_pages: int
    sha256: str
    """Hash over the names and contents of all files: the same pages give the same hash anywhere."""

    @property
    def identity(self) -> dict[str, Any]:
        return {"pages": self.n_pages, "sha256": self.sha256}


class Source(Protocol):
    """A place that pages come from."""

    def describe(self) -> Contents:
        """Count and hash the pages.

        Raises:
            SourceError: missing, empty, or unreadable.
        """
        ...

    def parts(self, size: int) -> Iterator[Iterable[RawPage]]:
        """Yield all pages in order, `size` at a time; passing a part over must cost little."""
        ...
