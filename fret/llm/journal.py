"""Group commit, as seen from the event loop: what comes while one commit runs shares the next."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future

from fret.llm.answers import AnswerStore
from fret.llm.stored import Stored


class Journal:
    """Puts answers into the store and tells the loop when they are on the disk.

    One call across threads per commit: one per answer would cost more than the rest of the work.
    """

    def __init__(self, store: AnswerStore) -> None:
        self._store = store
        self._items: list[Stored] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._committing = False

    async def keep(self, items: Sequence[Stored]) -> None:
        """Store answers; returns once they are on the disk.

        Raises:
            StoreError: they cannot be written.
        """
        done = asyncio.get_running_loop().create_future()
        self._items += items
        self._waiting.append(done)
        if not self._committing:
            self._commit()
        await done

    def _commit(self) -> None:
        items, waiting = self._items, self._waiting
        self._items, self._waiting, self._committing = [], [], True
        loop = asyncio.get_running_loop()

        def committed(outcome: "Future[None]") -> None:
            loop.call_soon_threadsafe(self._committed, outcome, waiting)

        try:
            writing = self._store.put(*items)
        except Exception as error:  # it cannot be opened; those who wait must hear of it
            writing = Future()
            writing.set_exception(error)
        writing.add_done_callback(committed)

    def _committed(
        self, outcome: "Future[None]", waiting: "Sequence[asyncio.Future[None]]"
    ) -> None:
        self._committing = False
        error = outcome.exception()
        for done in waiting:
            if done.done():
                continue  # whoever waited has gone away
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)
        if self._waiting:
            self._commit()
