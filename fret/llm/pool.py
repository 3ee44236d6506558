"""The pool: many requests in flight, answers in order, each one stored before it is handed out.

Callers see an iterator. Below it one event loop in a thread sends the requests, bounded by the
model's concurrency; requests are pulled from the caller only as there is room. What the store holds
is never asked again. There is one retry layer, here: answers that cannot be read get one new
attempt, faults of the server are retried with growing pauses, refusals of key or quota stop the
run.
"""

import asyncio
import random
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from fret.errors import ModelError, UserError
from fret.llm.answers import AnswerStore, Stored
from fret.llm.dialect import Transient, body_of, path_of, read_answer
from fret.llm.types import Failure, FailureKind, Reply, Request
from fret.records import hash_json

# How often a request is sent while the server is at fault; with the pauses below, about five
# minutes.
MAX_SENDS = 10
_LONGEST_PAUSE_S = 60.0
# How often a request is asked whose answer cannot be used.
MAX_ANSWERS = 2
# Asking again would give the same.
_FINAL = {FailureKind.REJECTED, FailureKind.FAULT}
# How long a pool that closes waits for the answers under way, which are paid for.
_GRACE_S = 10.0
# Requests under way per free place: enough that one slow answer at the head does not idle the rest.
_WINDOW = 4

T = TypeVar("T")


class Sender(Protocol):
    """Sends bodies to a server; see `OpenAISender`."""

    async def send(self, path: str, body: dict[str, Any]) -> bytes | Failure: ...
    async def reach(self) -> None: ...
    async def close(self) -> None: ...


@dataclass(slots=True)
class Tally:
    """What a pool has handed out, and what it took to get it."""

    requests: int = 0
    """Replies handed out; the same whether asked now or found in the store."""
    input_tokens: int = 0
    output_tokens: int = 0
    sent: int = 0
    reused: int = 0
    unknown: int = 0
    """Requests sent whose answer was lost on the way; they may have been paid."""


