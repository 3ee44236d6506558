"""Whether a long run stays flat in memory and time, and what kills cost.

    python tests/benchmarks/llm_endurance.py memory --server ../shared/tools/load_server.py
    python tests/benchmarks/llm_endurance.py kills --server ../shared/tools/load_server.py

`memory`: 200,000 chat requests from a generator, 256 at once; what resident memory has grown by
since request 2,000, and the time of a request in the first and in the last tenth. `kills`: SIGKILL
at 20 random moments of a run of 20,000 requests of which 2 % fail; its replies must be those of an
unbroken run, and the server may have answered no more requests twice than kills times requests in
flight. Ends with status 1 where a promise is broken.
"""

import argparse
import hashlib
import importlib.util
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from llm_throughput import chats, load_server, open_pool, stats_of

from fret.llm.types import ChatReply

KILLS = 20
MOST_GROWTH_MB = 300.0
# Start-up is over by then: connections are open, and all buffers have their size.
SETTLED = 2_000
SERVER_NEEDS = ("uvloop", "httptools", "orjson")


@dataclass(frozen=True, slots=True)
class Mark:
    """What was measured after so many replies."""

    n_replies: int
    resident_mb: float
    wal_mb: float
    at_s: float


def run_all(
    url: str, store: Path, n: int, concurrency: int, told: Callable[[int], None] = lambda done: None
) -> str:
    """Ask n requests; return a hash of all replies in their order."""
    digest = hashlib.sha256()
    with open_pool(url, concurrency=concurrency, path=store) as pool:
        for number, reply in enumerate(pool.ask(chats(n)), 1):
            assert isinstance(reply, ChatReply), reply
            digest.update(reply.text.encode() + b"\0")
            told(number)
    return digest.hexdigest()


def measure_memory(server: Path, port: int, n: int) -> bool:
    marks: list[Mark] = []
    wanted = {SETTLED, n // 10, n - n // 10, n, *range(10_000, n, 10_000)}
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "answers.sqlite"

        def told(number: int) -> None:
            if number in wanted:
                marks.append(mark(number, store))
                print(describe(marks), flush=True)

        with load_server(server, port, "--latency", "0.01") as url:
            run_all(url, store, n, 256, told)
    growth = max(m.resident_mb for m in marks) - marks[0].resident_mb
    first, last = us_per_request(marks, SETTLED, n // 10), us_per_request(marks, n - n // 10, n)
    print(f"memory grown by {growth:.0f} MB at most, {MOST_GROWTH_MB:.0f} MB allowed")
    print(f"first tenth {first:.0f} us, last tenth {last:.0f} us a request: {last / first:.2f}")
    return growth < MOST_GROWTH_MB


def mark(number: int, store: Path) -> Mark:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    resident_mb = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    wal = Path(f"{store}-wal").stat().st_size / 1e6
    return Mark(number, resident_mb, wal, time.perf_counter())


def describe(marks: list[Mark]) -> str:
    now, growth = marks[-1], marks[-1].resident_mb - marks[0].resident_mb
    return (
        f"  {now.n_replies:>7} requests  {now.resident_mb:6.1f} MB  grown by {growth:+.1f} MB  "
        f"log of the store {now.wal_mb:.1f} MB"
    )


def us_per_request(marks: list[Mark], start: int, end: int) -> float:
    at_s = {m.n_replies: m.at_s for m in marks}
    return (at_s[end] - at_s[start]) / (end - start) * 1e6


def measure_kills(server: Path, port: int, n: int, concurrency: int) -> bool:
    def command(url: str, store: str) -> list[str]:
        asked = ["--requests", str(n), "--concurrency", str(concurrency)]
        where = ["--url", url, "--store", str(Path(folder) / store)]
        return [sys.executable, __file__, "child", *asked, *where]

    with tempfile.TemporaryDirectory() as folder:
        with load_server(server, port, "--latency", "0.02", "--fail", "0.02") as url:
            n_killed = kill_often(command(url, "broken.sqlite"), url, n)
            broken, stats = finish(command(url, "broken.sqlite")), stats_of(url)
        # Another server: this one would count what it has answered before.
        with load_server(server, port + 1, "--latency", "0.02") as url:
            whole = finish(command(url, "whole.sqlite"))
    bound = n_killed * concurrency
    print(f"{n_killed} kills of a run of {n} requests, {concurrency} in flight at most")
    print(f"{stats['requests']} sent, {stats['repeats']} of them answered before, {bound} allowed")
    print("the result equals that of an unbroken run" if broken == whole else "THE RESULT DIFFERS")
    return n_killed == KILLS and stats["repeats"] <= bound and broken == whole


def kill_often(command: list[str], url: str, n: int) -> int:
    """Start a run, and kill it when it has got a random part further; return how often it was."""
    rng = random.Random(11)
    n_killed = 0
    for _ in range(KILLS):
        before = stats_of(url)
        until = before["requests"] + rng.uniform(0.1, 1.6) * n / (KILLS + 2)
        child = subprocess.Popen(command)
        while child.poll() is None and stats_of(url)["requests"] < until:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.05))
        n_killed += child.poll() is None
        child.send_signal(signal.SIGKILL)
        child.wait()
        now = stats_of(url)
        print(
            f"  killed at request {now['requests']:>6}, repeats so far {now['repeats']}", flush=True
        )
    return n_killed


def finish(command: list[str]) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("what", choices=["memory", "kills", "child"])
    options.add_argument("--server", type=Path, default=Path("../shared/tools/load_server.py"))
    options.add_argument("--port", type=int, default=8979)
    options.add_argument("--requests", type=int)
    options.add_argument("--concurrency", type=int, default=64, help="of the runs that are killed")
    options.add_argument("--url", help="of the server, for the child")
    options.add_argument("--store", type=Path, help="of answers, for the child")
    asked = options.parse_args()
    if asked.what == "child":
        print(run_all(asked.url, asked.store, asked.requests, asked.concurrency))
        return
    missing = [name for name in SERVER_NEEDS if importlib.util.find_spec(name) is None]
    if missing or not asked.server.exists():
        sys.exit(f"Needs a server ({asked.server}) and {', '.join(SERVER_NEEDS)} (pip install).")
    if asked.what == "memory":
        kept = measure_memory(asked.server, asked.port, asked.requests or 200_000)
    else:
        n = asked.requests or 20_000
        kept = measure_kills(asked.server, asked.port, n, asked.concurrency)
    sys.exit(not kept)


if __name__ == "__main__":
    main()
