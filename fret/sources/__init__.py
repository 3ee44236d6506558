"""Where pages come from. Each source counts and hashes what it holds, and yields it part by part.

A source is a `Source`: `describe()` reads everything once, cheaply (of archives, which may take
hours to read, names, sizes and ends), so that an empty or broken source is told before any work and
a changed one is noticed; `parts()` yields the raw pages, a
shard's worth at a time, in an order that does not change.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

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


IDENTITY = ("pages", "files", "bytes", "sha256", "commit")
"""The keys of what identifies contents."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a source holds."""

    n_pages: int | None
    """None where counting them would mean to read everything."""
    sha256: str | None = None
    """Hash over the names and contents of all files: the same pages give the same hash anywhere."""
    n_files: int | None = None
    n_bytes: int | None = None
    """Stated where pages are not counted."""
    commit: str | None = None
    """Of a dataset on the Hub, in place of a hash."""

    @property
    def identity(self) -> dict[str, Any]:
        values = (self.n_pages, self.n_files, self.n_bytes, self.sha256, self.commit)
        return {k: v for k, v in zip(IDENTITY, values, strict=True) if v is not None}


class Finished(Protocol):
    """The parts of a source whose shards are finished."""

    @property
    def n(self) -> int:
        """How many, from the first on."""
        ...

    def n_rows(self, index: int) -> int:
        """Return how many rows one part had."""
        ...

    def names(self, index: int) -> Iterable[str]:
        """Return the names of the rows of one part, in any order."""
        ...


class Source(Protocol):
    """A place that pages come from."""

    holds: ClassVar[Literal["texts", "files", "bodies"]] = "texts"
    """Texts as they are, or HTML: in files, or as servers sent it."""
    counts_in: ClassVar[str] = ""
    """What its progress counts where it does not count pages."""

    def describe(self, first: int | None = None) -> Contents:
        """Count and hash the pages.

        Args:
            first: look at no more than so many pages (files, where pages are not counted).

        Raises:
            SourceError: missing, empty, or unreadable.
        """
        ...

    def begins_with(self, identity: Mapping[str, Any]) -> bool:
        """Whether contents that gave this identity are still there, and all else comes after."""
        n = identity.get("files", identity.get("pages"))
        return isinstance(n, int) and self.describe(n).identity == identity

    def fetch(
        self,
        starts: Callable[[int, int], None],
        advanced: Callable[[], None],
        *,
        failed_again: bool,
    ) -> None:
        """Fetch what lies elsewhere and is not kept yet, before the first page is read.

        Args:
            starts: told how many pages are there already, and how many there will be.
            advanced: told of each page, perhaps from another thread.
            failed_again: whether pages are asked for once more that could not be had.
        """
        return None

    def parts(
        self, size: int, finished: Finished | None = None
    ) -> Iterator[Iterable[RawPage | Dropped]]:
        """Yield all pages in order, at most `size` at a time; also what is none, with the reason.

        Parts that are finished have the rows that they had, and cost little if nobody reads them.
        """
        ...

    def count_units(self, name: str | None = None) -> int | None:
        """Return how much lies before the row of a name, or in all, as `counts_in` says; None where
        each row counts one."""
        return None
