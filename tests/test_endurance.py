"""Long runs: a kill costs no more than was in flight, and nothing grows with what is done.

`benchmarks/llm_endurance.py` measures the same at full length.
"""

import asyncio
import gc
import hashlib
import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from fret.errors import UserError
from fret.llm.answers import AnswerStore
from fret.llm.background import Background
from fret.llm.forms import Form
from fret.llm.job import Job
from fret.llm.journal import Journal
from fret.llm.pool import Pool
from fret.llm.sender import OpenAISender
from fret.llm.shared import Pacing, Shared
from fret.llm.stored import Source, Stored
from fret.llm.types import Chat, ChatReply, Likelihood
from llm_server import Asked, LLMServer

CONCURRENCY = 16
# As in fret.llm.pool: so many requests per place are under way.
WINDOW = 4 * CONCURRENCY
SOURCE = Source("local", "tiny", "r")

KILLS, KILLED_REQUESTS = 6, 800
LONG_REQUESTS, SETTLED = 6000, 1000


@contextmanager
def open_pool(url: str, path: Path) -> Iterator[Pool]:
    store, background = AnswerStore(path), Background()
    pool = Pool(
        SOURCE,
        make_senders=lambda: [
            OpenAISender(base_url=url, api_key=None, concurrency=CONCURRENCY, timeout_s=10)
        ],
        forms={"chat": Form("chat", "json_schema", "tiny", {})},
        shared=Shared(store, background),
        pacing=Pacing(CONCURRENCY),
    )
    try:
        yield pool
    finally:
        pool.close()
        background.close()
        store.close()


def chats(n: int, first: int = 0) -> Iterator[Chat]:
    for i in range(first, first + n):
        yield Chat((("user", f"<<<{i:012d}\nwords of passage number{i}\n{i:012d}>>>"),), 50)


def ask_all(url: str, path: Path, n: int) -> str:
    """Ask n requests; return a hash of all replies in their order."""
    digest = hashlib.sha256()
    with open_pool(url, path) as pool:
        for number, reply in enumerate(pool.ask(chats(n))):
            assert isinstance(reply, ChatReply) and f"number{number}" in reply.text
            digest.update(reply.text.encode() + b"\0")
    return digest.hexdigest()


def measure(url: str, path: Path, n: int) -> str:
    """Ask n requests; return what grew after the first `SETTLED` of them, as JSON."""
    most: dict[type, int] = {Job: 0, asyncio.Task: 0}
    with open_pool(url, path) as pool:
        n_good = sum(isinstance(reply, ChatReply) for reply in pool.ask(chats(SETTLED)))
        n_blocks, peak = count_blocks(), peak_bytes()
        for number, reply in enumerate(pool.ask(chats(n - SETTLED, SETTLED))):
            n_good += isinstance(reply, ChatReply)
            if number % 250 == 0:
                # Not isinstance, which wakes the lazy objects of the SDK.
                alive = Counter(map(type, gc.get_objects()))
                most = {kind: max(n_before, alive[kind]) for kind, n_before in most.items()}
        grown = {"blocks": count_blocks() - n_blocks, "bytes": peak_bytes() - peak}
    return json.dumps({**grown, "good": n_good, "jobs": most[Job], "tasks": most[asyncio.Task]})


def count_blocks() -> int:
    """Count all small objects of the interpreter: strings, bytes and numbers as well."""
    gc.collect()
    return sys.getallocatedblocks()


def peak_bytes() -> int:
    """The most memory that this process ever had resident."""
    # Not getrusage, which begins with what the parent had.
    (line,) = (
        line
        for line in Path("/proc/self/status").read_text("ascii").splitlines()
        if line.startswith("VmHWM:")
    )
    return int(line.split()[1]) * 1024


def start(what: str, url: str, path: Path, n: int) -> "subprocess.Popen[str]":
    command = [sys.executable, __file__, what, url, str(path), str(n)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: "subprocess.Popen[str]") -> str:
    said, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return said.strip()


def stored_keys(path: Path) -> set[str]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return {key for (key,) in connection.execute("SELECT key FROM answers")}


def key_of(asked: Asked) -> str:
    head = "\0".join(["local", "tiny", asked.path, "0", ""])
    return hashlib.sha256(head.encode() + asked.raw).hexdigest()


@pytest.mark.slow
def test_kills_cost_no_more_than_was_in_flight_and_change_no_reply(
    server: LLMServer, tmp_path: Path
) -> None:
    rng, store = random.Random(5), tmp_path / "broken.sqlite"
    server.fail_share, server.latency_s = 0.01, 0.02
    since, kept, again = 0, set[str](), list[Asked]()
    for _ in range(KILLS):
        process = start("ask", server.url, store, KILLED_REQUESTS)
        until = len(server.asked) + rng.randint(40, 120)
        while process.poll() is None and len(server.asked) < until:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.03))
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
        again += [asked for asked in server.asked[since:] if key_of(asked) in kept]
        kept, since = stored_keys(store), len(server.asked)
    broken = finish(start("ask", server.url, store, KILLED_REQUESTS))
    again += [asked for asked in server.asked[since:] if key_of(asked) in kept]
    assert not again, "what was stored was asked again"
    assert server.repeats <= KILLS * CONCURRENCY
    assert stored_keys(store) == {key_of(asked) for asked in server.asked}
    with LLMServer() as other:
        assert broken == ask_all(other.url, tmp_path / "whole.sqlite", KILLED_REQUESTS)
        assert other.repeats == 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_long_run_holds_no_more_than_its_window(server: LLMServer, tmp_path: Path) -> None:
    grown = json.loads(
        finish(start("measure", server.url, tmp_path / "answers.sqlite", LONG_REQUESTS))
    )
    assert grown["good"] == LONG_REQUESTS
    # What is done and not yet collected counts as well.
    assert 0 < grown["jobs"] <= 2 * WINDOW
    assert 0 < grown["tasks"] <= 2 * WINDOW
    # Were anything kept of each request, its key alone, it would be one block each.
    assert grown["blocks"] < (LONG_REQUESTS - SETTLED) / 2
    assert grown["bytes"] < 20_000_000


def test_a_store_that_another_process_took_first_stops_all_who_wait(tmp_path: Path) -> None:
    first, second = (AnswerStore(tmp_path / "answers.sqlite") for _ in range(2))
    first.put(Stored("k", SOURCE, "chat", b"{}")).result(5)

    async def keep_three() -> list[BaseException | None]:
        journal = Journal(second)
        keeping = [journal.keep([Stored(key, SOURCE, "chat", b"{}")]) for key in "abc"]
        return await asyncio.wait_for(asyncio.gather(*keeping, return_exceptions=True), 5)

    outcomes = asyncio.run(keep_three())
    first.close()
    assert [type(outcome) for outcome in outcomes] == [UserError] * 3


@pytest.mark.timeout(30)
def test_a_request_beside_one_that_cannot_be_made_can_be_asked_later(
    server: LLMServer, tmp_path: Path
) -> None:
    with open_pool(server.url, tmp_path / "answers.sqlite") as pool:
        (good,) = chats(1)
        with pytest.raises(KeyError):  # the pool knows no form for it
            list(pool.ask([good, Likelihood("a", " b")]))
        (reply,) = pool.ask([good])
    assert isinstance(reply, ChatReply)


if __name__ == "__main__":
    what, *where, number = sys.argv[1:]
    print({"ask": ask_all, "measure": measure}[what](where[0], Path(where[1]), int(number)))
