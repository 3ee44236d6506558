"""A small OpenAI-compatible server on loopback, for tests: answers from a brain, fails on demand.

It speaks chat completions with log-probabilities, and completions with echo. It remembers what it
was asked and what it answered with status 200, so a test can tell whether anything was paid twice.
"""

import asyncio
import hashlib
import itertools
import json
import math
import re
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

_FENCED = re.compile(r"<<<(\w{12})\n(.*?)\n\1>>>", re.DOTALL)
_WORD = re.compile(r"\w{4,}")


def passage_in(text: str) -> str:
    """The last fenced passage of a prompt."""
    return _FENCED.findall(text)[-1][1]


def words_of(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def write_from(passage: str, seed: int = 0) -> dict[str, str]:
    """A task and a query that follow from the passage and the draw alone."""
    words = sorted(set(words_of(passage)), key=lambda w: hashlib.sha256(w.encode()).digest())
    task = ("Given a question, find its answer.", "Given a claim, check it.")[len(passage) % 2]
    return {"task": task, "query": " ".join(words[seed : seed + 4])}


def grade_by_words(query: str, passage: str) -> float:
    """An expected grade from 0 to 3: the share of the query's words that the passage has."""
    wanted = words_of(query) or ["-"]
    return 3 * sum(word in words_of(passage) for word in wanted) / len(wanted)


@dataclass
class Brain:
    """What the server says; replace a function to plant an answer."""

    write: Callable[[str, int], dict[str, str]] = write_from
    grade: Callable[[str, str], float] = grade_by_words
    labels: tuple[str, ...] = ("0", "1", "2", "3")
    begin: str = ""
    """A token that begins every text, as `<s>`; its length shifts the offsets, as in vLLM."""
    offsets: bool = True
    """False: every text offset is -1, as in SGLang."""

    def label_logprobs(self, query: str, passage: str) -> list[float]:
        grade = self.grade(query, passage)
        weights = [math.exp(-2 * abs(grade - label)) for label in range(4)]
        return [math.log(weight / sum(weights)) for weight in weights]

    def token_logprob(self, token: str, passage: str) -> float:
        word = token.strip().lower().strip(".,?")
        return -0.5 if word in passage.lower() else -1.0 - 0.3 * len(word)


@dataclass
class Asked:
    """One request that came."""

    path: str
    body: dict[str, Any]
    raw: bytes
    status: int


@dataclass
class LLMServer:
    """Use as a context manager; `url` is the base URL."""

    brain: Brain = field(default_factory=Brain)
    latency_s: float = 0.0
    poison: str = ""
    """Requests that hold this text are answered with status 500, always."""
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    _faults: "deque[str]" = field(default_factory=deque)
    _answered: "Counter[bytes]" = field(default_factory=Counter)

    def fail(self, *kinds: str) -> None:
        """Let the next requests fail, one kind each; see `_fault`."""
        self._faults.extend(kinds)

    @property
    def repeats(self) -> int:
        """How many requests came again, byte for byte, though they had been answered."""
        return sum(count - 1 for count in self._answered.values())

    @property
    def n_answered(self) -> int:
        return sum(self._answered.values())

    def __enter__(self) -> Self:
        started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _serve(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        started.set()
        self._loop.run_forever()

    async def _start(self) -> None:
        app = web.Application(client_max_size=10_000_000)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._answer)
        app.router.add_post("/v1/completions", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}/v1"

    async def _models(self, request: web.Request) -> web.Response:
        if self._faults and self._faults[0] == "401":
            return self._error(401, "wrong key", "invalid_api_key")
        return web.json_response({"object": "list", "data": [{"id": "tiny", "object": "model"}]})

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = json.loads(raw)
        await asyncio.sleep(self.latency_s)
        response = None
        if self.poison and self.poison.encode() in raw:
            response = self._error(500, "on purpose", "planted")
        elif self._faults:
            response = await self._fault(self._faults.popleft(), request, body)
        if response is None:
            response = web.json_response(self._reply(request.path, body))
            self._answered[request.path.encode() + raw] += 1
        self.asked.append(Asked(request.path, body, raw, response.status))
        return response

    async def _fault(
        self, kind: str, request: web.Request, body: dict[str, Any]
    ) -> web.Response | None:
        match kind:
            case "ok":
                return None
            case "429" | "500" | "503" | "401" | "404" | "400":
                return self._error(int(kind), f"on purpose {kind}", "planted")
            case "429 soon":
                return self._error(429, "slow down", "rate_limit_exceeded", {"retry-after": "0.2"})
            case "quota":
                return self._error(429, "You exceeded your quota", "insufficient_quota")
            case "hang":
                await asyncio.sleep(30)
                return None
            case "cut":
                assert request.transport
                request.transport.abort()
                return web.Response(status=500)
            case "html":
                return web.Response(text="<html>gateway</html>", content_type="text/html")
            case "cut json":
                whole = json.dumps(self._reply(request.path, body))
                return web.Response(text=whole[: len(whole) // 2], content_type="application/json")
            case "error 200":
                return web.json_response({"error": {"message": "overloaded", "code": 500}})
            case _:
                return web.json_response(self._spoil(kind, self._reply(request.path, body)))

    def _spoil(self, kind: str, reply: dict[str, Any]) -> dict[str, Any]:
        choice = reply["choices"][0]
        match kind:
            case "refusal":
                choice["message"] |= {"content": None, "refusal": "I will not."}
            case "filter":
                choice["finish_reason"] = "content_filter"
            case "length":
                choice["finish_reason"] = "length"
            case "empty":
                choice["message"]["content"] = ""
            case "prose":
                choice["message"]["content"] = "Sure! Here is a query for you."
            case "fenced json":
                choice["message"]["content"] = (
                    f"Here:\n```json\n{choice['message']['content']}\n```"
                )
            case "no logprobs":
                choice["logprobs"] = None
            case "think":
                top = [{"token": "<think>", "logprob": -0.01}, {"token": "Okay", "logprob": -5.0}]
                choice["logprobs"] = {"content": [{**top[0], "top_logprobs": top}]}
            case "label missing":
                content = choice["logprobs"]["content"][0]
                content["top_logprobs"] = [t for t in content["top_logprobs"] if t["token"] != "3"]
            case _:
                raise ValueError(f"unknown fault {kind!r}")
        return reply

    def _error(
        self, status: int, message: str, code: str, headers: dict[str, str] | None = None
    ) -> web.Response:
        error = {"error": {"message": message, "type": "planted", "code": code}}
        return web.json_response(error, status=status, headers=headers)

    def _reply(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        choice = self._chat(body) if path.endswith("chat/completions") else self._completion(body)
        tokens = len(json.dumps(body).split())
        return {
            "id": "x",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None, **choice}],
            "usage": {"prompt_tokens": tokens, "completion_tokens": 7, "total_tokens": tokens + 7},
        }

    def _chat(self, body: dict[str, Any]) -> dict[str, Any]:
        text = body["messages"][-1]["content"]
        if body.get("logprobs"):
            return self._label(text, body.get("top_logprobs", 0))
        written = {"answer": "hello"}
        if "<<<" in text:
            written = self.brain.write(passage_in(text), body.get("seed", 0))
        content = json.dumps(written, ensure_ascii=False)
        return {"message": {"role": "assistant", "content": content, "refusal": None}}

    def _label(self, text: str, n_top: int) -> dict[str, Any]:
        query = re.findall(r"^Query: (.*)$", text, re.MULTILINE)
        passage = passage_in(text) if "<<<" in text else ""
        logprobs = self.brain.label_logprobs(query[-1] if query else "", passage)
        pairs = zip(self.brain.labels, logprobs, strict=True)
        top = sorted(
            ({"token": token, "logprob": logprob} for token, logprob in pairs),
            key=lambda item: -float(str(item["logprob"])),
        )[:n_top]
        return {
            "message": {"role": "assistant", "content": top[0]["token"], "refusal": None},
            "logprobs": {"content": [{**top[0], "top_logprobs": top}]},
        }

    def _completion(self, body: dict[str, Any]) -> dict[str, Any]:
        prompt = body["prompt"]
        _, found, rest = prompt.rpartition("Passage: ")
        passage = rest.partition("\nTask:")[0] if found else "paris"
        # Whitespace stays with the word after it, as in byte-level BPE; one token is generated.
        tokens = [*re.findall(r"\s*\S+|\s+$", prompt), " end"]
        values: list[float | None] = [self.brain.token_logprob(t, passage) for t in tokens]
        if self.brain.begin:
            tokens, values = [self.brain.begin, *tokens], [None, *values]
        else:
            values[0] = None
        starts = [0, *itertools.accumulate(map(len, tokens[:-1]))]
        if not self.brain.offsets:
            starts = [-1] * len(tokens)
        logprobs = {"tokens": tokens, "token_logprobs": values, "text_offset": starts}
        return {"text": prompt + " end", "finish_reason": "length", "logprobs": logprobs}