class Pool:
    """A language model behind a server, with its answers stored; implements `fret.llm.types.LLM`.

    Args:
        name: the model's name on the server.
        server: what stands for the server in the answers' keys.
        make_sender: called in the pool's own thread, once.
        store: shared by all pools of a process.
        ask_failed_again: ask anew where earlier answers could not be used.
        tell: called with what a person should know, such as a long wait.
    """

    def __init__(
        self,
        *,
        name: str,
        server: str,
        make_sender: Callable[[], Sender],
        store: AnswerStore,
        concurrency: int,
        extra_body: dict[str, Any] | None = None,
        json_schema: bool = True,
        ask_failed_again: bool = False,
        tell: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.name = name
        self.tally = Tally()
        self._server, self._store = server, store
        self._make_sender = make_sender
        self._sender: Sender | None = None
        self._concurrency = concurrency
        self._extra, self._json_schema = extra_body or {}, json_schema
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name=f"fret-{name}", daemon=True
        )
        self._thread.start()
        self._room = asyncio.Semaphore(concurrency)
        self._stopped: ModelError | None = None
        self._ask_failed_again, self._tell = ask_failed_again, tell
        self._n_answered = self._n_limited = 0
        self._quiet_until = 0.0
        self._under_way: dict[str, asyncio.Task[Reply | Failure]] = {}

    def reach(self) -> None:
        """Check that the server is there, before any work.

        Raises:
            UserError: nothing answers at its address.
            ModelError: it refuses the key.
        """

        async def knock() -> None:
            await (await self._open()).reach()

        try:
            self._run(knock()).result()
        except Transient as error:
            raise UserError(
                f"The model {self.name!r} cannot be used: "
                f"nothing answers at {self._server} ({error}). "
                "Start the server, or mend base_url in the pipeline file. Nothing was done."
            ) from None

    def ask(self, requests: Iterable[Request]) -> Iterator[Reply | Failure]:
        """Answer requests in their order, pulling a bounded number ahead."""
        waiting: deque[Future[Reply | Failure]] = deque()
        for request in requests:
            waiting.append(self._run(self._answer(request)))
            if len(waiting) >= self._concurrency * _WINDOW or waiting[0].done():
                yield self._count(waiting.popleft().result())
        while waiting:
            yield self._count(waiting.popleft().result())

    def try_once(self, request: Request, *, afresh: bool = False) -> Reply | Failure:
        """Ask one request, for a probe: a good answer is stored, a bad one is not remembered.

        Args:
            afresh: ask the server even if the store has an answer.
        """

        async def ask_once() -> Reply | Failure:
            path, body, key = self._address(request)
            raw = None if afresh else self._store.get(key)
            if raw is not None:
                return read_answer(request, raw)
            raw, reply = await self._send(request, path, body)
            if not isinstance(reply, Failure):
                await self._keep(request, key, raw)
            return reply

        return self._run(ask_once()).result()

    def close(self) -> None:
        """Send nothing more, wait a little for the answers under way, store them, then let go."""
        if self._loop.is_closed():
            return
        self._stopped = self._stopped or ModelError("the pool is closed")
        self._run(self._end()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        under_way = asyncio.all_tasks() - {asyncio.current_task()}
        if under_way:
            await asyncio.wait(under_way, timeout=_GRACE_S)
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        if self._sender is not None:
            await self._sender.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _open(self) -> Sender:
        if self._sender is None:
            self._sender = self._make_sender()
        return self._sender

    def _count(self, reply: Reply | Failure) -> Reply | Failure:
        self.tally.requests += 1
        if not isinstance(reply, Failure):
            self.tally.input_tokens += reply.usage.input_tokens
            self.tally.output_tokens += reply.usage.output_tokens
        return reply

    async def _answer(self, request: Request) -> Reply | Failure:
        path, body, key = self._address(request)
        if key in self._under_way:  # an equal request, of another row, has just been sent
            self.tally.reused += 1
            return await self._under_way[key]
        raw = self._store.get(key)
        if raw is not None:
            self.tally.reused += 1
            return read_answer(request, raw)
        task = self._loop.create_task(self._ask_when_there_is_room(request, path, body, key))
        self._under_way[key] = task
        task.add_done_callback(lambda _: self._under_way.pop(key))
        return await task

    async def _ask_when_there_is_room(
        self, request: Request, path: str, body: dict[str, Any], key: str
    ) -> Reply | Failure:
        async with self._room:
            if self._stopped:
                raise self._stopped
            try:
                return await self._ask_server(request, path, body, key)
            except ModelError as error:
                self._stopped = error  # what else waits for room would only meet the same refusal
                raise

    def _address(self, request: Request) -> tuple[str, dict[str, Any], str]:
        """Return where a request goes, its body, and the key of its answer."""
        path = path_of(request)
        body = body_of(request, model=self.name, json_schema=self._json_schema, extra=self._extra)
        key = hash_json([self._server, path, body, getattr(request, "sample", 0)])
        return path, body, key

    async def _ask_server(
        self, request: Request, path: str, body: dict[str, Any], key: str
    ) -> Reply | Failure:
        """Ask until there is a usable answer, `MAX_ANSWERS` times at most, over all processes."""
        n_failed, failure = 0, Failure(FailureKind.UNREADABLE, "")
        if not self._ask_failed_again and (earlier := self._store.get_failure(key)):
            n_failed, failure = earlier[0], Failure(FailureKind(earlier[1]), earlier[2])
        while n_failed < MAX_ANSWERS and failure.kind not in _FINAL:
            raw, reply = await self._send(request, path, body)
            if not isinstance(reply, Failure):
                await self._keep(request, key, raw)
                return reply
            if reply.kind != FailureKind.FAULT:  # that one is no answer, and may be mended by then
                await self._keep(request, key, raw, failure=reply, attempt=n_failed)
            n_failed, failure = n_failed + 1, reply
        return failure

    async def _keep(
        self,
        request: Request,
        key: str,
        raw: bytes,
        *,
        failure: Failure | None = None,
        attempt: int = 0,
    ) -> None:
        """Store an answer, and wait until it is on the disk."""
        stored = Stored(
            key=key,
            server=self._server,
            model=self.name,
            kind=type(request).__name__.lower(),
            raw=raw,
            failure=failure.kind if failure else None,
            detail=failure.detail if failure else "",
            attempt=attempt,
        )
        await asyncio.wrap_future(self._store.put(stored))

    async def _send(
        self, request: Request, path: str, body: dict[str, Any]
    ) -> tuple[bytes, Reply | Failure]:
        """Send until the server gives an answer that is one, whatever it says."""
        sender, n_answered = await self._open(), self._n_answered
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(Transient), stop=_Faults(), wait=_pause_s, reraise=True
        )
        try:
            async for attempt in retrying:
                with attempt:
                    return await self._send_once(sender, request, path, body)
        except Transient as error:
            if self._n_answered > n_answered:  # the server is well: it is this one request
                return b"", Failure(FailureKind.FAULT, str(error))
            raise ModelError(
                f"{self._server} failed {MAX_SENDS} times in a row, lastly: {error}. "
                "Everything answered so far is kept; go on when the server is well."
            ) from None
        raise AssertionError("the loop above returns or raises")

    async def _send_once(
        self, sender: Sender, request: Request, path: str, body: dict[str, Any]
    ) -> tuple[bytes, Reply | Failure]:
        while (wait_s := self._quiet_until - self._loop.time()) > 0:
            await asyncio.sleep(wait_s + random.uniform(0, 0.1))
        self.tally.sent += 1
        try:
            raw = await sender.send(path, body)
            answer = (b"", raw) if isinstance(raw, Failure) else (raw, read_answer(request, raw))
        except Transient as error:
            self.tally.unknown += error.unknown
            if error.limited:
                self._be_quiet(error.retry_after_s)
            raise
        self._n_answered += 1
        self._n_limited = 0
        return answer

    def _be_quiet(self, asked_s: float | None) -> None:
        """Hold all requests back for as long as the server asks, else for growing times."""
        self._n_limited += 1
        growing = min(_LONGEST_PAUSE_S, 0.25 * 2 ** min(self._n_limited, 10))
        wait_s = growing if asked_s is None else asked_s
        self._quiet_until = max(self._quiet_until, self._loop.time() + wait_s)
        if wait_s >= _LONGEST_PAUSE_S:
            self._tell(f"{self._server} asks for fewer requests: waiting {wait_s:.0f} s.")


class _Faults:
    """Stops sending one request after `MAX_SENDS` faults; being asked to slow down is none."""

    def __init__(self) -> None:
        self._n = 0

    def __call__(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        self._n += not (isinstance(error, Transient) and error.limited)
        return self._n >= MAX_SENDS


def _pause_s(state: RetryCallState) -> float:
    """How long one request waits before it is sent again: as asked, else growing, with jitter."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, Transient) and error.limited:
        return 0.0  # the whole pool waits
    growing = min(_LONGEST_PAUSE_S, 0.5 * 2 ** (state.attempt_number - 1))
    asked = error.retry_after_s if isinstance(error, Transient) else None
    return (asked if asked is not None else growing / 2) + random.uniform(0, growing / 2)
