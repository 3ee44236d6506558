"""Stopped by hand: the step is ended first, and a checkpoint written."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Wish:
    """Whether the user wants it to stop."""

    def __init__(self) -> None:
        self.is_stop = False


@contextmanager
def heeding(tell: Callable[[str], None]) -> Iterator[Wish]:
    """Take the first Ctrl-C or SIGTERM in the block as a wish; a second one is as before.

    Only in a process's main thread, and where Python handles these signals.

    Args:
        tell: told what happens now.
    """
    wish = Wish()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before = {number: handler for number, handler in before.items() if callable(handler)}
    if threading.current_thread() is not threading.main_thread():
        before = {}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def hear(*_: Any) -> None:
        wish.is_stop = True
        restore()
        tell("Stopping after this step, with a checkpoint. Once more stops at once.")

    for number in before:
        signal.signal(number, hear)
    try:
        yield wish
    finally:
        restore()
