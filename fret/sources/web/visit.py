"""A visit to an address, by the rules: robots, redirects, new attempts, a deadline."""

import asyncio
from dataclasses import dataclass

from yarl import URL

from fret.reasons import Reason
from fret.sources.web import Fetched, Manners, NotFetched
from fret.sources.web.addresses import parse_address
from fret.sources.web.client import HTML, Client, Disconnected, Response
from fret.sources.web.hosts import Host, Hosts
from fret.sources.web.robots import MOST_BYTES as MOST_ROBOTS_BYTES
from fret.sources.web.robots import Robots

_REDIRECTS = {301, 302, 303, 307, 308}
_TRY_LATER = {429, 503}
_DOWN = {Reason.TIMED_OUT, Reason.NOT_FETCHED}
# RFC 9309, 2.3.1.2: at least five redirects are followed for robots.txt, to whatever host.
_ROBOTS_REDIRECTS = 5
_ATTEMPTS = 3
_FIRST_WAIT_S = 1.0


@dataclass(slots=True)
class _Want:
    """What is wanted of a visit, and the time that is left for it."""

    types: frozenset[str] | None
    most_bytes: int
    redirects: int
    left_s: float
    """Seconds of sending and receiving; waiting for a host's turn does not count."""
    obeys_robots: bool = True
    may_be_cut: bool = False


class Visitor:
    """Visits pages of any hosts; one for a whole crawl, since it knows when each may be asked."""

    def __init__(self, client: Client, manners: Manners) -> None:
        self._client, self._manners = client, manners
        self._hosts = Hosts(manners.delay_s)
        self._robots = Robots(self._fetch_robots, self._slow_down)

    async def fetch_page(self, address: str) -> Fetched:
        """Fetch an HTML page, or say why there is none."""
        manners = self._manners
        want = _Want(HTML, manners.max_bytes, manners.max_redirects, manners.timeout_s)
        try:
            response = await self._follow(parse_address(address), want)
            _check_status(response)
        except NotFetched as error:
            return Fetched(address, reason=error.reason, detail=error.detail)
        except Exception as error:  # what a server makes a library raise is this page's end alone
            odd = NotFetched(Reason.NOT_FETCHED, f"{type(error).__name__}: {error}"[:300])
            return Fetched(address, reason=odd.reason, detail=odd.detail)
        return Fetched(address, str(response.url), response.body, response.charset)

    async def fetch_file(self, address: str, most_bytes: int) -> bytes:
        """Fetch a file of any type.

        Raises:
            NotFetched: it cannot be had.
        """
        want = _Want(None, most_bytes, self._manners.max_redirects, self._manners.timeout_s)
        response = await self._follow(parse_address(address), want)
        _check_status(response)
        return response.body

    async def _fetch_robots(self, url: URL) -> Response:
        left_s = self._manners.timeout_s
        want = _Want(None, MOST_ROBOTS_BYTES, _ROBOTS_REDIRECTS, left_s, False, True)
        return await self._follow(url, want)

    def _slow_down(self, host: str, delay_s: float) -> None:
        self._hosts.of(host).slow_down(min(delay_s, self._manners.max_crawl_delay_s))

    async def _follow(self, url: URL, want: _Want) -> Response:
        for _ in range(want.redirects + 1):
            if want.obeys_robots:
                await self._robots.check(url)
            response = await self._ask(url, want)
            if response.status not in _REDIRECTS or not response.location:
                return response
            url = parse_address(response.location, url)
        raise NotFetched(Reason.NOT_FETCHED, f"over {want.redirects} redirects, to {url}"[:300])

    async def _ask(self, url: URL, want: _Want) -> Response:
        host = self._hosts.of(str(url.host))
        host.check()
        try:
            response = await self._ask_patiently(host, url, want)
        except NotFetched as error:
            host.note(failed=error.reason in _DOWN)
            raise
        host.note(failed=response.status in _TRY_LATER)
        return response

    async def _ask_patiently(self, host: Host, url: URL, want: _Want) -> Response:
        """Ask until there is an answer that stands, a few times at most."""
        for attempt in range(1, _ATTEMPTS + 1):
            wait_s = _FIRST_WAIT_S * 2 ** (attempt - 1)
            async with host.turn():
                try:
                    response = await self._ask_in_time(url, want)
                except Disconnected as error:
                    if attempt == _ATTEMPTS:
                        raise NotFetched(Reason.NOT_FETCHED, str(error)) from error
                else:
                    if response.status not in _TRY_LATER or attempt == _ATTEMPTS:
                        return response
                    if response.retry_after_s is not None:
                        wait_s = response.retry_after_s
                    if wait_s > self._manners.max_wait_s:
                        return response
                host.rest(wait_s)
        raise AssertionError("the last attempt returns or raises")

    async def _ask_in_time(self, url: URL, want: _Want) -> Response:
        clock = asyncio.get_running_loop().time
        started = clock()
        try:
            async with asyncio.timeout(max(0.0, want.left_s)):
                return await self._client.get(
                    url, most_bytes=want.most_bytes, types=want.types, may_be_cut=want.may_be_cut
                )
        except TimeoutError as error:
            detail = f"longer than {self._manners.timeout_s:g} s"
            raise NotFetched(Reason.TIMED_OUT, detail) from error
        finally:
            want.left_s -= clock() - started


def _check_status(response: Response) -> None:
    if response.status != 200:
        where = str(response.url)[:200]
        raise NotFetched(Reason.HTTP_STATUS, f"status {response.status} from {where}")
