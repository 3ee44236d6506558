"""Chat in all its ways: what is sent, and what is made of what a server answers, however odd."""

import json
import random
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from fret.llm.forms import WAYS, Form, dump_json, kind_of
from fret.llm.forms.reading import Transient, load_json, usage_of
from fret.llm.openai_models import Reasoning, reasoning_of, takes_new_limit
from fret.llm.types import (
    Chat,
    ChatReply,
    Failure,
    FailureKind,
    Labels,
    Likelihood,
    Reply,
    Request,
    Usage,
)

MESSAGES = (("system", "s"), ("user", "u"))


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")

    task: str
    query: str


CHAT = Chat(MESSAGES, max_tokens=9, temperature=0.5, shape=Shape)
FREE = Chat(MESSAGES, max_tokens=9)


def body(
    request: Chat = CHAT, model: str = "m", way: str = "json_schema", **extra: Any
) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(Form("chat", way, model, extra).body_of(request))
    return data


def read(request: Chat, raw: bytes, way: str = "json_schema") -> Reply | Failure:
    return Form("chat", way, "m", {}).read(request, raw)


def answer(content: Any, finish: str = "stop", **message: Any) -> bytes:
    choice = {"message": {"content": content, **message}, "finish_reason": finish}
    usage = {"prompt_tokens": 5, "completion_tokens": 2}
    return json.dumps({"choices": [choice], "usage": usage}).encode()


def text_of(reply: Reply | Failure) -> str:
    assert isinstance(reply, ChatReply), reply
    return reply.text


# What is sent.


def test_the_shared_part_comes_first_and_nothing_else_is_sent() -> None:
    sent = body()
    assert [m["role"] for m in sent["messages"]] == ["system", "user"]
    assert set(sent) == {"model", "messages", "max_tokens", "temperature", "response_format"}
    schema = sent["response_format"]["json_schema"]["schema"]
    assert schema["additionalProperties"] is False and set(schema["required"]) == {"task", "query"}
    assert body(chat_template_kwargs={"enable_thinking": False})["chat_template_kwargs"]


def test_each_way_asks_for_json_as_its_servers_know_it() -> None:
    plain = body(way="text")
    assert set(plain) == {"model", "messages", "max_tokens", "temperature"}
    assert body(way="json_object") == plain | {"response_format": {"type": "json_object"}}
    schema = body()["response_format"]["json_schema"]
    assert schema["strict"] is True
    assert body(way="structured_outputs") == plain | {
        "structured_outputs": {"json": schema["schema"]}
    }


@pytest.mark.parametrize("way", WAYS["chat"])
def test_text_without_a_shape_is_asked_for_in_the_same_way_everywhere(way: str) -> None:
    assert body(FREE, way=way) == body(FREE, way="text")


def test_fields_of_the_pipeline_file_are_sent_and_prevail() -> None:
    sent = body(temperature=0.9, top_p=0.5)
    assert (sent["temperature"], sent["top_p"]) == (0.9, 0.5)


def test_a_further_sample_is_another_request_on_the_wire() -> None:
    first, second = (body(Chat(MESSAGES, 9, sample=n)) for n in (0, 1))
    assert "seed" not in first and second["seed"] == 1


def test_equal_requests_give_equal_bytes() -> None:
    forward, backward = ({"b": 1, "a": {"d": "ü", "c": 2.5}}, {"a": {"c": 2.5, "d": "ü"}, "b": 1})
    assert dump_json(forward) == dump_json(backward)
    forms = [Form("chat", "text", "m", fields) for fields in (forward, backward)]
    assert forms[0].body_of(CHAT) == forms[1].body_of(CHAT)
    assert forms[0].body_of(CHAT) != forms[0].body_of(FREE)


class Ordered(BaseModel):
    """What is written first decides what comes after."""

    reason: str
    answer: str
    doubt: str


@pytest.mark.parametrize("text", ["Write.", "half \ud83d of a pair"])
@pytest.mark.parametrize("way", ["json_schema", "structured_outputs"])
def test_a_schema_keeps_the_order_of_its_fields_and_tells_nothing_else(text: str, way: str) -> None:
    chat = Chat((("user", text),), 9, shape=Ordered)
    forms = [Form("chat", way, "m", extra) for extra in ({"y": 1, "x": 2}, {"x": 2, "y": 1})]
    raw = forms[0].body_of(chat)
    assert raw == forms[1].body_of(chat)
    places = [raw.index(f'"{name}":{{'.encode()) for name in ("reason", "answer", "doubt")]
    assert places == sorted(places)
    assert list(json.loads(raw)) == sorted(json.loads(raw))
    assert b"description" not in raw and b"decides" not in raw


@pytest.mark.parametrize("odd", ["half \ud83d of a pair", 2**80, "\x00", "\u2028", "🙂"])
def test_whatever_a_page_holds_can_be_sent(odd: Any) -> None:
    raw = dump_json({"z": odd, "a": [odd]})
    assert json.loads(raw) == {"a": [odd], "z": odd}
    assert raw.index(b'"a"') < raw.index(b'"z"')


