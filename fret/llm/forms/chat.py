"""Chat: text, or JSON of a shape, from `/v1/chat/completions`."""

import json
import re
from functools import cache
from typing import Any

import orjson
from pydantic import BaseModel

from fret.llm.forms.reading import ODD_ANSWER, Way, describe, usage_of
from fret.llm.openai_models import Reasoning, reasoning_of, takes_new_limit
from fret.llm.types import Chat, ChatReply, Failure, FailureKind, Messages, Reply, Usage

PATH = "/v1/chat/completions"

# What a reasoning model thinks aloud before it answers. Templates that put the opening mark into
# the prompt leave only the closing one in the answer; a thought that was cut has none.
_THOUGHT = re.compile(r"\A(?:.*?</think>|\s*<think>.*)\s*", re.DOTALL)


def make_chat_body(
    model: str, messages: Messages, limit: int, temperature: float
) -> dict[str, Any]:
    """Return the fields that every chat request has."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": role, "content": text} for role, text in messages],
        "max_completion_tokens" if takes_new_limit(model) else "max_tokens": limit,
    }
    reasoning = reasoning_of(model)
    if reasoning is not Reasoning.ALWAYS:  # those refuse any temperature but their own
        body["temperature"] = temperature
    if reasoning is Reasoning.UNLESS_TOLD:
        body["reasoning_effort"] = "none"
    return body


def _make_body(request: Chat, model: str, _: tuple[int, ...]) -> dict[str, Any]:
    body = make_chat_body(model, request.messages, request.max_tokens, request.temperature)
    if request.sample:  # a further draw, which the server must not answer like the first
        body["seed"] = request.sample
    return body


@cache
def _schema_of(shape: type[BaseModel]) -> orjson.Fragment:
    # Kept: pydantic makes it anew each time, which takes as long as sending a request.
    schema = shape.model_json_schema()
    schema.pop("description", None)  # the docstring speaks to who reads the code
    return orjson.Fragment(orjson.dumps(schema))  # servers let a model write in this order


def _with_schema(request: Chat, model: str, ids: tuple[int, ...]) -> dict[str, Any]:
    body = _make_body(request, model, ids)
    if request.shape is not None:
        schema = {"name": "answer", "strict": True, "schema": _schema_of(request.shape)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


def _with_structure(request: Chat, model: str, ids: tuple[int, ...]) -> dict[str, Any]:
    body = _make_body(request, model, ids)
    if request.shape is not None:
        body["structured_outputs"] = {"json": _schema_of(request.shape)}
    return body


def _with_object(request: Chat, model: str, ids: tuple[int, ...]) -> dict[str, Any]:
    body = _make_body(request, model, ids)
    if request.shape is not None:
        body["response_format"] = {"type": "json_object"}
    return body


def text_of(message: dict[str, Any]) -> str:
    """Return the text of a message, without thoughts; some servers send it in parts."""
    content = message.get("content") or ""
    if isinstance(content, list):
        content = "".join(str(part.get("text") or "") for part in content)
    return without_thoughts(str(content))


def without_thoughts(text: str) -> str:
    """Return what a reasoning model says after it has thought aloud."""
    return _THOUGHT.sub("", text)


def read_message(data: dict[str, Any]) -> tuple[str, Usage] | Failure:
    """Read what the model said, without its thoughts."""
    choice = data["choices"][0]
    message = choice["message"]
    if message.get("refusal"):
        return Failure(FailureKind.REFUSED, str(message["refusal"]))
    if choice.get("finish_reason") == "content_filter":
        return Failure(FailureKind.REFUSED, "the server's content filter stopped the answer")
    text = text_of(message)
    if choice.get("finish_reason") == "length":
        return Failure(FailureKind.CUT, f"the answer hit the token limit: {text[-80:]!r}")
    if not text.strip():
        return Failure(FailureKind.EMPTY, "the answer is empty")
    return text, usage_of(data)


def _read(request: Chat, data: dict[str, Any]) -> Reply | Failure:
    said = read_message(data)
    if isinstance(said, Failure):
        return said
    text, usage = said
    if request.shape is None:
        return ChatReply(text, usage)
    return read_shape(request, text, usage)


def read_shape(request: Chat, text: str, usage: Usage) -> Reply | Failure:
    """Read JSON of the request's shape from what a model said.

    The model may have put words or a code fence around it, and more fields than asked for.
    """
    assert request.shape is not None
    try:
        data = _find_object(text, request.shape)
        known = {key: value for key, value in data.items() if key in request.shape.model_fields}
        found = request.shape.model_validate(known)
    except ODD_ANSWER as error:  # pydantic's and json's errors are ValueErrors
        return Failure(FailureKind.UNREADABLE, f"{describe(error)}; it said {text[:100]!r}")
    refused = request.refuse(found) if request.refuse else None
    return refused or ChatReply(text, usage, found)


def _find_object(text: str, shape: type[BaseModel]) -> dict[str, Any]:
    """Return the first JSON object in a text that has a field of the shape."""
    try:
        data = orjson.loads(text)
        if isinstance(data, dict):
            return data
    except orjson.JSONDecodeError:
        pass
    decoder, first_error = json.JSONDecoder(strict=False), None
    # Bounded: a model may write braces without end, and each is tried only from its own place.
    for start in [match.start() for match in re.finditer(r"\{", text)][:20]:
        try:
            data, _ = decoder.raw_decode(text, start)
        except ValueError as error:
            first_error = first_error or error
            continue
        if isinstance(data, dict) and data.keys() & shape.model_fields.keys():
            return data
    raise first_error or ValueError("there is no JSON object in the answer")


CHAT_WAYS = {
    "json_schema": Way(PATH, _with_schema, _read),
    "structured_outputs": Way(PATH, _with_structure, _read),
    "json_object": Way(PATH, _with_object, _read),
    "text": Way(PATH, _make_body, _read),
}
