"""Gets requests answered: sends them, again where a fault allows it, and stores what comes.

The one retry layer is here. A place at the gate is held until the answer is on the disk, so a kill
loses no more answers than requests may be in flight.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt

from fret.errors import FretError
from fret.llm.budget import Price, Purse, bound_cost
from fret.llm.forms import Form
from fret.llm.forms.reading import Transient
from fret.llm.gate import Gate, Server
from fret.llm.job import Job
from fret.llm.types import (
    Chat,
    Failure,
    FailureKind,
    Labels,
    Likelihood,
    Reply,
    Request,
    Tally,
    Usage,
)

# How often one request is sent at which its server fails, before others are looked at: with the
# pauses below some twenty seconds.
MAX_SENDS = 6
_LONGEST_PAUSE_S = 30.0

# A token is some four bytes of English, and never less than one byte.
_BYTES_PER_TOKEN = 4

# Sent to tell a request that the server cannot bear from a server that is ill.
_SMALL: dict[str, Request] = {
    "chat": Chat((("user", "Say hello."),), 16),
    "labels": Labels((("user", "Say 1."),), ("1",)),
    "likelihood": Likelihood("The capital of France is", " Paris"),
}

Result = tuple[bytes, Reply | Failure]
Keep = Callable[[Sequence[Job], Sequence[Result]], Awaitable[None]]
"""Stores answers."""


class Courier:
    """Delivers the requests of one model.

    Args:
        note_unknown: called for each request whose answer was lost on the way, to be written down.
    """

    def __init__(
        self,
        gate: Gate,
        *,
        purse: Purse,
        price: Price | None,
        tally: Tally,
        note_unknown: Callable[[], object],
    ) -> None:
        self._gate, self._purse, self._price, self._tally = gate, purse, price, tally
        self._note_unknown = note_unknown
        self.stopped: FretError | None = None
        self._stopping = asyncio.Event()

    def stop(self, error: FretError) -> None:
        """Send nothing more; what is in flight may still arrive."""
        self.stopped = self.stopped or error
        self._stopping.set()
        self._gate.stop(error)

    async def try_once(self, job: Job, keep: Keep) -> Reply | Failure:
        """Ask what a server may not know how to answer: where it is silent, not again.

        Raises:
            ModelError, StoreError: as `deliver`.
        """
        try:
            replies = await self._send_until_answered([job], keep, patient=False)
        except _Fault as error:
            return Failure(FailureKind.FAULT, str(error))
        assert replies is not None  # it travels alone
        return replies[0]

    async def deliver(self, jobs: Sequence[Job], keep: Keep) -> list[Reply | Failure]:
        """Get jobs of one form answered and stored, as one request where there are several.

        Raises:
            ModelError: key, quota, budget or an outage forbid to go on.
            StoreError: an answer cannot be stored.
        """
        n_answered = self._gate.n_answered
        replies: list[Reply | Failure] | None = None
        try:
            replies = await self._send_until_answered(jobs, keep)
        except _Fault as error:
            if len(jobs) == 1:
                if self._gate.n_answered == n_answered and not await self._is_well(jobs[0].form):
                    return await self.deliver(jobs, keep)
                return [Failure(FailureKind.FAULT, str(error))]
        if replies is not None:
            return replies
        # One prompt of many may be what the server refuses, or cannot bear.
        alone = await asyncio.gather(*(self.deliver([job], keep) for job in jobs))
        return [reply for (reply,) in alone]

    async def _send_until_answered(
        self, jobs: Sequence[Job], keep: Keep, *, patient: bool = True
    ) -> list[Reply | Failure] | None:
        """Send, and again after a fault; if not patient, only where it was told and not silent."""
        try:
            return await self._send(jobs, keep)
        except _Fault as error:
            first = error
            if error.silent and not patient:
                raise
        # Only now, for most requests never need it and it costs a twentieth of a request.
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(_Fault),
            # Many prompts together are soon sent one by one: it may be one of them.
            stop=stop_after_attempt(MAX_SENDS - 1 if len(jobs) == 1 else 1),
            wait=_pause_s,
            sleep=self._rest,
            reraise=True,
        )
        await self._rest(_pause_after(first, 1))
        return await retrying(self._send, jobs, keep)

    async def _is_well(self, form: Form) -> bool:
        """Ask something small: whether it is this request, or the server as a whole."""
        small = _SMALL[form.kind]
        try:
            await self._send([Job(small, form, form.body_of(small), "")], _keep_nothing)
        except _Fault:
            return False
        return True

    async def _send(self, jobs: Sequence[Job], keep: Keep) -> list[Reply | Failure] | None:
        """Send until the server does not ask for fewer requests; waiting for that is no fault.

        Returns:
            None when several must be sent one by one.
        """
        while True:
            try:
                return await self._send_once(jobs, keep)
            except Transient as error:
                if not error.limited:
                    raise _Fault(error) from None

    async def _send_once(self, jobs: Sequence[Job], keep: Keep) -> list[Reply | Failure] | None:
        form = jobs[0].form
        body = jobs[0].body if len(jobs) == 1 else form.join([job.request for job in jobs])
        n_output = sum(form.longest_output(job.request) for job in jobs)
        most = bound_cost(self._price, len(body), n_output) if self._price else 0.0
        await self._purse.reserve(most)
        cost, set_aside = 0.0, 0.0
        try:
            n_tokens = len(body) // _BYTES_PER_TOKEN + n_output
            server = await self._gate.enter(n_tokens)
            try:
                results = await self._exchange(server, jobs, body)
                if results is None:
                    return None
                usage = _total([reply for _, reply in results])
                cost = self._price.cost_of(usage) if self._price else 0.0
                if used := usage.input_tokens + usage.output_tokens:
                    self._gate.tokens.give_back(n_tokens - used)
                await keep(jobs, results)
                return [reply for _, reply in results]
            finally:
                self._gate.leave(server)
        except Transient as error:
            if error.unknown:
                set_aside = most  # it may have been answered, and paid
            raise
        finally:
            self._purse.settle(most, cost or set_aside)
            self._tally.usd += cost

    async def _exchange(
        self, server: Server, jobs: Sequence[Job], body: bytes
    ) -> list[Result] | None:
        """Send a body to a server and read what comes."""
        form = jobs[0].form
        self._tally.sent += 1
        try:
            answer = await server.sender.send(form.path, body)
            if isinstance(answer, Failure):
                self._gate.answered(server, {})
                return [(b"", answer)] if len(jobs) == 1 else None
            results: list[Result]
            if len(jobs) == 1:
                results = [form.read_new(jobs[0].request, answer.raw)]
            else:
                results = form.read_joined([job.request for job in jobs], answer.raw)
        except Transient as error:
            if error.unknown:
                self._tally.unknown += 1
                self._note_unknown()
            self._gate.failed(server, error)
            raise
        self._gate.answered(server, answer.headers)
        return results

    async def _rest(self, seconds: float) -> None:
        """Sleep between two attempts, unless the run stops."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return
        assert self.stopped is not None
        raise self.stopped


