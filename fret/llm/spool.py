"""A model whose requests travel in files: it gives what the store has, and gathers what it lacks.

A stage is first gathered: all that it asks and the store does not hold goes into files, and the
run waits for them. Once nothing is missing, the stage runs on the store alone.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Protocol

from fret.llm.job import Job
from fret.llm.packer import Packer
from fret.llm.parcels import Ledger
from fret.llm.shelf import Shelf
from fret.llm.types import Failure, FailureKind, Reply, Request, Tally

_BUNCH = 500


class Lane(Protocol):
    """How parcels are sent off and answers come home."""

    def take_in(self) -> list[str]:
        """Take in what has come, and return what a person should know of it."""
        ...

    def dispatch(self) -> str:
        """Send off what is written; return what a person is to wait for, or to do."""
        ...


class Spool:
    """Implements `fret.llm.types.LLM`; sends nothing itself."""

    def __init__(self, shelf: Shelf, ledger: Ledger, packer: Packer) -> None:
        self.name = shelf.source.model
        self.tally = Tally()
        self.n_pending = 0
        """Requests met that have no answer yet."""
        self._shelf, self._ledger, self._packer = shelf, ledger, packer
        self._gathered: set[int] = set()

    def ask(self, requests: Iterable[Request]) -> Iterator[Reply | Failure]:
        pulled = iter(requests)
        while bunch := list(islice(pulled, _BUNCH)):
            jobs = [self._shelf.make_job(request) for request in bunch]
            self._look_up(jobs)
            for job in jobs:
                yield self.tally.count(job.result())

    def close(self) -> None:
        """Finish the files of what was gathered."""
        self._packer.close()

    def _look_up(self, jobs: list[Job]) -> None:
        missing = self._shelf.take_stored(jobs, self._settle)
        out = self._ledger.are_out([job.key for job in missing]) if missing else {}
        for job in missing:
            # 64 of a key's 256 bits: among a billion requests one may be missed, and come later.
            mark = int(job.key[:16], 16)
            self.n_pending += 1
            if job.key not in out and mark not in self._gathered:
                self._gathered.add(mark)
                self._packer.add(job)
            job.settle(Failure(FailureKind.PENDING, "it is out"))

    def _settle(self, job: Job, reply: Reply | Failure) -> None:
        self.tally.reused += not isinstance(reply, Failure)
        job.settle(reply)
