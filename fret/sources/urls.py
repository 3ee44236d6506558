"""Pages of the web, by a list of addresses, by sitemaps, or by both."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

from aiohttp.abc import AbstractResolver

from fret.errors import SourceError
from fret.records import Dropped
from fret.sources import Contents, Finished, RawPage, Source
from fret.sources.parts import divide
from fret.sources.web import Fetched, Manners, NotFetched
from fret.sources.web.addresses import IsAllowed, is_any, is_public, parse_address
from fret.sources.web.client import Client
from fret.sources.web.crawl import crawl, run_apart
from fret.sources.web.kept import KeptPages, PageWriter
from fret.sources.web.sitemaps import MOST_BYTES, Listed, list_pages, parse_sitemap
from fret.sources.web.visit import Visitor


class UrlList(Source):
    """Addresses, and what was fetched of them.

    Sitemaps are fetched when the source is described, pages by `fetch`; both are kept, and fetched
    anew only where they are older than asked for.

    Args:
        path: a text file with an address a line; lines that begin with # are passed over.
        kept: the file that keeps what was fetched.
        max_age_s: how old a kept page or sitemap may be; None for any age.
        resolver, is_allowed: instead of the system's resolver, and of the rule that addresses be
            public unless `manners` allow private ones.
    """

    holds: ClassVar[Literal["texts", "files", "bodies"]] = "bodies"

    def __init__(
        self,
        path: Path | None,
        *,
        sitemaps: Sequence[str],
        manners: Manners,
        kept: Path,
        max_age_s: float | None = None,
        resolver: AbstractResolver | None = None,
        is_allowed: IsAllowed | None = None,
    ) -> None:
        self._path, self._sitemaps = path, list(sitemaps)
        self._manners, self._kept = manners, KeptPages(kept)
        self._since = time.time() - max_age_s if max_age_s is not None else 0.0
        self._resolver = resolver
        self._is_allowed = is_allowed or (is_any if manners.allow_private else is_public)

    def describe(self, first: int | None = None) -> Contents:
        """Count and hash the addresses, not what lies there, which is not known yet."""
        addresses = self._addresses[:first]
        digest = hashlib.sha256("\n".join(addresses).encode("utf-8", "replace"))
        return Contents(len(addresses), digest.hexdigest())

    def fetch(
        self,
        starts: Callable[[int, int], None],
        advanced: Callable[[], None],
        *,
        failed_again: bool,
    ) -> None:
        with self._kept.writing() as writer:
            if failed_again:
                writer.forget_failures()
            there = writer.addresses(self._since)
            missing = [address for address in self._addresses if address not in there]
            starts(len(self._addresses) - len(missing), len(self._addresses))

            def keep(page: Fetched) -> None:
                writer.add(page)
                advanced()

            if missing:
                run_apart(self._crawl(missing, keep))

    def parts(
        self, size: int, finished: Finished | None = None
    ) -> Iterator[Iterable[RawPage | Dropped]]:
        """Yield the pages, each read from the disk when its turn comes."""
        for part in divide(len(self._addresses), size, finished):
            yield _Part(self._kept, self._addresses[part])

    @cached_property
    def _addresses(self) -> list[str]:
        listed = _read_list(self._path) if self._path else []
        if self._sitemaps:
            listed += run_apart(self._read_sitemaps())
        # Fragments and spellings aside, the same page is fetched once.
        addresses = list(dict.fromkeys(map(_normalise, listed)))
        if not addresses:
            raise SourceError("The sitemaps of pages.source list no page.")
        return addresses

    async def _crawl(self, missing: list[str], keep: Callable[[Fetched], None]) -> None:
        async with self._client() as client:
            visitor = Visitor(client, self._manners)
            await crawl(missing, visitor, hosts_at_once=self._manners.hosts_at_once, keep=keep)

    async def _read_sitemaps(self) -> list[str]:
        with self._kept.writing() as writer:
            async with self._client() as client:
                visitor = Visitor(client, self._manners)
                return await list_pages(
                    self._sitemaps, lambda address: self._load(address, visitor, writer)
                )

    async def _load(self, address: str, visitor: Visitor, writer: PageWriter) -> Listed:
        found = self._kept.find_sitemap(address, self._since)
        if found is None:
            found = parse_sitemap(await visitor.fetch_file(address, MOST_BYTES))
            writer.add_sitemap(address, *found)
        return found

    def _client(self) -> Client:
        return Client(self._manners.contact, is_allowed=self._is_allowed, resolver=self._resolver)


class _Part:
    """The pages of one shard; whoever passes it over reads nothing."""

    def __init__(self, kept: KeptPages, addresses: list[str]) -> None:
        self._kept, self._addresses = kept, addresses

    def __iter__(self) -> Iterator[RawPage | Dropped]:
        for page in self._kept.read(self._addresses):
            if page.reason is not None:
                yield Dropped("pages", page.address, page.reason, page.detail)
            else:
                yield RawPage(page.address, url=page.url, body=page.body, charset=page.charset)


def _read_list(path: Path) -> list[str]:
    """Return the addresses of a list, whatever they are.

    Raises:
        SourceError: it is no text, or holds none.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read as text: {error}.") from error
    found = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not any(line.lower().startswith(("http://", "https://")) for line in found):
        raise SourceError(
            f"{path} holds no address of a page: one a line is looked for, with http:// or https://."
        )
    return found


def _normalise(address: str) -> str:
    try:
        return str(parse_address(address))
    except NotFetched:
        return address  # it is dropped with its reason when its turn comes
