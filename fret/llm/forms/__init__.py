"""The ways to ask each kind of request of a server: what is sent, and how the answer is read.

    chat          json_schema, structured_outputs, json_object, text
    labels        token_ids, top_logprobs, decisions, score, text
    likelihood    generate, echo, prompt_logprobs

All of it is pure: an answer read from the store gives the same reply as one that has just arrived.
Which way a server can do, `fret.llm.probe` finds out; nothing else knows one server from another.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import orjson

from fret.llm.forms.chat import CHAT_WAYS
from fret.llm.forms.labels import LABELS_WAYS, TEXT_TOKENS
from fret.llm.forms.likelihood import LIKELIHOOD_WAYS, is_kept, keep_continuation, read_kept
from fret.llm.forms.reading import (
    ODD_ANSWER,
    Transient,
    Way,
    describe,
    excerpt,
    load_json,
    usage_of,
)
from fret.llm.types import (
    Chat,
    Failure,
    FailureKind,
    Labels,
    Likelihood,
    LikelihoodReply,
    Reply,
    Request,
)

WAYS: Mapping[str, Mapping[str, Way]] = {
    "chat": CHAT_WAYS,
    "labels": LABELS_WAYS,
    "likelihood": LIKELIHOOD_WAYS,
}

_KINDS: dict[type[Any], str] = {Chat: "chat", Labels: "labels", Likelihood: "likelihood"}


def kind_of(request: Request) -> str:
    return _KINDS[type(request)]


@dataclass(frozen=True, slots=True)
class Form:
    """One way of asking, for one model: with it a request becomes bytes and bytes a reply."""

    kind: str
    way: str
    model: str
    extra: Mapping[str, Any]
    """Fields for every body, from the pipeline file."""
    label_ids: tuple[int, ...] = ()
    """The labels' tokens under the model's tokenizer, for the ways that name them."""

    @property
    def path(self) -> str:
        """Where it is posted, from the server's root."""
        return self._way.path

    @property
    def joins(self) -> bool:
        """Whether several bodies may travel as one."""
        return self._way.join is not None

    @property
    def _way(self) -> Way:
        return WAYS[self.kind][self.way]

    def body_of(self, request: Request) -> bytes:
        """Return the canonical JSON of all that reaches the model."""
        body = self._way.make_body(request, self.model, self.label_ids)
        return dump_json({**body, **self.extra})

    def join(self, requests: Sequence[Request]) -> bytes:
        """Make one body that asks all of several."""
        assert self._way.join is not None
        bodies = [self._way.make_body(request, self.model, ()) for request in requests]
        return dump_json({**self._way.join(bodies), **self.extra})

    def read_joined(
        self, requests: Sequence[Request], raw: bytes
    ) -> list[tuple[bytes, Reply | Failure]]:
        """Take the answer to a joined body apart: for each request its own answer and reply.

        Raises:
            Transient: it is not an answer to as many.
        """
        assert self._way.split is not None
        try:
            parts = self._way.split(load_json(raw), len(requests))
        except ODD_ANSWER as error:
            raise Transient(f"its answer to {len(requests)} prompts: {describe(error)}") from None
        replies = [
            self._read(request, part, raw) for request, part in zip(requests, parts, strict=True)
        ]
        return [
            (dump_json(self._kept(reply, part)), reply)
            for reply, part in zip(replies, parts, strict=True)
        ]

    def read_new(self, request: Request, raw: bytes) -> tuple[bytes, Reply | Failure]:
        """Read an answer that has just arrived; return what of it to store, and the reply.

        Raises:
            Transient: as `read`.
        """
        reply = self.read(request, raw)
        if isinstance(reply, LikelihoodReply):
            return dump_json(self._kept(reply, load_json(raw))), reply
        return raw, reply

    def _kept(self, reply: Reply | Failure, data: Any) -> Any:
        return keep_continuation(reply, data) if isinstance(reply, LikelihoodReply) else data

    def read(self, request: Request, raw: bytes) -> Reply | Failure:
        """Read the bytes of an answer with status 200.

        Raises:
            Transient: the bytes are no answer of such a server at all (HTML, cut JSON, an error in
                disguise).
        """
        data = load_json(raw)
        if self.kind == "likelihood" and is_kept(data):
            return self._read_with(read_kept, data, raw)
        if not self._way.is_answer(data):
            raise Transient(f"its answer is none: {excerpt(raw)}")
        return self._read(request, data, raw)

    def _read(self, request: Request, data: Any, raw: bytes) -> Reply | Failure:
        return self._read_with(partial(self._way.read, request), data, raw)

    def _read_with(
        self, read: Callable[[Any], Reply | Failure], data: Any, raw: bytes
    ) -> Reply | Failure:
        try:
            reply = read(data)
        except ODD_ANSWER as error:
            reply = Failure(FailureKind.UNREADABLE, f"{describe(error)}: {excerpt(raw)}")
        if isinstance(reply, Failure) and isinstance(data, dict):
            return replace(reply, usage=usage_of(data))
        return reply

    def longest_output(self, request: Request) -> int:
        """Return how many tokens may be generated, also where the pipeline file says so."""
        if isinstance(request, Chat):
            most = request.max_tokens
        else:
            most = TEXT_TOKENS if self.way == "text" else 1
        limits = [self.extra.get(name) for name in ("max_tokens", "max_completion_tokens")]
        most = max([most, *(limit for limit in limits if isinstance(limit, int))])
        n = self.extra.get("n", 1)
        return most * n if isinstance(n, int) else most


def dump_json(data: Any) -> bytes:
    """Write JSON with sorted keys: equal requests give equal bytes.

    What is a `Fragment` already stays as it is: models write the fields of a schema in its order.
    """
    try:
        return orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # half of a surrogate pair, or a number beyond 64 bits: JSON all the same
        return json.dumps(_sort(data), separators=(",", ":")).encode()


def _sort(data: Any) -> Any:
    if isinstance(data, orjson.Fragment):
        return json.loads(orjson.dumps(data))
    if isinstance(data, dict):
        return {key: _sort(value) for key, value in sorted(data.items())}
    return [_sort(item) for item in data] if isinstance(data, list | tuple) else data
