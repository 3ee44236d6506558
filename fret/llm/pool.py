"""The pool: many requests in flight, answers in order, each one stored before it is handed out.

Callers see an iterator. Requests are pulled from it only as there is room, what the store holds is
never asked again, and equal requests are asked once. An answer that cannot be used gets one new
attempt; faults of the server are the courier's business, the pace is the gate's.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from fret.errors import FretError, ModelError, UserError
from fret.figures import agree
from fret.llm.answers import AnswerStore
from fret.llm.budget import Price
from fret.llm.courier import Courier, Result
from fret.llm.forms import Form
from fret.llm.forms.reading import Transient
from fret.llm.gate import Gate, Limit, Pace, Server
from fret.llm.job import Job
from fret.llm.journal import Journal
from fret.llm.parcels import Ledger, describe_elsewhere
from fret.llm.sender import Sender
from fret.llm.shared import Pacing, Shared
from fret.llm.shelf import Shelf, may_ask_again
from fret.llm.stored import Source
from fret.llm.types import Failure, Reply, Request, Tally

# How long a pool that closes waits for the answers under way, which are paid for.
_GRACE_S = 10.0
# Requests under way per free place: enough that one slow answer at the head does not idle the rest.
_WINDOW = 4
# Requests that are looked up, and handed to the loop, together.
_BUNCH = 64


_AS_USUAL = Pacing()


class Pool:
    """A language model behind servers, with its answers stored; implements `fret.llm.types.LLM`.

    Args:
        source: names the server and the model in the answers' keys.
        make_senders: called in the pool's own thread, once; one sender per server.
        forms: the way to ask each kind of request.
        ask_failed_again: ask anew where earlier answers could not be used.
    """

    def __init__(
        self,
        source: Source,
        *,
        make_senders: Callable[[], Sequence[Sender]],
        forms: dict[str, Form],
        shared: Shared,
        pacing: Pacing = _AS_USUAL,
        price: Price | None = None,
        ask_failed_again: bool = False,
    ) -> None:
        self.name = source.model
        self.tally = Tally()
        self._shelf = Shelf(shared.store, source, forms, ask_failed_again=ask_failed_again)
        self._make_senders, self._shared, self._pacing, self._price = (
            make_senders,
            shared,
            pacing,
            price,
        )
        self._senders: Sequence[Sender] = ()
        self._under_way: dict[str, Job] = {}
        self._registering = threading.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self._journal, self._ledger = Journal(shared.store), Ledger(shared.store)
        self._elsewhere = self._ledger.elsewhere(source)
        self._courier = shared.background.run(self._open()).result()

    @property
    def source(self) -> Source:
        return self._shelf.source

    @property
    def store(self) -> AnswerStore:
        return self._shared.store

    def form(self, kind: str) -> Form:
        """Return how a kind of request is asked."""
        return self._shelf.forms[kind]

    def use(self, form: Form) -> None:
        """Ask one kind of request in another way from now on."""
        self._shelf.forms[form.kind] = form

    def reach(self) -> list[bytes]:
        """Check that a server is there, before any work; return what each says of its models.

        Raises:
            UserError: nothing answers at any address.
            ModelError: a server refuses the key.
        """

        async def knock() -> list[bytes | BaseException]:
            asking = (sender.models() for sender in self._senders)
            return await asyncio.gather(*asking, return_exceptions=True)

        said, silent = [], []
        for sender, found in zip(
            self._senders, self._shared.background.run(knock()).result(), strict=True
        ):
            if isinstance(found, Transient):
                silent.append(f"{sender.where} ({found})")
            elif isinstance(found, BaseException):
                raise found
            else:
                said.append(found)
        if not said:
            raise UserError(
                f"The model {self.name!r} cannot be used: nothing answers at {', '.join(silent)}. "
                "Start the server, or mend base_url in the pipeline file. Nothing was done."
            )
        if silent:
            self._shared.tell(f"Nothing answers at {', '.join(silent)}; the others do the work.")
        return said

    def ask(self, requests: Iterable[Request]) -> Iterator[Reply | Failure]:
        """Answer requests in their order, pulling a bounded number ahead."""
        window = self._pacing.concurrency * self._pacing.prompts_per_request * _WINDOW
        n_bunch = max(1, min(max(_BUNCH, self._pacing.prompts_per_request), window // 2))
        source, more = iter(requests), True
        waiting: deque[Job] = deque()
        while True:
            while more and len(waiting) + n_bunch <= window:
                bunch = list(islice(source, n_bunch))
                more = len(bunch) == n_bunch
                waiting.extend(self._submit(bunch))
            if not waiting:
                return
            yield self.tally.count(waiting.popleft().result())

    def try_once(
        self, request: Request, form: Form | None = None, *, afresh: bool = False
    ) -> Reply | Failure:
        """Ask one request, for a probe: a good answer is stored, a bad one is not remembered.

        Args:
            afresh: ask the server even if the store has an answer.
        """
        job = self._shelf.make_job(request, form)
        raw = None if afresh else self._shared.store.get(job.key)
        if raw is not None:
            return job.form.read(request, raw)

        async def keep_good(jobs: Sequence[Job], results: Sequence[Result]) -> None:
            if not isinstance(results[0][1], Failure):
                await self._keep(jobs, results)

        return self._shared.background.run(self._courier.try_once(job, keep_good)).result()

    def fetch(self, path: str, body: bytes) -> bytes | None:
        """Ask a server something that costs nothing, such as tokens of a text; None if it cannot.

        Raises:
            ModelError: it refuses the key.
        """

        async def send() -> bytes | None:
            try:
                answer = await self._senders[0].send(path, body)
            except Transient:
                return None
            except ModelError as error:
                if error.status in {403, 404}:
                    return None
                raise
            return None if isinstance(answer, Failure) else answer.raw

        return self._shared.background.run(send()).result()

    def close(self) -> None:
        """Send nothing more, wait a little for the answers under way, store them, then let go."""
        if not self._closed:
            self._closed = True
            self._shared.background.run(self._end()).result()

    async def _open(self) -> Courier:
        self._senders = self._make_senders()
        share = -(-self._pacing.concurrency // len(self._senders))
        gate = Gate(
            [Server(sender, Limit(share)) for sender in self._senders],
            now=asyncio.get_running_loop().time,
            patience_s=self._pacing.patience_s,
            tell=self._shared.tell,
            requests=Pace(self._pacing.requests_per_minute),
            tokens=Pace(self._pacing.tokens_per_minute),
        )
        return Courier(
            gate,
            purse=self._shared.purse,
            price=self._price,
            tally=self.tally,
            note_unknown=lambda: self._shared.store.note_unknown(self._shelf.source, 1),
        )

    async def _end(self) -> None:
        self._courier.stop(ModelError("the pool is closed"))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_GRACE_S)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for sender in self._senders:
            await sender.close()

    def _submit(self, requests: Sequence[Request]) -> list[Job]:
        """Find out which requests must be asked, and hand them to the loop."""
        jobs: list[Job] = []
        fresh: list[Job] = []
        try:
            with self._registering:
                for request in requests:
                    job = self._shelf.make_job(request)
                    # An equal request, of another row, may be under way. It is registered before
                    # the store is read, and leaves after its answer is there: nothing falls in
                    # between.
                    first = self._under_way.setdefault(job.key, job)
                    jobs.append(first)
                    if first is job:
                        fresh.append(job)
                    else:
                        self.tally.reused += 1
            missing = self._shelf.take_stored(fresh, self._take)
            self._refuse_what_is_out(missing)
        except Exception as error:
            self._give_up(fresh, error)  # another caller may wait for them
            raise
        if missing:
            self._shared.background.loop.call_soon_threadsafe(self._start, missing)
        return jobs

    def _refuse_what_is_out(self, jobs: Sequence[Job]) -> None:
        """Refuse to ask what is out by batch or file for another run, and would be paid twice."""
        if not self._elsewhere:
            return
        if n := len(self._ledger.are_out([job.key for job in jobs])):
            where = describe_elsewhere(self._elsewhere)
            raise UserError(f"{n} of these requests {agree(n, 'is', 'are')} {where}")

    def _take(self, job: Job, reply: Reply | Failure) -> None:
        """Settle a job with what the store says."""
        self.tally.reused += not isinstance(reply, Failure)
        self._settle(job, reply)

    def _start(self, jobs: Sequence[Job]) -> None:
        """Begin to work on jobs, as many together as may travel together."""
        size = self._pacing.prompts_per_request if jobs[0].form.joins else 1
        for start in range(0, len(jobs), size):
            task = asyncio.get_running_loop().create_task(self._work(jobs[start : start + size]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _work(self, jobs: Sequence[Job]) -> None:
        try:
            for job, reply in zip(jobs, await self._courier.deliver(jobs, self._keep), strict=True):
                while isinstance(reply, Failure) and self._may_ask_again(job, reply):
                    (reply,) = await self._courier.deliver([job], self._keep)
                self._settle(job, reply)
        except Exception as error:
            if isinstance(error, FretError):  # what else waits would only meet the same
                self._courier.stop(error)
            self._give_up(jobs, error)
        except asyncio.CancelledError:
            for job in jobs:
                job.fail(ModelError("the pool is closed"))
            raise

    def _may_ask_again(self, job: Job, reply: Failure) -> bool:
        job.n_failed += 1
        return may_ask_again(job.n_failed, reply)

    def _give_up(self, jobs: Sequence[Job], error: Exception) -> None:
        """Let all who wait for some jobs hear why they will not be answered."""
        for job in jobs:
            if not job.done:
                self._under_way.pop(job.key, None)
                job.fail(error)

    def _settle(self, job: Job, reply: Reply | Failure) -> None:
        self._under_way.pop(job.key, None)
        job.settle(reply)

    async def _keep(self, jobs: Sequence[Job], results: Sequence[Result]) -> None:
        """Store answers, and wait until they are on the disk."""
        await self._journal.keep(
            [
                self._shelf.stored(job, raw, reply)
                for job, (raw, reply) in zip(jobs, results, strict=True)
            ]
        )
