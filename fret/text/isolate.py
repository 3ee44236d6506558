"""Run a function on many items in worker processes that may hang, crash or run out of memory.

Each worker is a child of its own (`python -m fret.text.isolate`), spoken to over pipes: so nothing
of the caller's program is imported again, and any death of a child costs exactly the item it was
given. One thread per child waits for it; a timer kills a child that takes too long.
"""

import importlib
import itertools
import os
import pickle
import re
import signal
import struct
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

# Items handed out per worker beyond the one it works on; bounds what waits in memory.
_AHEAD = 4
_LENGTH = struct.Struct(">Q")
# How a child ends that got no more memory.
_NO_MEMORY = 137
# Part of the limit: tables that grow by doubling are refused well before it is reached.
_NEAR = 0.8
# Failures after which the child is gone.
_ENDINGS = {"timed_out", "out_of_memory", "crashed"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item: a value, or the way in which its worker ended."""

    value: Any = None
    failure: str | None = None
    """`timed_out`, `out_of_memory`, `crashed` or `failed`."""
    detail: str = ""


class IsolatedPool:
    """Calls `target` ("module:function") in child processes.

    Args:
        target: what to call; its arguments and result travel as pickles. A function `prepare` in
            its module is called once in each child, before any item.
        workers: number of child processes, started when first needed.
        timeout_s: a call that takes longer is ended, with its child.
        memory_mb: address space of a child, where the system can limit that.
    """

    def __init__(self, target: str, *, workers: int, timeout_s: float, memory_mb: int) -> None:
        self._command = [
            sys.executable,
            "-P",
            "-m",
            __name__,
            target,
            str(memory_mb),
            str(timeout_s),
        ]
        self._timeout_s = timeout_s
        self._memory_mb = memory_mb
        self._workers = workers
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="fret-isolate")
        self._local = threading.local()
        self._children: set[_Child] = set()

    def map(self, items: Iterable[tuple[Any, ...] | None]) -> Iterator[Outcome]:
        """Call the target once per tuple of arguments; outcomes come in the order of the items.

        None asks for no call, and has an empty outcome in its turn. Items are read only a few ahead
        of the outcomes that are taken.
        """
        waiting: deque[Future[Outcome]] = deque()
        try:
            for item in items:
                waiting.append(
                    _nothing() if item is None else self._threads.submit(self._call, item)
                )
                if len(waiting) > self._workers * _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        for child in list(self._children):
            child.kill()
        self._threads.shutdown()
        for child in list(self._children):
            child.close()
        self._children.clear()

    def _call(self, arguments: tuple[Any, ...]) -> Outcome:
        child: _Child | None = getattr(self._local, "child", None)
        if child is None:
            child = self._local.child = _Child(self._command)
            self._children.add(child)
        outcome = child.call(arguments, self._timeout_s, self._memory_mb)
        # A child may be ended just after its answer came: the next item shall not pay for that.
        if outcome.failure in _ENDINGS or child.overdue:
            self._children.discard(child)
            child.close()
            self._local.child = None
        return outcome


def _nothing() -> Future[Outcome]:
    future: Future[Outcome] = Future()
    future.set_result(Outcome())
    return future


class _Child:
    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.overdue = False
        """Whether it was ended for taking too long."""

    def call(self, arguments: tuple[Any, ...], timeout_s: float, memory_mb: int) -> Outcome:
        assert self._process.stdin and self._process.stdout
        # The time runs from when the child has imported all: that is not the item's fault.
        watchdog = threading.Timer(timeout_s, self._end_overdue)
        try:
            _write_frame(self._process.stdin, arguments)
            ready = _read_frame(self._process.stdout)
            if ready != "working":
                raise EOFError
            watchdog.start()
            ok, value = _read_frame(self._process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError):
            return self._explain_end(timeout_s, memory_mb)
        finally:
            watchdog.cancel()
            if watchdog.ident is not None:
                watchdog.join()
        return Outcome(value) if ok else Outcome(failure="failed", detail=value)

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                try:
                    pipe.close()
                except OSError:  # unsent bytes to a child that is gone
                    continue

    def _end_overdue(self) -> None:
        self.overdue = True
        self._process.kill()

    def _explain_end(self, timeout_s: float, memory_mb: int) -> Outcome:
        code = self._process.wait()
        if self.overdue or code == -getattr(signal, "SIGALRM", 0):
            return Outcome(failure="timed_out", detail=f"took longer than {timeout_s:g} s")
        if code == _NO_MEMORY:
            return Outcome(failure="out_of_memory", detail=f"needs more than {memory_mb} MB")
        if code == -getattr(signal, "SIGKILL", 0):
            detail = "the worker was killed, as systems do that run out of memory (status -9)"
            return Outcome(failure="crashed", detail=detail)
        return Outcome(failure="crashed", detail=f"the worker ended with status {code}")


def _write_frame(pipe: IO[bytes], data: Any) -> None:
    payload = pickle.dumps(data, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.write(_LENGTH.pack(len(payload)) + payload)
    pipe.flush()


def _read_frame(pipe: IO[bytes]) -> Any:
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    return pickle.loads(pipe.read(_LENGTH.unpack(head)[0]))


def _serve(target: str, memory_mb: int, timeout_s: float) -> None:
    """Be a child: take arguments from stdin, answer on stdout, until stdin ends."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # What libraries print must not mix with the answers.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    # Ctrl-C reaches the whole process group; the parent decides when a child ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _limit_memory(memory_mb)
    module, _, name = target.partition(":")
    imported = importlib.import_module(module)
    getattr(imported, "prepare", lambda: None)()
    function = getattr(imported, name)
    for _ in itertools.count():
        try:
            arguments = _read_frame(source)
        except EOFError:
            return
        _write_frame(sink, "working")
        _arm(timeout_s)
        try:
            answer = (True, function(*arguments))
        except MemoryError:
            os._exit(_NO_MEMORY)  # what is left of this process is not to be trusted
        except (
            Exception
        ) as error:  # whatever a page makes a library raise is that page's end, not ours
            if _is_short_of_memory(memory_mb):
                os._exit(_NO_MEMORY)
            answer = (False, f"{type(error).__name__}: {error}"[:300])
        _arm(0)
        _write_frame(sink, answer)


def _arm(timeout_s: float) -> None:
    """Let the kernel end this process if its parent is gone by the time a call is overdue."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, timeout_s + 5 if timeout_s else 0)


def _limit_memory(memory_mb: int) -> None:
    try:
        import resource

        limit = memory_mb * 1_000_000
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (ImportError, ValueError, OSError):
        return  # this system has no such limit


def _is_short_of_memory(memory_mb: int) -> bool:
    """Whether this process came near its limit: libraries in C say so in words of their own."""
    try:
        status = Path("/proc/self/status").read_text("ascii")
    except OSError:
        return False
    peak = re.search(r"VmPeak:\s*(\d+) kB", status)
    return peak is not None and int(peak[1]) * 1024 > _NEAR * memory_mb * 1_000_000


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
