"""A model that only counts what it is asked, to say what a run will need; nothing is sent."""

from collections.abc import Iterable, Iterator
from itertools import islice

from fret.llm.shelf import Shelf
from fret.llm.types import Failure, FailureKind, Reply, Request, Tally, Usage

# English prose has about four and a half bytes a token under most tokenizers; code, tables and
# other languages have fewer. Chinese and Japanese come near two, of three bytes a character.
_BYTES_PER_TOKEN = (5.0, 2.5)
# How much of the room for an answer is used at least: a task and a query take some forty tokens.
_LEAST_OUTPUT = 0.1
_BUNCH = 500


class CountingLLM:
    """Counts requests and bytes; answers nothing."""

    def __init__(self, shelf: Shelf) -> None:
        self.name = shelf.source.model
        self.tally = Tally()
        self.stored = 0
        """Requests whose answers are in the store already."""
        self._shelf = shelf
        self._seen: set[int] = set()
        self._n_bytes = self._n_output = 0

    @property
    def requests(self) -> int:
        """Requests that would be sent, equal ones once."""
        return self.tally.sent

    def ask(self, requests: Iterable[Request]) -> Iterator[Reply | Failure]:
        pulled = iter(requests)
        while bunch := list(islice(pulled, _BUNCH)):
            self._count(bunch)
            for _ in bunch:
                yield self.tally.count(Failure(FailureKind.COUNTED, "only counted"))

    def tokens(self) -> tuple[Usage, Usage]:
        """Return the least and the most tokens that the requests may take."""
        low, high = (int(self._n_bytes / per_token) for per_token in _BYTES_PER_TOKEN)
        least = min(self._n_output, max(self.requests, int(self._n_output * _LEAST_OUTPUT)))
        return Usage(low, least), Usage(high, self._n_output)

    def _count(self, bunch: list[Request]) -> None:
        jobs = {job.key: job for job in map(self._shelf.make_job, bunch)}
        # 64 of a key's 256 bits: among a billion requests one may be missed.
        fresh = {key: job for key, job in jobs.items() if int(key[:16], 16) not in self._seen}
        self._seen.update(int(key[:16], 16) for key in fresh)
        known = self._shelf.store.have(list(fresh))
        self.stored += len(known)
        for key, job in fresh.items():
            if key not in known:
                self.tally.sent += 1
                self._n_bytes += len(job.body)
                self._n_output += job.form.longest_output(job.request)
