"""A source cut into parts, one for each shard: those that are finished stay as they are."""

from collections.abc import Iterator

from fret.records import Dropped
from fret.sources import Finished, RawPage

Row = RawPage | Dropped


def divide(n_rows: int, size: int, finished: Finished | None) -> Iterator[slice]:
    """Divide rows that are all known; those of a finished part stay together."""
    start, n_parts = 0, 0
    while start < n_rows:
        known = finished.n_rows(n_parts) if finished and n_parts < finished.n else size
        yield slice(start, min(start + known, n_rows))
        start, n_parts = start + known, n_parts + 1


def cut(rows: Iterator[Row], size: int) -> Iterator[Iterator[Row]]:
    """Cut rows that come one by one; each part is read as it is iterated over."""
    ahead = next(rows, None)
    while ahead is not None:
        part = _Part(ahead, rows, size)
        yield part
        ahead = part.finish()


class _Part(Iterator[Row]):
    def __init__(self, first: Row, rows: Iterator[Row], size: int) -> None:
        self._ahead: Row | None = first
        self._rows, self._left = rows, size

    def __next__(self) -> Row:
        if self._ahead is None or not self._left:
            raise StopIteration
        row, self._left = self._ahead, self._left - 1
        self._ahead = next(self._rows, None)
        return row

    def finish(self) -> Row | None:
        """Read to the end of the part; return the first row of the next."""
        for _ in self:
            pass
        return self._ahead
