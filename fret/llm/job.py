"""One request on its way: from the stage that asks to the pool's own thread, and back."""

import threading

from fret.llm.forms import Form
from fret.llm.types import Failure, Reply, Request


class Job:
    """A request, its bytes, the key of its answer, and the reply once it is there.

    One thread settles it, others may wait for it. No lock is needed for that: whoever waits leaves
    its event before it looks, whoever settles looks for an event after it is done.
    """

    __slots__ = (
        "_event",
        "body",
        "done",
        "error",
        "failure",
        "form",
        "key",
        "n_failed",
        "reply",
        "request",
    )

    def __init__(self, request: Request, form: Form, body: bytes, key: str) -> None:
        self.request, self.form, self.body, self.key = request, form, body, key
        self.done = False
        self.reply: Reply | Failure | None = None
        self.error: Exception | None = None
        self.n_failed = 0
        """Answers so far that could not be used, over all processes."""
        self.failure: Failure | None = None
        """The last of them."""
        self._event: threading.Event | None = None

    def settle(self, reply: Reply | Failure) -> None:
        self.reply = reply
        self._finish()

    def fail(self, error: Exception) -> None:
        """Settle with an error, which whoever waits will raise."""
        if not self.done:
            self.error = error
            self._finish()

    def result(self) -> Reply | Failure:
        """Wait for the reply."""
        if not self.done:
            event = self._event = self._event or threading.Event()
            if not self.done:
                event.wait()
        if self.error is not None:
            raise self.error
        assert self.reply is not None
        return self.reply

    def _finish(self) -> None:
        self.done = True
        if self._event is not None:
            self._event.set()
