"""Whether a long run stays flat in memory and time, and what kills cost.

    python tests/benchmarks/llm_endurance.py memory --server ../shared/tools/load_server.py
    python tests/benchmarks/llm_endurance.py kills --server ../shared/tools/load_server.py

`memory`: 200,000 chat requests; the growth of resident memory over what it was after 2,000, and the
time of a request in the first and the last tenth. `kills`: SIGKILL at 20 random moments of a run of
20,000 requests of which 2 % fail; its end result must equal that of an unbroken run, and the server
may have answered no more requests twice than kills times requests in flight.
"""

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from llm_throughput import chats, load_server, open_pool, stats_of

from fret.llm.types import ChatReply

CONCURRENCY = 64
KILLS = 20


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def run_all(url: str, store: Path | None, n: int, told: Callable[[int], None]) -> str:
    """Ask n requests; return a hash of all replies in their order."""
    digest = hashlib.sha256()
    with open_pool(url, concurrency=CONCURRENCY if store else 256, path=store) as pool:
        for number, reply in enumerate(pool.ask(chats(n)), 1):
            assert isinstance(reply, ChatReply), reply
            digest.update(reply.text.encode())
            told(number)
    return digest.hexdigest()


def measure_memory(server: Path, port: int, n: int) -> None:
    marks: list[tuple[int, float, float]] = []

    def told(number: int) -> None:
        if number == 2000 or number % (n // 10) == 0:
            marks.append((number, resident_mb(), time.perf_counter()))
            growth = marks[-1][1] - marks[0][1]
            print(f"  {number:>7} requests  {marks[-1][1]:6.0f} MB  grown by {growth:+.0f} MB")

    with load_server(server, port, "--latency", "0.01") as url:
        run_all(url, None, n, told)
    (first, _, began), (second, _, went) = marks[0], marks[1]
    (before, _, late), (last, _, ended) = marks[-2], marks[-1]
    early_us, late_us = (went - began) / (second - first), (ended - late) / (last - before)
    print(f"memory grown by {max(m for _, m, _ in marks) - marks[0][1]:.0f} MB at most")
    print(f"time per request: last tenth / first tenth = {late_us / early_us:.2f}")


def measure_kills(server: Path, port: int, n: int) -> None:
    rng, command = random.Random(11), [sys.executable, __file__, "child", "--requests", str(n)]
    with tempfile.TemporaryDirectory() as folder:
        with load_server(server, port, "--latency", "0.02", "--fail", "0.02") as url:
            store, killed = Path(folder) / "broken.sqlite", 0
            for _ in range(KILLS):
                child = subprocess.Popen([*command, "--url", url, "--store", str(store)])
                time.sleep(rng.uniform(1.0, 3.0))
                killed += child.poll() is None
                child.send_signal(signal.SIGKILL)
                child.wait()
            broken = _finish([*command, "--url", url, "--store", str(store)])
            repeats = stats_of(url)["repeats"]
        with load_server(server, port + 1, "--latency", "0.02") as url:
            whole = _finish([*command, "--url", url, "--store", str(Path(folder) / "w.sqlite")])
    bound = killed * CONCURRENCY
    print(f"{killed} kills of a run of {n} requests: {repeats} repeats, at most {bound} allowed")
    print("the result equals that of an unbroken run" if broken == whole else "THE RESULT DIFFERS")


def _finish(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("what", choices=["memory", "kills", "child"])
    options.add_argument("--server", type=Path, default=Path("../shared/tools/load_server.py"))
    options.add_argument("--port", type=int, default=8979)
    options.add_argument("--requests", type=int)
    options.add_argument("--url")
    options.add_argument("--store", type=Path)
    asked = options.parse_args()
    if asked.what == "memory":
        measure_memory(asked.server, asked.port, asked.requests or 200_000)
    elif asked.what == "kills":
        measure_kills(asked.server, asked.port, asked.requests or 20_000)
    else:
        print(run_all(asked.url, asked.store, asked.requests, lambda number: None))


if __name__ == "__main__":
    main()
