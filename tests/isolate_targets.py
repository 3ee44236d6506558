"""What test_text.py has run in worker processes: functions that go wrong in every way."""

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

PREPARED: list[int] = []


def prepare() -> None:
    """Called in each worker before any item."""
    time.sleep(float(os.environ.get("SLOW_START_S", "0")))
    PREPARED.append(os.getpid())


def prepared() -> tuple[int, list[int]]:
    return os.getpid(), PREPARED


def echo(value: Any) -> Any:
    return value


def slow_first(number: int) -> int:
    """Later items are done sooner."""
    time.sleep(max(0.0, 0.2 - number * 0.02))
    return number


def misbehave(how: str, number: int) -> Any:
    """Go wrong in the way that is named."""
    return WAYS[how](number)


def _spin(number: int) -> None:
    while True:
        pass


def _raise(number: int) -> None:
    raise ValueError(f"number {number} is wrong")


def _eat_slowly(number: int) -> None:
    eaten = []
    while True:
        eaten.append(bytearray(1_000_000))


def _print(number: int) -> int:
    print("this must not reach the answers", flush=True)
    sys.stderr.write("nor this\n")
    os.write(1, b"nor this\n")
    return number


WAYS: dict[str, Callable[[int], Any]] = {
    "well": lambda number: number,
    "pid": lambda number: os.getpid(),
    "hang": lambda number: time.sleep(60),
    "spin": _spin,
    "exit": lambda number: os._exit(3),
    "sys.exit": lambda number: sys.exit(4),
    "die": lambda number: os.kill(os.getpid(), signal.SIGKILL),
    "raise": _raise,
    "recurse": lambda number: misbehave("recurse", number),
    "eat": lambda number: len("x" * 4_000_000_000),
    "eat slowly": _eat_slowly,
    "unpicklable": lambda number: lambda: None,
    "print": _print,
}
