"""`fret` in processes that start at once: forked from one that has loaded the libraries.

What loads takes longer than what most commands do, and a kill while it loads finds nothing to
break. As a script it is the process that forks:

    python prepared.py MODULE...      JSON lines in: {args, cwd, env, out, err} or {pid}

It answers the first with the number of a new process that runs `fret` with these arguments, and
the second with the status of that process, or null while it runs.
"""

import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# What a run loads, and the dataset of its examples.
LIGHT = ("fret.pipeline", "fret.display_progress", "openai", "aiohttp", "datasets")
LIGHT += ("datasketch", "matplotlib.figure", "bm25s")
# What encodes or trains.
HEAVY = (*LIGHT, "sentence_transformers", "accelerate")


class Running:
    """A process that was started."""

    def __init__(self, prepared: "Prepared", pid: int, out: Path, err: Path) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._prepared, self._out, self._err = prepared, out, err

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._prepared.ask(pid=self.pid)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def communicate(self, timeout: float = 120) -> tuple[bytes, bytes]:
        """Wait for its end; return what it wrote to stdout and to stderr."""
        until = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > until:
                os.kill(self.pid, signal.SIGKILL)
                raise TimeoutError(f"it ran longer than {timeout} s", self._err.read_bytes())
            time.sleep(0.01)
        return self._out.read_bytes(), self._err.read_bytes()


class Prepared:
    """Starts `fret`. The environment is the caller's at the time of each start."""

    def __init__(self, modules: tuple[str, ...], said: Path) -> None:
        self._said, self._n = said, 0
        self._process = subprocess.Popen(
            [sys.executable, __file__, *modules],
            # Threads would not outlive a fork.
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, folder: Path, *args: str) -> Running:
        self._n += 1
        out, err = (self._said / f"{self._n}.{name}" for name in ("out", "err"))
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        places = {"cwd": str(folder), "out": str(out), "err": str(err)}
        return Running(self, self.ask(args=args, env=environment, **places), out, err)

    def run(self, folder: Path, *args: str) -> "subprocess.CompletedProcess[str]":
        running = self.start(folder, *args)
        out, err = (text.decode() for text in running.communicate())
        assert running.returncode is not None
        return subprocess.CompletedProcess(args, running.returncode, out, err)

    def ask(self, **asked: Any) -> Any:
        assert self._process.stdin and self._process.stdout
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.kill()  # quicker than to let all that it has loaded be taken down
        self._process.wait(timeout=60)
        self._process.stdin.close()
        self._process.stdout.close()


@contextmanager
def prepared(modules: tuple[str, ...]) -> Iterator[Prepared]:
    with tempfile.TemporaryDirectory() as said:
        process = Prepared(modules, Path(said))
        try:
            yield process
        finally:
            process.close()


def serve(modules: list[str]) -> None:
    for module in modules:
        importlib.import_module(module)
    ended: dict[int, int] = {}
    while line := sys.stdin.readline():
        asked = json.loads(line)
        if "pid" not in asked:
            pid = os.fork()
            if pid == 0:
                become(asked)
                runpy.run_module("fret", run_name="__main__", alter_sys=True)
                return
            print(json.dumps(pid), flush=True)
            continue
        pid = asked["pid"]
        if pid not in ended:
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                ended[pid] = os.waitstatus_to_exitcode(status)
        print(json.dumps(ended.get(pid)), flush=True)


def become(asked: dict[str, Any]) -> None:
    """Make this process what a person starts in a folder, with output to two files."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in enumerate(("out", "err"), 1):
        os.dup2(os.open(asked[name], os.O_WRONLY | os.O_CREAT, 0o600), number)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.argv = ["fret", *asked["args"]]


if __name__ == "__main__":
    serve(sys.argv[1:])
