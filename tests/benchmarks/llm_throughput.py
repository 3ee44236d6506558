"""How fast answers are got and stored, beside a bare loop over the SDK and one over aiohttp.

    python tests/benchmarks/llm_throughput.py --server ../shared/tools/load_server.py

All three talk to the same local server (50 ms latency) with the same bodies, in turn, several
rounds; fret's answers are validated and durable before they count. The figures to compare are the
ratios: machines are shared and noisy.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from fret.llm.answers import AnswerStore
from fret.llm.background import Background
from fret.llm.forms import Form
from fret.llm.pool import Pool
from fret.llm.sender import OpenAISender
from fret.llm.shared import Pacing, Shared
from fret.llm.stored import Source
from fret.llm.types import Chat, ChatReply, Likelihood, LikelihoodReply

CONCURRENCY = 256
PROMPTS_PER_REQUEST = 32
SYSTEM = "You write a retrieval task and a query for a passage, as JSON. " * 12
SENTENCE = "the old harbour keeps its cranes where ships once brought coal and left with salt"
WORDS = SENTENCE.split(" ")


class TaskAndQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    task: str
    query: str


def passage(number: int, n_words: int) -> str:
    words = (WORDS[(number * 7 + i) % len(WORDS)] for i in range(n_words))
    return f"{' '.join(words)} {number}"


def chats(n: int, start: int = 0) -> Iterator[Chat]:
    for i in range(start, start + n):
        messages = (("system", SYSTEM), ("user", passage(i, 150)))
        yield Chat(messages, 200, 0.7, TaskAndQuery)


def likelihoods(n: int, n_words: int) -> Iterator[Likelihood]:
    for i in range(n):
        prompt = f"Passage: {passage(i, n_words)}\nQuery:"
        yield Likelihood(prompt, " which ships brought coal here")


def body_of(request: Chat) -> dict[str, object]:
    messages = [{"role": role, "content": text} for role, text in request.messages]
    return {"model": "load", "messages": messages, "max_tokens": 200, "temperature": 0.7}


@contextmanager
def load_server(script: Path, port: int, *options: str) -> Iterator[str]:
    command = [sys.executable, str(script), str(port), *options]
    process = subprocess.Popen(command)
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=1).read()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait()


def stats_of(url: str) -> dict[str, int]:
    with urllib.request.urlopen(url.removesuffix("/v1") + "/stats", timeout=5) as answer:
        return dict(json.load(answer))


async def _all(n: int, send: Callable[[dict[str, object]], object]) -> None:
    """Send n bodies with `CONCURRENCY` workers."""
    waiting = iter(list(chats(n)))

    async def work() -> None:
        for request in waiting:
            await send(body_of(request))  # type: ignore[misc]

    await asyncio.gather(*(work() for _ in range(CONCURRENCY)))


def run_aiohttp(url: str, n: int) -> float:
    import aiohttp

    async def run() -> float:
        connector = aiohttp.TCPConnector(limit=CONCURRENCY)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def send(body: dict[str, object]) -> None:
                async with session.post(f"{url}/chat/completions", json=body) as response:
                    await response.read()

            started = time.perf_counter()
            await _all(n, send)
            return time.perf_counter() - started

    return asyncio.run(run())


def run_sdk(url: str, n: int) -> float:
    import httpx2
    from openai import AsyncOpenAI, DefaultAioHttpClient

    async def run() -> float:
        limits = httpx2.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)
        http = DefaultAioHttpClient(limits=limits)
        client = AsyncOpenAI(base_url=url, api_key="none", max_retries=0, http_client=http)

        async def send(body: dict[str, object]) -> None:
            await client.post("/chat/completions", body=body, cast_to=httpx2.Response)

        started = time.perf_counter()
        await _all(n, send)
        seconds = time.perf_counter() - started
        await client.close()
        return seconds

    return asyncio.run(run())


@contextmanager
def open_pool(
    url: str,
    prompts_per_request: int = 1,
    *,
    concurrency: int = CONCURRENCY,
    path: Path | None = None,
) -> Iterator[Pool]:
    """Open a pool with a store, at a path or in a folder that is removed after."""
    ways = {"chat": "json_schema", "labels": "top_logprobs", "likelihood": "echo"}
    with tempfile.TemporaryDirectory() as folder:
        store, background = AnswerStore(path or Path(folder) / "answers.sqlite"), Background()
        pool = Pool(
            Source("load", "load"),
            make_senders=lambda: [
                OpenAISender(base_url=url, api_key=None, concurrency=concurrency, timeout_s=60)
            ],
            forms={kind: Form(kind, way, "load", {}) for kind, way in ways.items()},
            shared=Shared(store, background),
            pacing=Pacing(concurrency, prompts_per_request),
        )
        try:
            yield pool
        finally:
            pool.close()
            background.close()
            store.close()


def run_fret(url: str, n: int) -> float:
    requests = list(chats(n))
    with open_pool(url) as pool:
        started = time.perf_counter()
        n_good = sum(isinstance(reply, ChatReply) for reply in pool.ask(requests))
        seconds = time.perf_counter() - started
        assert n_good == n, f"{n_good} of {n} answers are good"
    return seconds


def run_aiohttp_lists(url: str, n: int, n_words: int) -> float:
    """The same pairs as lists, posted and read as JSON, and nothing else."""
    import aiohttp

    prompts = [request.prompt + request.continuation for request in likelihoods(n, n_words)]
    lists = iter([prompts[i : i + PROMPTS_PER_REQUEST] for i in range(0, n, PROMPTS_PER_REQUEST)])

    async def run() -> float:
        connector = aiohttp.TCPConnector(limit=CONCURRENCY)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def work() -> None:
                for some in lists:
                    body = {"model": "load", "prompt": some, "max_tokens": 1, "echo": True}
                    async with session.post(
                        f"{url}/completions", json={**body, "logprobs": 1}
                    ) as response:
                        json.loads(await response.read())

            started = time.perf_counter()
            await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
            return time.perf_counter() - started

    return asyncio.run(run())


def run_likelihood(url: str, n: int, n_words: int) -> float:
    requests = list(likelihoods(n, n_words))
    with open_pool(url, PROMPTS_PER_REQUEST) as pool:
        started = time.perf_counter()
        replies = pool.ask(requests)
        n_good = sum(isinstance(reply, LikelihoodReply) for reply in replies)
        seconds = time.perf_counter() - started
        assert n_good == n, f"{n_good} of {n} answers are good"
    return seconds


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--server", type=Path, default=Path("../shared/tools/load_server.py"))
    options.add_argument("--port", type=int, default=8977)
    options.add_argument("--requests", type=int, default=5000)
    options.add_argument("--pairs", type=int, default=20000)
    options.add_argument("--rounds", type=int, default=3)
    asked = options.parse_args()
    with load_server(asked.server, asked.port, "--latency", "0.05") as url:
        print(f"chat: {asked.requests} requests, {CONCURRENCY} at once, {asked.rounds} rounds")
        runners = {"bare aiohttp": run_aiohttp, "bare client.post": run_sdk, "fret": run_fret}
        rates: dict[str, list[float]] = {name: [] for name in runners}
        for _ in range(asked.rounds):
            for name, runner in runners.items():
                rates[name].append(asked.requests / runner(url, asked.requests))
        bare = statistics.median(rates["bare client.post"])
        for name, found in rates.items():
            rate = statistics.median(found)
            print(f"  {name:<18} {rate:7.0f} requests/s  {rate / bare:5.2f} of client.post")
        for n_words in (40, 150):
            print(f"likelihood: {asked.pairs} pairs, passages of {n_words} words, lists")
            for name, run in (("bare aiohttp", run_aiohttp_lists), ("fret", run_likelihood)):
                found = [asked.pairs / run(url, asked.pairs, n_words) for _ in range(asked.rounds)]
                print(f"  {name:<18} {statistics.median(found):7.0f} pairs/s")


if __name__ == "__main__":
    main()