class _Fault(Exception):
    """One attempt failed through the server's fault."""

    def __init__(self, why: Transient) -> None:
        super().__init__(str(why))
        self.retry_after_s, self.silent = why.retry_after_s, why.silent


def _pause_s(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    return _pause_after(error, state.attempt_number + 1)


def _pause_after(error: BaseException | None, n_sends: int) -> float:
    """How long one request waits before it is sent again: as asked, else growing, with jitter.

    Whoever asks for more after a fault, for an hour say, is asked again all the same, for whether
    the server is well again must be known in time: see `patience_s`.
    """
    growing = min(_LONGEST_PAUSE_S, 0.5 * 2 ** (n_sends - 1))
    asked = error.retry_after_s if isinstance(error, _Fault) else None
    asked = growing / 2 if asked is None else min(asked, _LONGEST_PAUSE_S)
    return asked + random.uniform(0, growing / 2)


async def _keep_nothing(jobs: Sequence[Job], results: Sequence[Result]) -> None:
    return None


def _total(replies: Sequence[Reply | Failure]) -> Usage:
    if len(replies) == 1:
        return replies[0].usage
    return Usage(
        sum(reply.usage.input_tokens for reply in replies),
        sum(reply.usage.output_tokens for reply in replies),
        sum(reply.usage.cached_tokens for reply in replies),
    )
