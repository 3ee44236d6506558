"""What is sent to OpenAI-compatible servers, and what is made of what they answer, however odd."""

import json
import math
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from fret.llm.forms import Form, kind_of
from fret.llm.forms.reading import Transient
from fret.llm.sender import parse_retry_after
from fret.llm.types import (
    Chat,
    ChatReply,
    Failure,
    FailureKind,
    Labels,
    LabelsReply,
    Likelihood,
    LikelihoodReply,
    Reply,
    Request,
)

MESSAGES = (("system", "s"), ("user", "u"))
LABELS = Labels(MESSAGES, ("0", "1", "2", "3"))


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")

    task: str
    query: str


CHAT = Chat(MESSAGES, max_tokens=9, temperature=0.5, shape=Shape)


WAYS = {"chat": "json_schema", "labels": "top_logprobs", "likelihood": "echo"}


def form_of(
    kind: str, way: str = "", model: str = "m", ids: tuple[int, ...] = (), **extra: Any
) -> Form:
    return Form(kind, way or WAYS[kind], model, extra, ids)


def body(request: Request, model: str = "m", way: str = "", **extra: Any) -> dict[str, Any]:
    data = json.loads(form_of(kind_of(request), way, model, **extra).body_of(request))
    assert isinstance(data, dict)
    return data


def read_answer(request: Request, raw: bytes, way: str = "") -> Reply | Failure:
    return form_of(kind_of(request), way).read(request, raw)


def chat_answer(content: str | None, **message: Any) -> bytes:
    finish = message.pop("finish_reason", "stop")
    choice = {"message": {"content": content, **message}, "finish_reason": finish}
    return json.dumps(
        {"choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 2}}
    ).encode()


def label_answer(top: list[tuple[str, float]]) -> bytes:
    items = [{"token": token, "logprob": logprob} for token, logprob in top]
    content = [{**items[0], "top_logprobs": items}]
    return json.dumps({"choices": [{"logprobs": {"content": content}}]}).encode()


def test_the_shared_part_comes_first_and_nothing_else_is_sent() -> None:
    sent = body(CHAT)
    assert [m["role"] for m in sent["messages"]] == ["system", "user"]
    assert set(sent) == {"model", "messages", "max_tokens", "temperature", "response_format"}
    schema = sent["response_format"]["json_schema"]["schema"]
    assert schema["additionalProperties"] is False and set(schema["required"]) == {"task", "query"}
    assert "response_format" not in body(CHAT, way="text")
    assert body(CHAT, chat_template_kwargs={"enable_thinking": False})["chat_template_kwargs"]


@pytest.mark.parametrize(
    ("model", "field"), [("gpt-6-luna", "max_completion_tokens"), ("Qwen/Qwen3-8B", "max_tokens")]
)
def test_newer_models_of_openai_get_their_own_name_for_the_limit(model: str, field: str) -> None:
    assert body(CHAT, model)[field] == 9


def test_a_further_sample_is_another_request_on_the_wire() -> None:
    first, second = (body(Chat(MESSAGES, 9, sample=n)) for n in (0, 1))
    assert "seed" not in first and second["seed"] == 1


@pytest.mark.parametrize(
    "text",
    [
        '{"task": "t", "query": "q"}',
        'Sure:\n```json\n{"task": "t", "query": "q"}\n```\nDone.',
        '{"task": "t", "query": "q", "note": "more"}',
        '{"query": "q",\n "task": "t"}',
    ],
)
def test_json_is_found_in_what_a_model_says(text: str) -> None:
    reply = read_answer(CHAT, chat_answer(text))
    assert isinstance(reply, ChatReply) and reply.data == Shape(task="t", query="q")
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (5, 2)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (chat_answer(None, refusal="no"), FailureKind.REFUSED),
        (chat_answer("x", finish_reason="content_filter"), FailureKind.REFUSED),
        (chat_answer('{"task": "t", "qu', finish_reason="length"), FailureKind.CUT),
        (chat_answer(""), FailureKind.EMPTY),
        (chat_answer("no json here"), FailureKind.UNREADABLE),
        (chat_answer('{"task": "t"}'), FailureKind.UNREADABLE),
        (chat_answer('{"task": 5, "query": "q"}'), FailureKind.UNREADABLE),
        (chat_answer("[1, 2]"), FailureKind.UNREADABLE),
        (b'{"choices": [{"finish_reason": "stop"}]}', FailureKind.UNREADABLE),
    ],
)
def test_each_unusable_answer_has_its_own_kind(raw: bytes, kind: FailureKind) -> None:
    reply = read_answer(CHAT, raw)
    assert isinstance(reply, Failure) and reply.kind == kind and reply.detail


