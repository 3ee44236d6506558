"""A language model's word on a query: answerable from its passage, natural, self-contained."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict

from fret.llm.types import LLM, Chat, ChatReply, Failure, FailureKind, Reply
from fret.prompts import Prompt
from fret.reasons import Reason
from fret.records import Dropped, Passage, Query

# Where a query is only counted, for an estimate: about as long as one will be.
_ANY_TASK = "Given a question about the subject, retrieve a passage that answers it."
_ANY_QUERY = "how long does the average query of this kind have to be"


def _require_mark(value: int) -> int:
    if not 1 <= value <= 5:
        raise ValueError("a mark is from 1 to 5")
    return value


# The check is not part of the JSON schema: servers differ in which constraints they know.
_Mark = Annotated[int, AfterValidator(_require_mark)]


class Marks(BaseModel):
    """What the model is to answer: marks from 1 (not at all) to 5 (fully)."""

    model_config = ConfigDict(extra="forbid")

    answerable: _Mark
    natural: _Mark
    self_contained: _Mark


class Checked(NamedTuple):
    """A query on its way, with its seed; what has none is not judged."""

    query: Query | Dropped
    passage: Passage | None


class QueryJudge:
    """Asks a chat model for marks; drops a query for which one is below the least.

    Args:
        least: for each field of `Marks` its least mark.
    """

    def __init__(
        self, llm: LLM, prompt: Prompt, *, least: Mapping[str, int], max_tokens: int
    ) -> None:
        self._llm, self._prompt = llm, prompt
        self._least, self._max_tokens = dict(least), max_tokens

    def judge(self, rows: Iterable[Checked]) -> Iterator[Query | Dropped]:
        """Yield the queries in their order; all share one stream of requests."""
        waiting: deque[tuple[Query | Dropped, bool]] = deque()

        def requests() -> Iterator[Chat]:
            for query, passage in rows:
                asked = passage is not None and (isinstance(query, Query) or _is_counted(query))
                waiting.append((query, asked))
                if asked and passage is not None:
                    yield self._request(query, passage)

        for reply in self._llm.ask(requests()):
            yield from _take_unasked(waiting)
            query, _ = waiting.popleft()
            yield self._read(query, reply)
        yield from _take_unasked(waiting)

    def _request(self, query: Query | Dropped, passage: Passage) -> Chat:
        task, text = _ANY_TASK, _ANY_QUERY
        if isinstance(query, Query):
            task, text = query.task, query.text
        messages = self._prompt.as_chat(
            passage=passage.text, title=passage.full_title, task=task, query=text
        )
        return Chat(tuple(messages), self._max_tokens, shape=Marks)

    def _read(self, query: Query | Dropped, reply: Reply | Failure) -> Query | Dropped:
        if isinstance(query, Dropped):
            return query
        if isinstance(reply, Failure):
            return Dropped("queries", query.id, reply.kind, f"the judge: {reply.detail}")
        assert isinstance(reply, ChatReply) and isinstance(reply.data, Marks)
        marks = reply.data.model_dump()
        low = [f"{name} {marks[name]} of 5" for name in marks if marks[name] < self._least[name]]
        if not low:
            return query
        detail = f"{', '.join(low)}: {query.text[:80]!r}"
        return Dropped("queries", query.id, Reason.FAILED_JUDGE, detail)


def _is_counted(dropped: Dropped) -> bool:
    return dropped.reason == FailureKind.COUNTED


def _take_unasked(waiting: deque[tuple[Query | Dropped, bool]]) -> Iterator[Query | Dropped]:
    while waiting and not waiting[0][1]:
        yield waiting.popleft()[0]
