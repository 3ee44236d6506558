"""Politeness: one request at a time to a host, and a pause between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fret.reasons import Reason
from fret.sources.web import NotFetched

# A host that fails so often in a row is down: with a minute for each of ten thousand pages, one
# would hold up a crawl for a week.
_MOST_FAILURES = 10


class Host:
    """One host, on whatever port and scheme."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self._free = asyncio.Lock()
        self._ready_at = 0.0
        self._n_failed = 0

    def note(self, *, failed: bool) -> None:
        """Note whether it gave an answer, of whatever kind, or failed."""
        self._n_failed = self._n_failed + 1 if failed else 0

    def check(self) -> None:
        """Return where there is hope.

        Raises:
            NotFetched: the host is down.
        """
        if self._n_failed >= _MOST_FAILURES:
            detail = f"not asked for: its host failed {_MOST_FAILURES} times in a row"
            raise NotFetched(Reason.NOT_FETCHED, detail)

    def slow_down(self, delay_s: float) -> None:
        """Let at least so much time lie between requests."""
        self.delay_s = max(self.delay_s, delay_s)
        self.rest(self.delay_s)

    def rest(self, wait_s: float) -> None:
        """Send nothing for so long."""
        self._ready_at = max(self._ready_at, asyncio.get_running_loop().time() + wait_s)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until the host may be asked; the pause runs from the end of the block."""
        async with self._free:
            while (wait_s := self._ready_at - asyncio.get_running_loop().time()) > 0:
                await asyncio.sleep(wait_s)
            try:
                yield
            finally:
                self.rest(self.delay_s)


class Hosts:
    """All hosts of a crawl."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._hosts: dict[str, Host] = {}

    def of(self, name: str) -> Host:
        if name not in self._hosts:
            self._hosts[name] = Host(self._delay_s)
        return self._hosts[name]
