"""Writers make a task and a query for a seed passage."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from fret.records import Dropped, Passage, Query


class Writer(Protocol):
    """Writes tasks and queries for passages."""

    prompt_hash: str
    """Stands for the prompt or the rules in the queries' ids."""

    def write(self, passages: Iterable[Passage]) -> Iterator[Query | Dropped]:
        """Yield queries in the order of their seeds; passages are pulled as there is room."""
        ...
