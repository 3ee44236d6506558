"""What the store already says about a request, for one model: shared by all lanes."""

import hashlib
from collections.abc import Callable, Mapping, Sequence

from fret.llm.answers import AnswerStore
from fret.llm.forms import Form, kind_of
from fret.llm.forms.reading import Transient
from fret.llm.job import Job
from fret.llm.stored import Source, Stored
from fret.llm.types import Failure, FailureKind, Reply, Request

# How often a request is asked whose answer cannot be used.
MAX_ANSWERS = 2
# Asking again would give the same.
FINAL = {FailureKind.REJECTED, FailureKind.FAULT}


class Shelf:
    """Makes jobs of requests, and settles those that need not be asked.

    Args:
        source: names the server, the model, the run and the lane.
        forms: the way to ask each kind of request.
        ask_failed_again: ask anew where earlier answers could not be used.
    """

    def __init__(
        self,
        store: AnswerStore,
        source: Source,
        forms: Mapping[str, Form],
        *,
        ask_failed_again: bool = False,
    ) -> None:
        self.store, self.source, self.forms = store, source, dict(forms)
        self._ask_failed_again = ask_failed_again

    def make_job(self, request: Request, form: Form | None = None) -> Job:
        form = form or self.forms[kind_of(request)]
        body = form.body_of(request)
        return Job(request, form, body, self._key_of(form, body, getattr(request, "sample", 0)))

    def take_stored(
        self, jobs: Sequence[Job], settle: Callable[[Job, Reply | Failure], None]
    ) -> list[Job]:
        """Settle what the store has good answers for, or too many bad ones; return the rest."""
        raws, missing = self.store.get_many([job.key for job in jobs]), []
        unread = [job.key for job in jobs if job.key not in raws]
        failures = {} if self._ask_failed_again else self.store.get_failures(unread)
        for job in jobs:
            raw = raws.get(job.key)
            reply = None if raw is None else _read_stored(job, raw)
            if reply is not None and not isinstance(reply, Failure):
                settle(job, reply)
                continue
            if raw is not None and not self._ask_failed_again:
                failures |= self.store.get_failures([job.key])
            if job.key in failures:
                job.n_failed, kind, detail = failures[job.key]
                job.failure = Failure(FailureKind(kind), detail)
            if raw is not None and reply is not None:  # it came by batch or file, unread
                self.store.demote(self.stored(job, raw, reply)).result()
                job.n_failed, job.failure = job.n_failed + 1, reply
            if job.failure and not may_ask_again(job.n_failed, job.failure):
                settle(job, job.failure)
            else:
                missing.append(job)
        return missing

    def stored(self, job: Job, raw: bytes, reply: Reply | Failure) -> Stored:
        """Return a reply to a job in the store's form; `job.n_failed` came before it."""
        failure = reply if isinstance(reply, Failure) else None
        return Stored(
            key=job.key,
            source=self.source,
            kind=job.form.kind,
            raw=raw,
            usage=reply.usage,
            failure=failure.kind if failure else None,
            detail=failure.detail if failure else "",
            attempt=job.n_failed,
        )

    def _key_of(self, form: Form, body: bytes, sample: int) -> str:
        """Return the key of an answer: a hash of all that reaches the model.

        The same in every lane, so what one has answered no other asks again.
        """
        head = f"{self.source.server}\0{self.source.model}\0{form.path}\0{sample}\0"
        return hashlib.sha256(head.encode("utf-8", "surrogatepass") + body).hexdigest()


def _read_stored(job: Job, raw: bytes) -> Reply | Failure:
    """Read an answer of the store; by batch even what is none may come with status 200."""
    try:
        return job.form.read(job.request, raw)
    except Transient as error:
        return Failure(FailureKind.UNREADABLE, str(error))


def may_ask_again(n_failed: int, failure: Failure) -> bool:
    return n_failed < MAX_ANSWERS and failure.kind not in FINAL
