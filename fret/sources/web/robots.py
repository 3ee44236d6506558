"""What a host allows, by RFC 9309."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from protego import Protego
from yarl import URL

from fret.reasons import Reason
from fret.sources.web import NotFetched
from fret.sources.web.client import Response

# RFC 9309, 2.5: at least 500 kibibytes must be read.
MOST_BYTES = 512 * 1024
# RFC 9309, 2.4: a copy should not be used for longer than a day.
_FRESH_S = 24 * 3600
# How robots.txt calls us (2.2.1): the product's name alone, without version and contact.
_NAME = "fret"

FetchRobots = Callable[[URL], Awaitable[Response]]


@dataclass(slots=True)
class _Rules:
    until: float
    parsed: Protego | None = None
    refusal: NotFetched | None = None


class Robots:
    """The rules of each origin, fetched once a day.

    Args:
        fetch: gets a robots.txt, redirects followed.
        slow_down: told (host, seconds) where rules ask for a pause between visits.
    """

    def __init__(self, fetch: FetchRobots, slow_down: Callable[[str, float], None]) -> None:
        self._fetch, self._slow_down = fetch, slow_down
        self._rules: dict[URL, _Rules] = {}
        self._asking: dict[URL, asyncio.Lock] = {}

    async def check(self, url: URL) -> None:
        """Return where a page may be visited.

        Raises:
            NotFetched: the rules forbid it, or they could not be had.
        """
        origin = url.origin()
        async with self._asking.setdefault(origin, asyncio.Lock()):
            now = asyncio.get_running_loop().time()
            rules = self._rules.get(origin)
            if rules is None or rules.until < now:
                rules = self._rules[origin] = await self._load(origin, now + _FRESH_S)
        if rules.refusal:
            raise NotFetched(rules.refusal.reason, rules.refusal.detail)
        if rules.parsed and not rules.parsed.can_fetch(str(url), _NAME):
            raise NotFetched(Reason.NOT_ALLOWED_BY_ROBOTS, f"{origin}/robots.txt forbids it")

    async def _load(self, origin: URL, until: float) -> _Rules:
        where = origin / "robots.txt"
        try:
            response = await self._fetch(where)
        except NotFetched as error:
            told = NotFetched(error.reason, f"{where}: {error.detail}")
            return _Rules(until, refusal=told)
        # 429 is a host that has had enough, not one without rules.
        if response.status == 429 or response.status >= 500:
            detail = f"{where} was answered with status {response.status}, which means no"
            return _Rules(until, refusal=NotFetched(Reason.NOT_ALLOWED_BY_ROBOTS, detail))
        if response.status != 200:
            return _Rules(until)
        parsed = Protego.parse(response.body.decode("utf-8-sig", "replace"))
        self._slow_down(str(origin.host), _find_delay(parsed))
        return _Rules(until, parsed)


def _find_delay(parsed: Protego) -> float:
    delay_s, rate = parsed.crawl_delay(_NAME) or 0.0, parsed.request_rate(_NAME)
    return max(delay_s, rate.seconds / rate.requests) if rate else delay_s
