"""Worker processes of the stage passages."""

import os
from collections.abc import Iterable, Iterator
from typing import Any

from fret.errors import StageError
from fret.text.isolate import IsolatedPool
from fret.text.work import do_work

# Under so many pages, starting processes takes longer than the work.
FEW_PAGES = 2000
# A block of texts takes a second or two; the limits are for what nobody has thought of.
_TIMEOUT_S = 900
_MEMORY_MB = 4000


class TextWorkers:
    """Does jobs of `fret.text.work` in processes, or in this one where there is little to do.

    Args:
        workers: how many processes; None for one per core.
    """

    def __init__(self, workers: int | None, *, n_pages: int) -> None:
        self._pool: IsolatedPool | None = None
        if n_pages >= FEW_PAGES:
            self._pool = IsolatedPool(
                "fret.text.work:do_work",
                workers=workers or os.cpu_count() or 1,
                timeout_s=_TIMEOUT_S,
                memory_mb=_MEMORY_MB,
            )

    def map(self, jobs: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        """Yield what comes of each job, in their order; jobs are read a few ahead.

        Raises:
            StageError: a worker ended without an answer.
        """
        if self._pool is None:
            for job in jobs:
                yield do_work(*job)
            return
        for outcome in self._pool.map(jobs):
            if outcome.failure:
                raise StageError(
                    f"A worker of the stage passages failed ({outcome.failure}: {outcome.detail}). "
                    "Finished shards are kept: run again, with fewer passages.workers if memory "
                    "was short."
                )
            yield outcome.value

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()
            self._pool = None
