"""Ask one question per candidate, and gather the answers by query."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from fret.llm.types import LLM, Failure, Reply, Request
from fret.records import Passage, Query
from fret.scorers import Group, Score


def ask_grouped(
    llm: LLM,
    groups: Iterable[Group],
    make_request: Callable[[Query, Passage], Request],
    read: Callable[[Reply | Failure], Score],
) -> Iterator[list[Score]]:
    """Yield the scores of each group.

    All groups share one stream of requests, so none waits for another.
    """
    sizes: deque[int] = deque()

    def requests() -> Iterator[Request]:
        for query, passages in groups:
            sizes.append(len(passages))
            for passage in passages:
                yield make_request(query, passage)

    scores: list[Score] = []
    for reply in llm.ask(requests()):
        yield from _take_empty(sizes)
        scores.append(read(reply))
        if len(scores) == sizes[0]:
            sizes.popleft()
            yield scores
            scores = []
    yield from _take_empty(sizes)


def _take_empty(sizes: deque[int]) -> Iterator[list[Score]]:
    """Take groups without candidates from the front: no reply will come for them."""
    while sizes and sizes[0] == 0:
        sizes.popleft()
        yield []
