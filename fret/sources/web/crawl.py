"""Many pages of many hosts: hosts side by side, the pages of one after another."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from fret.sources.web import Fetched, NotFetched
from fret.sources.web.addresses import parse_address
from fret.sources.web.visit import Visitor

T = TypeVar("T")


async def crawl(
    addresses: Iterable[str],
    visitor: Visitor,
    *,
    hosts_at_once: int,
    keep: Callable[[Fetched], None],
) -> None:
    """Visit every address; `keep` gets each page as it comes, before its host is asked again."""
    # The host with most pages takes longest, so it begins first.
    waiting = deque(sorted(_by_host(addresses).values(), key=len, reverse=True))

    async def work() -> None:
        while waiting:
            for address in waiting.popleft():
                keep(await visitor.fetch_page(address))

    workers = [asyncio.ensure_future(work()) for _ in range(min(hosts_at_once, len(waiting)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


def _by_host(addresses: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for address in addresses:
        try:
            host = str(parse_address(address).host)
        except NotFetched:
            host = ""  # the visit says what is wrong with it
        found.setdefault(host, []).append(address)
    return found


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a thread and a loop of its own: the caller's may have a running loop.

    Ctrl-C, or any other error here, ends the coroutine before it goes on.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="fret-crawl", daemon=True)
    thread.start()
    try:
        future = asyncio.run_coroutine_threadsafe(_with_end(work), loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise
    finally:
        asyncio.run_coroutine_threadsafe(_end_others(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _with_end(work: Coroutine[Any, Any, T]) -> T:
    try:
        return await work
    finally:
        # Connections that were just closed need a turn of the loop to be gone.
        await asyncio.sleep(0)


async def _end_others() -> None:
    """Wait for what was cancelled."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
