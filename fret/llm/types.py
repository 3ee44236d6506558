"""What may be asked of a language model, and what comes back.

Three kinds of request: `Chat` (text), `Likelihood` (log-probability of a continuation given a
prompt) and `Labels` (log-probability of each of a few labels). A backend turns a request into bytes
to send and the bytes of the answer into a reply; `fret.llm.pool` does the sending.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from pydantic import BaseModel

Messages = tuple[tuple[str, str], ...]
"""(role, text) pairs: system, user and assistant turns."""


@dataclass(frozen=True, slots=True)
class Chat:
    """Ask for text; with `shape`, for JSON that this pydantic model accepts."""

    messages: Messages
    max_tokens: int
    temperature: float = 0.0
    shape: type[BaseModel] | None = None
    sample: int = 0
    """Number of this draw among equal requests; from the second on it is sent as the seed."""
    refuse: "Callable[[BaseModel], Failure | None] | None" = field(default=None, compare=False)
    """Says what is wrong with an answer of the right shape, such as an echo of the prompt; no part
    of what is asked."""


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Ask for log P(continuation | prompt)."""

    prompt: str
    continuation: str


@dataclass(frozen=True, slots=True)
class Labels:
    """Ask for the log-probability of each label as the next thing that the assistant says."""

    messages: Messages
    labels: tuple[str, ...]


Request = Chat | Likelihood | Labels


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer, as the server counted them."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """How many of the input tokens the server had cached, and sells cheaper."""


@dataclass(frozen=True, slots=True)
class ChatReply:
    text: str
    usage: Usage
    data: BaseModel | None = None
    """The text as the shape that was asked for."""


@dataclass(frozen=True, slots=True)
class LikelihoodReply:
    logprob: float
    """Sum over the continuation's tokens, in nats."""
    n_tokens: int
    usage: Usage


@dataclass(frozen=True, slots=True)
class LabelsReply:
    logprobs: tuple[float, ...]
    """One per label, in nats, in the order asked."""
    missing: tuple[str, ...]
    """Labels that the server did not report; theirs is the smallest log-probability it reported."""
    usage: Usage
    way: str = ""
    """How they were got, where not from log-probabilities of tokens."""


Reply = ChatReply | LikelihoodReply | LabelsReply


class FailureKind(StrEnum):
    """Why a request has no usable answer although the server is well."""

    REFUSED = "refused"
    """The model declined, or a content filter did."""
    CUT = "cut"
    """The answer hit the token limit."""
    EMPTY = "empty_answer"
    """The answer holds nothing."""
    UNREADABLE = "unreadable_answer"
    """The answer is not what was asked for."""
    ECHO = "echo_of_the_prompt"
    """The answer repeats an example of the prompt."""
    LANGUAGE = "wrong_language"
    """The answer is in another language than it should be."""
    REJECTED = "rejected_request"
    """The server calls this one request wrong (too long, for example)."""
    FAULT = "server_fault"
    """The server fails at this request again and again, though it answers others."""
    PENDING = "pending"
    """Not answered yet: the request travels by batch or file. Never seen in a finished shard."""
    COUNTED = "counted"
    """Only counted, for an estimate: nobody is asked. Likewise never seen in a shard."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A request without a usable answer; a value, for one row's loss stops nothing."""

    kind: FailureKind
    detail: str
    usage: Usage = field(default_factory=Usage, compare=False)
    """Tokens of the answer that could not be used: they are paid as well."""


@dataclass(slots=True)
class Tally:
    """What a model has handed out, and what it took to get it."""

    requests: int = 0
    """Replies handed out; the same whether asked now or found in the store."""
    input_tokens: int = 0
    output_tokens: int = 0
    sent: int = 0
    reused: int = 0
    unknown: int = 0
    """Requests sent whose answer was lost on the way; they may have been paid."""
    usd: float = 0.0
    """What was paid now, where the price is known."""

    def count(self, reply: Reply | Failure) -> Reply | Failure:
        """Note a reply that is handed out, also for the piece of work that asked for it."""
        for tally in (self, _WORK.get()):
            if tally is not None:
                tally.requests += 1
                if not isinstance(reply, Failure):
                    tally.input_tokens += reply.usage.input_tokens
                    tally.output_tokens += reply.usage.output_tokens
        return reply


_WORK: "ContextVar[Tally | None]" = ContextVar("work", default=None)


@contextmanager
def counted_for(tally: Tally) -> Iterator[None]:
    """Count replies that are handed out in this thread for one piece of work, such as a shard."""
    token = _WORK.set(tally)
    try:
        yield
    finally:
        _WORK.reset(token)


class LLM(Protocol):
    """A language model as the stages see it."""

    name: str
    """What to call the model in records."""
    tally: Tally

    def ask(self, requests: Iterable[Request]) -> Iterator[Reply | Failure]:
        """Answer requests in their order; they are pulled as there is room for them."""
        ...
