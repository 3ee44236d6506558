"""The addresses that a site lists, by sitemaps.org: files of addresses, and files of such files."""

from collections.abc import Awaitable, Callable
from xml.parsers import expat

from fret.errors import SourceError
from fret.sources.web import NotFetched
from fret.sources.web.addresses import LONGEST
from fret.unpack import UnpackError, unpack

# The protocol's own limit for one file, unpacked: 50 MiB (and 50,000 addresses, which sites break).
MOST_BYTES = 50 * 1024 * 1024
# By the protocol an index names no index; some do.
_DEEPEST = 3
_MOST_FILES = 5_000
_MOST_ADDRESSES = 5_000_000
# What a file may begin with, and what its entries are called.
_ROOTS = {"urlset": "url", "sitemapindex": "sitemap"}

Listed = tuple[list[str], list[str]]
"""Pages, and further sitemaps."""


class BadSitemap(Exception):
    """A file that is no sitemap; the message says why."""


def parse_sitemap(data: bytes) -> Listed:
    """Read a sitemap or an index of sitemaps, gzipped or not.

    Entities cannot grow here (billion laughs) nor name files: a document type, in which alone they
    are declared, is refused before it is read.

    Raises:
        BadSitemap: it is no sitemap, or damaged.
    """
    reader = _Reader()
    try:
        # Whatever its name says.
        packed = ["gzip"] if data.startswith(b"\x1f\x8b") else []
        reader.read(unpack(data, packed, MOST_BYTES))
    except UnpackError as error:
        raise BadSitemap(str(error)) from error
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise BadSitemap(f"it is no XML that can be read: {error}") from error
    return reader.listed["url"], reader.listed["sitemap"]


class _Reader:
    def __init__(self) -> None:
        self.listed: dict[str, list[str]] = {"url": [], "sitemap": []}
        self._path: list[str] = []
        self._depth = 0
        self._text: list[str] | None = None

    def read(self, data: bytes) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._add
        parser.Parse(data, True)

    def _refuse(self, *_: object) -> None:
        raise BadSitemap("it declares a document type, which sitemaps have not")

    def _start(self, name: str, _: object) -> None:
        name = name.rpartition(":")[2]
        self._depth += 1
        if self._depth == 1 and name not in _ROOTS:
            raise BadSitemap(f"it begins with <{name[:50]}>, not with <urlset> or <sitemapindex>")
        # Deeper elements are others' extensions, such as the places of pictures.
        if self._depth <= 3:
            self._path.append(name)
            entry = _ROOTS[self._path[0]]
            self._text = [] if self._path[1:] == [entry, "loc"] else None

    def _end(self, _: str) -> None:
        if self._depth == 3 and self._text is not None:
            address = "".join(self._text).strip()
            if address:
                # One that is too long is refused, and counted, when its turn comes.
                self.listed[self._path[1]].append(address[: LONGEST + 1])
            self._text = None
        if self._depth <= 3:
            self._path.pop()
        self._depth -= 1

    def _add(self, text: str) -> None:
        if self._text is not None and self._depth == 3:
            self._text.append(text)


async def list_pages(sitemaps: list[str], load: Callable[[str], Awaitable[Listed]]) -> list[str]:
    """Return the addresses of all pages below sitemaps, in the order in which they stand there.

    Args:
        load: returns what one file lists.

    Raises:
        SourceError: a file cannot be had or read, or there is no end of them.
    """
    pages: list[str] = []
    seen: set[str] = set()

    async def walk(addresses: list[str], depth: int) -> None:
        for address in addresses:
            if address in seen:
                continue
            seen.add(address)
            listed, further = await _load(address, load)
            pages.extend(listed)
            _refuse_endless(address, len(seen) + len(further), len(pages), depth if further else 0)
            await walk(further, depth + 1)

    await walk(sitemaps, 0)
    return pages


def _refuse_endless(address: str, n_files: int, n_pages: int, depth: int) -> None:
    if n_files > _MOST_FILES or n_pages > _MOST_ADDRESSES or depth >= _DEEPEST:
        raise SourceError(
            f"The sitemaps name over {_MOST_FILES} files or {_MOST_ADDRESSES} pages, or indexes in "
            f"over {_DEEPEST} levels (at {address[:200]}). Name those parts in "
            "pages.source.sitemaps that you want."
        )


async def _load(address: str, load: Callable[[str], Awaitable[Listed]]) -> Listed:
    try:
        return await load(address)
    except NotFetched as error:
        raise SourceError(
            f"The sitemap {address[:200]} cannot be had: {error.detail}. Mend "
            "pages.source.sitemaps, or try later."
        ) from error
    except BadSitemap as error:
        raise SourceError(
            f"The sitemap {address[:200]} cannot be read: {error}. Mend pages.source.sitemaps."
        ) from error