def test_each_kind_of_request_has_its_ways() -> None:
    requests: dict[str, Request] = {
        "chat": CHAT,
        "labels": Labels(MESSAGES, ("0", "1")),
        "likelihood": Likelihood("a", " b"),
    }
    assert {kind: kind_of(request) for kind, request in requests.items()} == {k: k for k in WAYS}
    for kind, ways in WAYS.items():
        for way in ways:
            form = Form(kind, way, "m", {}, (1, 2))
            assert form.path.startswith("/") and json.loads(form.body_of(requests[kind]))
            assert form.longest_output(requests[kind]) >= 1


# OpenAI's own models (knowledge/apis.md, 1.1).


@pytest.mark.parametrize(
    ("models", "reasoning", "new_limit"),
    [
        ("o1 o3 o3-mini o4-mini gpt-5 gpt-5-mini gpt-5-nano gpt-5-pro", Reasoning.ALWAYS, True),
        ("gpt-5-2025-08-07 gpt-5-mini-2025-08-07", Reasoning.ALWAYS, True),
        ("gpt-6-astra gpt-6.1-sol", Reasoning.ALWAYS, True),
        ("gpt-5.1 gpt-5.2 gpt-5.4 gpt-5.4-2026-03-05", Reasoning.NO, True),
        ("gpt-5.5 gpt-5.6 gpt-6-sol gpt-6-luna", Reasoning.UNLESS_TOLD, True),
        ("gpt-4o gpt-4o-mini gpt-4.1 gpt-4.1-mini", Reasoning.NO, False),
        ("Qwen/Qwen3-8B openai/gpt-oss-20b tiny olmo ollama/o3", Reasoning.NO, False),
    ],
)
def test_each_family_of_models_is_known(models: str, reasoning: Reasoning, new_limit: bool) -> None:
    for model in models.split():
        assert (reasoning_of(model), takes_new_limit(model)) == (reasoning, new_limit), model
        sent = body(model=model)
        assert sent["max_completion_tokens" if new_limit else "max_tokens"] == 9
        assert ("temperature" in sent) == (reasoning is not Reasoning.ALWAYS)
        assert sent.get("reasoning_effort") == (
            "none" if reasoning is Reasoning.UNLESS_TOLD else None
        )


# What comes back.


@pytest.mark.parametrize(
    "said",
    [
        '{"task": "t", "query": "q"}',
        'Sure:\n```json\n{"task": "t", "query": "q"}\n```\nDone.',
        '{"task": "t", "query": "q", "note": "more"}',
        '{"query": "q",\n "task": "t"}',
        'As {asked} for, in {"json"} : {} {"no": 1} {"task": "t", "query": "q"}',
        '{"task": "t", "query": "q"} or {"task": "other", "query": "other"}',
        '<think>{"task": "draft", "query": "draft"}</think>\n{"task": "t", "query": "q"}',
        'Hm, {"task": "draft", "query": "draft"}.\n</think>\n\n{"task": "t", "query": "q"}',
        '[{"task": "t", "query": "q"}]',
        "{" * 15 + ' {"task": "t", "query": "q"}',
    ],
)
@pytest.mark.parametrize("way", WAYS["chat"])
def test_json_is_found_in_what_a_model_says(said: str, way: str) -> None:
    reply = read(CHAT, answer(said), way)
    assert isinstance(reply, ChatReply) and reply.data == Shape(task="t", query="q")
    assert reply.usage == Usage(5, 2)


def test_json_with_a_line_break_in_a_text_is_read() -> None:
    reply = read(CHAT, answer('So: {"task": "t", "query": "a\nb"}'))
    assert isinstance(reply, ChatReply) and reply.data == Shape(task="t", query="a\nb")


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (answer(None, refusal="no"), FailureKind.REFUSED),
        (answer("x", "content_filter"), FailureKind.REFUSED),
        (answer('{"task": "t", "qu', "length"), FailureKind.CUT),
        (answer("<think>so much to", "length"), FailureKind.CUT),
        (answer(""), FailureKind.EMPTY),
        (answer(None), FailureKind.EMPTY),
        (answer(" \n"), FailureKind.EMPTY),
        (answer("<think>done</think>\n"), FailureKind.EMPTY),
        (answer([]), FailureKind.EMPTY),
        (answer("no json here"), FailureKind.UNREADABLE),
        (answer('{"task": "t"}'), FailureKind.UNREADABLE),
        (answer('{"task": 5, "query": "q"}'), FailureKind.UNREADABLE),
        (answer("[1, 2]"), FailureKind.UNREADABLE),
        (answer("{" * 100_000), FailureKind.UNREADABLE),
        (answer('{"task": ' + "[" * 100_000), FailureKind.UNREADABLE),
        (b'{"choices": [{"finish_reason": "stop"}]}', FailureKind.UNREADABLE),
        (b'{"choices": [{"message": null}]}', FailureKind.UNREADABLE),
        (b'{"choices": [null]}', FailureKind.UNREADABLE),
        (b'{"choices": {"a": 1}}', FailureKind.UNREADABLE),
        (b'{"choices": "text"}', FailureKind.UNREADABLE),
    ],
)
def test_each_unusable_answer_has_its_own_kind(raw: bytes, kind: FailureKind) -> None:
    reply = read(CHAT, raw)
    assert isinstance(reply, Failure) and reply.kind == kind and reply.detail
    assert len(reply.detail) < 1000


