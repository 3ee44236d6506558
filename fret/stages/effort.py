"""What parts of a stage's work took: time, and the memory that the process had by then."""

import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Effort:
    """Adds up seconds by kind of work, in one process; an earlier one's are not known here."""

    def __init__(self) -> None:
        self._seconds: Counter[str] = Counter()
        self._peak_mb: dict[str, int] = {}

    @contextmanager
    def spent_on(self, work: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self._seconds[work] += time.monotonic() - started  # type: ignore[assignment]
            self._peak_mb[work] = _find_peak_mb()

    def sum_up(self) -> dict[str, dict[str, Any]]:
        """Return for each kind of work its `seconds`, and `peak_mb`: the most that the process had
        in memory until its end, earlier stages included.
        """
        return {
            work: {"seconds": round(self._seconds[work], 3), "peak_mb": peak}
            for work, peak in self._peak_mb.items()
        }


def _find_peak_mb() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak >> (20 if sys.platform == "darwin" else 10)  # bytes there, kilobytes elsewhere
