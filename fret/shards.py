"""How the shards of a stage are made: one by one, or each begun as the last one runs dry."""

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from fret.llm.types import Tally, counted_for
from fret.records import Dropped, Record
from fret.stages.base import Stage, Tick

# Shards in work at once: one that waits for its last answers, and the next.
_SHARDS_AT_ONCE = 2

Rows = Iterable[Any]
Made = Iterator[tuple[int, Iterable[Record | Dropped], "Counted"]]
"""For each shard its number, what became of its rows, and how many there were."""


class Counted:
    """Rows on their way into a stage, and what it asks for them; see `fret.store.Count`."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.read = 0
        self.tally = Tally()
        self.drained = threading.Event()

    @property
    def usage(self) -> dict[str, float]:
        """Replies and tokens behind the rows, whether asked now or found in the store."""
        names = ("requests", "input_tokens", "output_tokens")
        return {name: n for name in names if (n := getattr(self.tally, name))}

    def __iter__(self) -> Iterator[Any]:
        for row in self._rows:
            self.read += 1
            yield row
        self.drained.set()


def make_one(stage: Stage, todo: Iterable[tuple[int, Rows]], tick: Tick) -> Made:
    """Make one shard after the other; its records stream."""
    for index, rows in todo:
        counted = Counted(rows)
        yield index, stage.process(counted, tick), counted


def make_overlapping(stage: Stage, todo: Iterable[tuple[int, Rows]], tick: Tick) -> Made:
    """Begin each shard as soon as the one before has read its rows; yield them in order."""
    stopping, ticking = threading.Event(), threading.Lock()

    def tick_or_stop() -> None:
        if stopping.is_set():
            raise _Stopped
        with ticking:
            tick()

    executor = ThreadPoolExecutor(_SHARDS_AT_ONCE, thread_name_prefix="fret-shard")
    working: deque[tuple[int, Counted, Future[list[Record | Dropped]]]] = deque()
    try:
        for index, rows in todo:
            counted = Counted(rows)
            future = executor.submit(_make_whole, stage, counted, tick_or_stop)
            working.append((index, counted, future))
            counted.drained.wait()
            while len(working) >= _SHARDS_AT_ONCE or (working and working[0][2].done()):
                done_index, done_counted, done = working.popleft()
                yield done_index, done.result(), done_counted
        for done_index, done_counted, done in working:
            yield done_index, done.result(), done_counted
    finally:
        stopping.set()
        # Not waited for: they end when the models they ask are closed.
        executor.shutdown(wait=False, cancel_futures=True)


def _make_whole(stage: Stage, rows: Counted, tick: Tick) -> list[Record | Dropped]:
    try:
        with counted_for(rows.tally):
            return list(stage.process(rows, tick))
    finally:
        rows.drained.set()


class _Stopped(Exception):
    """The run has ended; nobody wants this shard any more."""