def test_an_unusable_answer_is_paid_as_well() -> None:
    for raw in (answer("no json"), answer("cut", "length"), answer(None, refusal="no")):
        reply = read(CHAT, raw)
        assert isinstance(reply, Failure) and reply.usage == Usage(5, 2)


@pytest.mark.parametrize(
    "raw",
    [
        b"<html>bad gateway</html>",
        b'{"choices": [{"mess',
        b'{"error": {"message": "busy"}}',
        b'{"choices": []}',
        b'{"choices": null}',
        b"[]",
        b"null",
        b'"text"',
        b"",
        b"\xff\xfe",
        b"[" * 1_000_000,
    ],
)
def test_what_is_no_answer_at_all_may_be_sent_again(raw: bytes) -> None:
    with pytest.raises(Transient) as error:
        read(CHAT, raw)
    assert len(str(error.value)) < 1000
    # JSON that was cut off was an answer, and may be paid.
    assert error.value.unknown == (raw.startswith((b"{", b"[[")) and not raw.endswith(b"}"))


def test_text_comes_without_the_thoughts_before_it() -> None:
    assert text_of(read(FREE, answer("<think>\nhm {</think>\n\nYes."))) == "Yes."
    assert text_of(read(FREE, answer("hm\n</think>\n\nYes."))) == "Yes."
    assert text_of(read(FREE, answer(" Yes <think> no"))) == " Yes <think> no"


def test_text_in_parts_is_one_text() -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "Yes"},
        {"type": "text", "text": "."},
    ]
    assert text_of(read(FREE, answer(parts))) == "Yes."


def test_what_the_asker_refuses_is_the_failure_it_names() -> None:
    echo = Failure(FailureKind.ECHO, "it repeats the example")
    request = Chat(MESSAGES, 9, shape=Shape, refuse=lambda shape: echo)
    reply = read(request, answer('{"task": "t", "query": "q"}'))
    assert reply == echo and reply.usage == Usage(5, 2)
    assert request == Chat(MESSAGES, 9, shape=Shape), "no part of what is asked"


def test_a_field_that_only_stored_answers_have_changes_no_chat() -> None:
    raw = answer("Yes.").replace(b'{"choices"', b'{"continuation": {"logprob": -1}, "choices"')
    assert text_of(read(FREE, raw)) == "Yes."


def test_a_stored_answer_is_the_answer_that_came() -> None:
    form, raw = Form("chat", "text", "m", {}), answer('{"task": "t", "query": "q"}')
    kept, reply = form.read_new(CHAT, raw)
    assert kept == raw and form.read(CHAT, kept) == reply


# Usage.


def test_usage_is_read_in_both_its_spellings() -> None:
    new = {"input_tokens": 7, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 2}}
    old = {
        "prompt_tokens": 7,
        "completion_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 2},
    }
    assert usage_of({"usage": new}) == usage_of({"usage": old}) == Usage(7, 3, 2)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        5,
        [],
        {},
        {"prompt_tokens": None, "completion_tokens": "many"},
        {"prompt_tokens": -5, "completion_tokens": 1e300},
        {"prompt_tokens": 2**70, "completion_tokens": float("nan")},
        {"prompt_tokens": float("inf"), "prompt_tokens_details": 5},
        {"prompt_tokens_details": {"cached_tokens": {}}},
    ],
)
def test_nonsense_for_usage_counts_nothing(usage: Any) -> None:
    assert usage_of({"usage": usage}) == Usage()
    raw = json.dumps({"choices": [{"message": {"content": "Yes."}}], "usage": usage}).encode()
    assert text_of(read(FREE, raw)) == "Yes."


def test_no_answer_however_spoilt_is_more_than_a_fault_or_a_failure() -> None:
    """Bytes are changed at random: nothing but a reply, a failure or a fault may come of it."""
    luck = random.Random(0)
    whole = answer('{"task": "t", "query": "q"}')
    for _ in range(3000):
        raw = bytearray(whole)
        for _ in range(luck.randint(1, 4)):
            place = luck.randrange(len(raw))
            raw[place : place + luck.randint(0, 3)] = luck.choice(
                [
                    b"",
                    b"\xff",
                    b"null",
                    b"[",
                    b"{}",
                    b'"',
                    b"1e999",
                    b"-1",
                    bytes([luck.randrange(256)]),
                ]
            )
        try:
            reply = read(CHAT, bytes(raw))
        except Transient:
            continue
        assert isinstance(reply, ChatReply | Failure)


def test_nan_is_read_though_it_is_no_json() -> None:
    assert str(load_json(b'{"a": NaN}')["a"]) == "nan"