@pytest.mark.parametrize(
    "raw",
    [
        b"<html>bad gateway</html>",
        b'{"choices": [{"mess',
        b'{"error": {"message": "busy"}}',
        b'{"choices": []}',
        b"[]",
        b"",
        b"\xff\xfe",
    ],
)
def test_what_is_no_answer_at_all_may_be_sent_again(raw: bytes) -> None:
    with pytest.raises(Transient):
        read_answer(CHAT, raw)


def test_label_variants_add_up() -> None:
    reply = read_answer(
        LABELS,
        label_answer(
            [("3", math.log(0.5)), (" 3", math.log(0.25)), ("2", -2.0), ("1", -3.0), ("0\n", -4.0)]
        ),
    )
    assert isinstance(reply, LabelsReply) and reply.missing == ()
    assert reply.logprobs == pytest.approx((-4.0, -3.0, -2.0, math.log(0.75)))


def test_a_missing_label_is_bounded_and_named_never_zero() -> None:
    reply = read_answer(LABELS, label_answer([("3", -0.1), ("2", -2.5), ("The", -7.0)]))
    assert isinstance(reply, LabelsReply)
    assert reply.missing == ("0", "1")
    assert reply.logprobs == pytest.approx((-7.0, -7.0, -2.5, -0.1))


@pytest.mark.parametrize(
    "raw",
    [
        label_answer([("<think>", -0.01), ("Okay", -4.0)]),
        b'{"choices": [{"logprobs": null}]}',
        b'{"choices": [{}]}',
    ],
)
def test_no_label_among_the_tokens_is_a_failure(raw: bytes) -> None:
    assert isinstance(read_answer(LABELS, raw), Failure)


def likelihood_answer(tokens: list[str], values: list[float | None], offsets: bool) -> bytes:
    logprobs: dict[str, Any] = {"tokens": tokens, "token_logprobs": values}
    if offsets:
        logprobs["text_offset"] = [len("".join(tokens[:i])) for i in range(len(tokens))]
    return json.dumps({"choices": [{"logprobs": logprobs}]}).encode()


@pytest.mark.parametrize("offsets", [True, False])
def test_likelihood_takes_exactly_the_continuation(offsets: bool) -> None:
    """Not the prompt, and not the token that was generated after it."""
    request = Likelihood("Passage: x\nQuery:", " how old")
    tokens = ["Passage", ":", " x", "\n", "Query", ":", " how", " old", "?"]
    values = [None, -9.0, -9.0, -9.0, -9.0, -9.0, -1.5, -0.25, -9.0]
    reply = read_answer(request, likelihood_answer(tokens, values, offsets))
    assert isinstance(reply, LikelihoodReply)
    assert (reply.logprob, reply.n_tokens) == (pytest.approx(-1.75), 2)


def test_missing_prompt_log_probabilities_are_a_failure_not_zero() -> None:
    request = Likelihood("a", " b")
    for raw in (
        b'{"choices": [{"text": "a b"}]}',
        likelihood_answer(["a", " b"], [None, None], True),
    ):
        assert isinstance(read_answer(request, raw), Failure)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "3600"}, 3600.0),
        ({"retry-after-ms": "150"}, 0.15),
        ({}, None),
    ]
    + [({"retry-after": value}, None) for value in ("-1", "inf", "nan", "soon", "Wed, 21 Oct")],
)
def test_retry_after_is_read_or_passed_over(headers: dict[str, str], seconds: float | None) -> None:
    assert parse_retry_after(headers) == (None if seconds is None else pytest.approx(seconds))
