"""A small model server on loopback, for tests: answers from a brain, fails on demand.

It speaks chat completions with log-probabilities, completions with echo, and what OpenAI, vLLM,
SGLang and llama.cpp have besides (`flavour`; `llm_dialects`), and files and batches (`batches`). It
remembers what it was asked and what it answered with status 200, so a test can tell whether
anything was paid twice.
"""

import asyncio
import itertools
import json
import random
import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from aiohttp import web

from batch_api import BatchAPI
from batches import Batches
from llm_brain import (
    Brain,
    Tokenizer,
    find_passage,
    find_query,
    grade_by_words,
    passage_in,
    words_of,
    write_from,
)
from llm_dialects import reply
from llm_faults import AZURE_HEADERS, error, fail, limit_headers, repeat_example
from llm_speaker import Body, Refused, Speaker

__all__ = [
    "AZURE_HEADERS",
    "Asked",
    "Brain",
    "LLMServer",
    "Tokenizer",
    "find_passage",
    "find_query",
    "grade_by_words",
    "limit_headers",
    "passage_in",
    "words_of",
    "write_from",
]

# Answers that a model makes, and that are paid and recorded; other paths only tell something.
_PAID = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/decisions",
    "/v1/score",
    "/generate",
)
_TOLD = ("/tokenize", "/detokenize", "/version", "/get_server_info", "/props")


@dataclass
class Asked:
    """One request that came."""

    path: str
    body: dict[str, Any]
    raw: bytes
    status: int


@dataclass
class LLMServer(Speaker):
    """Use as a context manager; `url` is the base URL, `root` the one above `/v1`."""

    latency_s: float = 0.0
    poison: str = ""
    """Requests that hold this text are answered with status 500, always."""
    fail_share: float = 0.0
    """The share of requests that get 429, 500 or a cut connection, in turn."""
    fail_seed: int = 0
    max_in_flight: int | None = None
    """Requests above this number at once are answered with 429."""
    keys: set[str] = field(default_factory=set)
    """What came as Authorization."""
    headers: dict[str, str] = field(default_factory=dict)
    """Headers of every answer; see `limit_headers` and `AZURE_HEADERS`."""
    models: tuple[str, ...] = ("tiny",)
    shutdown_dates: dict[str, str] = field(default_factory=dict)
    """Per model, what /v1/models says of its end."""
    models_shape: Literal["openai", "names", "strings", "html", "404"] = "openai"
    """names: as Ollama's own list; strings: a bare list."""
    check_model: bool = False
    """A model that is not in `models` is answered with 404."""
    asked: list[Asked] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)
    """How often each path was asked that costs nothing (`/v1/models`, `/tokenize`, …)."""
    peak: int = 0
    """The most requests that were in flight at once."""
    url: str = ""
    batches: Batches = field(init=False)
    _faults: "deque[str]" = field(default_factory=deque)
    _answered: "Counter[bytes]" = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.batches = Batches(self._answer_line)
        self._in_flight = 0
        self._turn = itertools.cycle(("429", "500", "cut"))
        self._luck: random.Random | None = None

    def fail(self, *kinds: str) -> None:
        """Let the next requests fail, one kind each; see `llm_faults`."""
        self._faults.extend(kinds)

    @property
    def root(self) -> str:
        return self.url.removesuffix("/v1")

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
        app = web.Application(client_max_size=300_000_000)
        app.router.add_get("/v1/models", self._models)
        for path in _PAID:
            app.router.add_post(path, self._answer)
        for path in _TOLD:
            app.router.add_route("*", path, self._tell)
        app.router.add_routes(BatchAPI(self.batches).routes())
        app.on_response_prepare.append(self._add_headers)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}/v1"

    async def _add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(self.headers)
        self.keys.add(request.headers.get("Authorization", ""))

    async def _models(self, request: web.Request) -> web.Response:
        self.told[request.path] += 1
        if self._faults and self._faults[0] == "401":
            return error(401, "wrong key", "invalid_api_key")
        match self.models_shape:
            case "html":
                return web.Response(text="<html>hello</html>", content_type="text/html")
            case "404":
                return web.json_response({"detail": "Not Found"}, status=404)
            case "strings":
                return web.json_response(list(self.models))
            case "names":
                named = [{"name": name, "model": name} for name in self.models]
                return web.json_response({"models": named})
        return web.json_response({"object": "list", "data": list(map(self._model, self.models))})

    def _model(self, name: str) -> Body:
        data: Body = {"id": name, "object": "model", "created": 1, "owned_by": self.flavour}
        if self.flavour in ("vllm", "sglang"):
            data |= {"root": name, "max_model_len": self.max_context or 4096}
        elif self.flavour == "openai":
            data["shutdown_date"] = self.shutdown_dates.get(name)
        return data

    async def _tell(self, request: web.Request) -> web.Response:
        self.told[request.path] += 1
        body = await request.json() if request.can_read_body else {}
        try:
            return web.json_response(reply(self, request.path, body))
        except Refused as refused:
            return self._refuse(refused)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = json.loads(raw)
        self._in_flight += 1
        self.peak = max(self.peak, self._in_flight)
        try:
            response = await self._respond(request, raw, body)
        finally:
            self._in_flight -= 1
        self.asked.append(Asked(request.path, body, raw, response.status))
        return response

    async def _respond(self, request: web.Request, raw: bytes, body: Body) -> web.StreamResponse:
        crowded = self.max_in_flight is not None and self._in_flight > self.max_in_flight
        await asyncio.sleep(self.latency_s)
        if self.poison and self.poison.encode() in raw:
            return error(500, "on purpose", "planted")
        if crowded:
            return error(429, "Rate limit reached for requests", "rate_limit_exceeded")
        try:
            if (failed := await self._fail(request, body)) is not None:
                return failed
            response = web.json_response(self._reply(request.path, body))
        except Refused as refused:
            return self._refuse(refused)
        self._answered[request.path.encode() + raw] += 1
        return response

    async def _fail(self, request: web.Request, body: Body) -> web.StreamResponse | None:
        if self._faults:
            kind = self._faults.popleft()
        elif self.fail_share > 0:
            self._luck = self._luck or random.Random(self.fail_seed)
            kind = next(self._turn) if self._luck.random() < self.fail_share else "ok"
        else:
            return None
        if kind == "echo":
            return web.json_response(repeat_example(self._reply(request.path, body), body))
        return await fail(kind, request, lambda: self._reply(request.path, body))

    def _reply(self, path: str, body: Body) -> Any:
        if self.check_model and body.get("model") not in (*self.models, None):
            said = f"The model '{body['model']}' does not exist or you do not have access to it."
            raise Refused(404, said, "model_not_found")
        return reply(self, path, body)

    def _refuse(self, refused: Refused) -> web.Response:
        body = self.describe_error(refused.status, str(refused), refused.code)
        return web.json_response(body, status=refused.status)

    def _answer_line(self, path: str, body: Body) -> tuple[int, Body]:
        """Answer one line of a batch as it would be answered live."""
        try:
            return 200, self._reply(path, body)
        except Refused as refused:
            return refused.status, self.describe_error(refused.status, str(refused), refused.code)
