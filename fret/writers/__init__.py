"""Writers make a task and a query for a seed passage."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from fret.records import Dropped, Passage, Query

Tick = Callable[[], None]


class Writer(Protocol):
    """Writes tasks and queries for passages."""

    def write(self, passages: Iterable[Passage], tick: Tick) -> Iterator[Query | Dropped]:
        """Yield queries in the order of their seeds.

        Args:
            tick: called whenever a model has been asked.
        """
        ...
