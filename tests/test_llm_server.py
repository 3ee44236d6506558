"""The test server itself: it answers as real servers do, and fails as they fail."""

import gzip
import http.client
import json
import math
import re
import socket
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from llm_brain import Tokenizer, fit_schema
from llm_server import AZURE_HEADERS, Brain, LLMServer, limit_headers

JUDGE = "<<<abcdefghijkl\nkettles like vinegar\nabcdefghijkl>>>\nQuery: vinegar kettles"
QUESTION = [{"role": "user", "content": JUDGE}]
LABELS = {"model": "tiny", "messages": QUESTION, "max_tokens": 1, "logprobs": True}
SCHEMA = {
    "type": "object",
    "properties": {"task": {"type": "string"}, "rank": {"type": "integer"}},
    "required": ["task", "rank"],
    "additionalProperties": False,
}
FORMAT = {
    "type": "json_schema",
    "json_schema": {"name": "a", "strict": True, "schema": SCHEMA},
}
CHAT: dict[str, Any] = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def client(server: LLMServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server.url, api_key="k", max_retries=0, timeout=5) as made:
        yield made


def post(server: LLMServer, path: str, body: Any = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server.root + path, data)
    request.add_header("content-type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def chat(server: LLMServer, **more: Any) -> tuple[int, Any]:
    return post(server, "/v1/chat/completions", {**CHAT, **more})


# Completions.


@pytest.mark.parametrize("max_tokens", [0, 1])
def test_a_list_of_prompts_has_a_choice_each_in_any_order(
    server: LLMServer, max_tokens: int
) -> None:
    server.scrambled = True
    prompts = [f"Passage: paris {i}\nTask: t\nQuery: paris" for i in range(5)]
    body = {"model": "m", "prompt": prompts, "max_tokens": max_tokens, "echo": True, "logprobs": 0}
    _, answer = post(server, "/v1/completions", body)
    order = [choice["index"] for choice in answer["choices"]]
    assert order != sorted(order) and sorted(order) == [0, 1, 2, 3, 4]
    for choice in answer["choices"]:
        logprobs = choice["logprobs"]
        text = prompts[choice["index"]] + " end" * max_tokens
        assert "".join(logprobs["tokens"]) == choice["text"] == text
        assert logprobs["token_logprobs"][0] is None and logprobs["token_logprobs"][-1] < 0
        assert [len(top or {}) for top in logprobs["top_logprobs"][:2]] == [0, 1]


def test_lists_and_long_prompts_are_refused_on_demand(server: LLMServer) -> None:
    body = {"model": "m", "prompt": ["one", "two three four"], "max_tokens": 1}
    server.max_context = 2
    status, answer = post(server, "/v1/completions", body)
    assert status == 400 and "maximum context length is 2" in answer["error"]["message"]
    server.max_context, server.truncate_at = None, 1
    assert post(server, "/v1/completions", body)[1]["usage"]["prompt_tokens"] == 2
    server.lists = False
    assert post(server, "/v1/completions", body)[0] == 400


# Kinds of servers.


def test_vllm_gives_the_log_probabilities_of_exactly_the_ids(server: LLMServer) -> None:
    server.flavour = "vllm"
    _, answer = post(server, "/tokenize", {"model": "m", "prompt": "0 1 2 3"})
    assert answer["count"] == 4
    ids = [server.tokenizer.id_of(label) for label in "012"]
    assert ids[0] == answer["tokens"][0] and ids[1] != answer["tokens"][1]  # " 1" is another token
    _, answer = chat(server, **LABELS, logprob_token_ids=ids)
    (item,) = answer["choices"][0]["logprobs"]["content"]
    assert [top["token"] for top in item["top_logprobs"]] == ["3", "0", "1", "2"]
    assert chat(server, messages=QUESTION, logprob_token_ids=ids)[0] == 400
    assert chat(server, **LABELS, logprob_token_ids=[7])[0] == 400
    _, answer = chat(server, **LABELS, top_logprobs=2, return_tokens_as_token_ids=True)
    assert re.fullmatch(
        r"token_id:\d+", answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"][1]["token"]
    )


def test_vllm_gives_labels_on_completions_too(server: LLMServer) -> None:
    server.flavour = "vllm"
    ids = server.tokenizer.ids("0 1")
    prompts = [server.tokenizer.ids(JUDGE), server.tokenizer.ids("Query: unicorns")]
    body = {"model": "m", "prompt": prompts, "max_tokens": 1, "logprobs": 0}
    _, answer = post(server, "/v1/completions", {**body, "logprob_token_ids": ids})
    assert [choice["text"] for choice in answer["choices"]] == ["3", "0"]
    (top,) = answer["choices"][0]["logprobs"]["top_logprobs"]
    assert list(top) == ["3", "0", " 1"]


def test_vllm_obeys_structured_outputs_and_ignores_guided_json(server: LLMServer) -> None:
    server.flavour = "vllm"
    _, answer = chat(server, structured_outputs={"json": SCHEMA})
    assert json.loads(answer["choices"][0]["message"]["content"]) == {"task": "hello", "rank": 1}
    _, answer = chat(server, guided_json=SCHEMA)
    assert "{" not in answer["choices"][0]["message"]["content"]
    assert post(server, "/version") == (200, {"version": "0.33.0"})
    assert post(server, "/generate", {"text": "a"})[0] == 404


def test_vllm_gives_prompt_log_probabilities_on_chat(server: LLMServer) -> None:
    server.flavour = "vllm"
    _, answer = chat(server, prompt_logprobs=1, max_tokens=1)
    _, tokens = post(server, "/tokenize", {"model": "m", "messages": CHAT["messages"]})
    first, *rest = answer["prompt_logprobs"]
    assert first is None
    assert [next(iter(entry)) for entry in rest] == [str(i) for i in tokens["tokens"][1:]]
    assert all(len(entry) == 2 for entry in rest)


def test_sglang_scores_from_a_place_on_and_its_first_entry_is_null(server: LLMServer) -> None:
    server.flavour = "sglang"
    body: dict[str, Any] = {
        "text": ["Passage: paris\nTask: t\nQuery: paris", "one two"],
        "sampling_params": {"max_new_tokens": 0, "temperature": 0},
        "return_logprob": True,
        "logprob_start_len": 1,
        "return_text_in_logprobs": True,
    }
    _, (first, second) = post(server, "/generate", body)
    rows = first["meta_info"]["input_token_logprobs"]
    assert "".join(row[2] for row in rows) == " paris\nTask: t\nQuery: paris"
    assert [row[0] is None for row in rows] == [True] + [False] * 4
    assert len(second["meta_info"]["input_token_logprobs"]) == 1
    assert second["meta_info"]["prompt_tokens"] == 2 and second["text"] == ""
    single = {**body, "text": body["text"][0], "sampling_params": {"max_new_tokens": 1}}
    _, again = post(server, "/generate", single)
    assert again["meta_info"]["completion_tokens"] == 1
    post(server, "/generate", single)
    _, again = post(server, "/generate", {**single, "logprob_start_len": 4})
    assert again["meta_info"]["cached_tokens"] == 4


def test_sglang_scores_labels_and_its_offsets_are_no_help(server: LLMServer) -> None:
    server.flavour = "sglang"
    ids = [server.tokenizer.id_of(label) for label in "0123"]
    items = ["<<<abcdefghijkl\nkettles\nabcdefghijkl>>>", "<<<abcdefghijkl\nno\nabcdefghijkl>>>"]
    body = {
        "model": "m",
        "query": "Query: kettles\n",
        "items": items,
        "label_token_ids": ids,
        "apply_softmax": True,
    }
    _, answer = post(server, "/v1/score", body)
    (good, bad) = answer["scores"]
    assert good[3] > 0.8 > 0.2 > bad[3] and sum(bad) == pytest.approx(1)
    echo = {"model": "m", "prompt": "a b", "max_tokens": 1, "echo": True, "logprobs": 1}
    _, answer = post(server, "/v1/completions", echo)
    assert answer["choices"][0]["logprobs"]["text_offset"] == [-1, -1, -1]
    _, answer = post(server, "/v1/completions", {**echo, "logprobs": 0})
    assert answer["choices"][0]["logprobs"]["tokens"] == [" end"]


def test_decisions_have_the_shapes_of_openai(client: openai.OpenAI, server: LLMServer) -> None:
    server.refuse_question = "secret"
    levels = [{"label": label} for label in ("none", "some", "most", "all")]
    questions: Any = [
        {"type": "score", "name": "s", "instructions": "Query: kettles", "levels": levels},
        {"type": "predicate", "instructions": "Query: unicorns"},
        {"type": "predicate", "name": "p", "instructions": "a secret"},
        {
            "type": "choice",
            "name": "c",
            "instructions": "Query: kettles",
            "choices": [{"value": True}, {"value": False}],
        },
    ]
    answer = client.decisions.create(
        model="gpt-6-luna", input="Passage: kettles like vinegar", questions=questions
    )
    score, predicate, refusal, choice = answer.answers
    assert score.type == "score" and score.score == pytest.approx(
        sum(level.value * level.probability for level in score.probabilities)
    )
    assert score.score > 2.5 and predicate.type == "predicate" and predicate.probability == 0
    assert (refusal.type, refusal.name) == ("refusal", "p")
    assert choice.type == "choice" and choice.choice is True
    server.decisions = False
    assert post(server, "/v1/decisions", {"model": "m"})[0] == 404


def test_servers_that_cannot_refuse_or_ignore(server: LLMServer) -> None:
    echo = {"model": "m", "prompt": "a b", "max_tokens": 1, "echo": True, "logprobs": 1}
    server.flavour = "llamacpp"
    assert post(server, "/v1/completions", echo)[0] == 400
    assert len(chat(server, **LABELS)[1]["choices"][0]["logprobs"]["content"][0]["top_logprobs"])
    server.flavour = "chat_only"
    assert post(server, "/v1/completions", echo)[0] == 404
    assert chat(server, **LABELS)[0] == 403
    server.refuse_logprobs, server.schemas = 400, False
    assert chat(server, **LABELS)[0] == 400
    assert chat(server, response_format=FORMAT)[0] == 400
    assert chat(server, response_format={"type": "json_object"})[0] == 200
    server.flavour = "silent"
    status, answer = chat(server, **LABELS, response_format=FORMAT)
    (choice,) = answer["choices"]
    assert status == 200 and choice["logprobs"] is None and "{" not in choice["message"]["content"]
    (choice,) = post(server, "/v1/completions", echo)[1]["choices"]
    assert choice["text"] == " end" and choice["logprobs"] is None


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"model": "gpt-6-luna", "max_tokens": 5}, 400),
        ({"model": "gpt-6-luna", "logprobs": True}, 403),
        ({"model": "gpt-6-luna", "logprobs": True, "reasoning_effort": "none"}, 200),
        ({"model": "gpt-5-mini", "reasoning_effort": "none"}, 400),
        ({"model": "gpt-5.2", "temperature": 0}, 200),
        ({"response_format": {**FORMAT, "json_schema": {"strict": True, "schema": {}}}}, 400),
        ({"response_format": FORMAT}, 200),
    ],
)
def test_the_real_openai_is_strict(server: LLMServer, more: dict[str, Any], status: int) -> None:
    server.strict = True
    assert chat(server, **more)[0] == status


def test_a_model_that_thinks_begins_with_it_unless_told_not_to(server: LLMServer) -> None:
    server.reasons = True
    _, answer = chat(server, **LABELS, top_logprobs=20)
    assert answer["choices"][0]["logprobs"]["content"][0]["token"] == "<think>"
    (choice,) = chat(server, max_tokens=30)[1]["choices"]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("length", "")
    assert chat(server)[1]["choices"][0]["message"]["content"].startswith("<think>")
    for off in ({"reasoning_effort": "none"}, {"chat_template_kwargs": {"enable_thinking": False}}):
        (choice,) = chat(server, **LABELS, **off)[1]["choices"]
        assert choice["message"]["content"] == "3"


def test_tokens_have_ids_both_ways_and_labels_may_split() -> None:
    tokenizer = Tokenizer(splits=("Irrelevant", "3"))
    text = " Irrelevant and 3\nothers "
    assert "".join(tokenizer.text_of(i) for i in tokenizer.ids(text)) == text
    assert tokenizer.pieces(" Irrelevant") == [" Irrel", "evant"]
    assert len(tokenizer.ids("3")) == 2 and len(tokenizer.ids("2")) == 1


def test_an_object_of_a_schema_is_valid() -> None:
    schema = {
        "properties": {"a": {"$ref": "#/$defs/A"}, "b": {"anyOf": [{"type": "number"}]}},
        "$defs": {"A": {"type": "array", "items": {"enum": ["x", "y"]}, "minItems": 2}},
    }
    assert fit_schema(schema, {"c": 1}) == {"a": ["x", "x"], "b": 1}


# Models, headers, faults.


def test_models_may_end_and_their_list_may_be_odd(client: openai.OpenAI, server: LLMServer) -> None:
    server.models, server.shutdown_dates = ("a", "b"), {"a": "2027-01-14"}
    assert [m.shutdown_date for m in client.models.list()] == ["2027-01-14", None]
    server.models_shape = "names"
    assert "data" not in post(server, "/v1/models")[1]
    server.models_shape = "404"
    assert post(server, "/v1/models")[0] == 404


def test_headers_are_sent(client: openai.OpenAI, server: LLMServer) -> None:
    server.headers = limit_headers((60, 3, "120ms"), (1000, 9, "6m0s"))
    raw = client.chat.completions.with_raw_response.create(**CHAT)
    assert raw.headers["x-ratelimit-reset-tokens"] == "6m0s"
    server.headers = AZURE_HEADERS
    raw = client.chat.completions.with_raw_response.create(**CHAT)
    assert raw.headers["x-ratelimit-limit-requests"] == "-1"


def test_faults_on_the_wire(client: openai.OpenAI, server: LLMServer) -> None:
    server.fail("429 long", "429 date", "cut body", "bad gzip", "huge")
    with pytest.raises(openai.RateLimitError) as long:
        client.chat.completions.create(**CHAT)
    assert long.value.response.headers["retry-after"] == "300"
    with pytest.raises(openai.RateLimitError) as date:
        client.chat.completions.create(**CHAT)
    assert date.value.response.headers["retry-after"].endswith("GMT")
    status, _, body = read_raw(server)
    assert status == 200 and b"hello" in body
    _, _, body = read_raw(server)
    with pytest.raises(gzip.BadGzipFile):
        gzip.decompress(body)
    _, headers, body = read_raw(server)
    assert headers["content-encoding"] == "gzip" and len(body) < 500_000
    assert len(gzip.decompress(body)) > 40_000_000


def read_raw(server: LLMServer) -> tuple[int, dict[str, str], bytes]:
    """One chat over a plain connection; a body that is shorter than announced is kept."""
    connection = http.client.HTTPConnection(server.root.removeprefix("http://"), timeout=5)
    connection.request("POST", "/v1/chat/completions", json.dumps(CHAT))
    response = connection.getresponse()
    try:
        body = response.read()
    except http.client.IncompleteRead as short:
        body = short.partial
    connection.close()
    return response.status, {k.lower(): v for k, v in response.getheaders()}, body


def test_slow_bytes_outlive_a_timeout_between_bytes(server: LLMServer) -> None:
    server.fail("slow bytes")
    host, port = server.root.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=1) as connection:
        sent = json.dumps(CHAT)
        connection.sendall(
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(sent)}\r\n\r\n"
            f"{sent}".encode()
        )
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            assert connection.recv(100)


def test_faults_in_the_answer(server: LLMServer) -> None:
    server.fail("no choices", "nan", "echo", "empty")
    assert chat(server)[1]["choices"] == []
    (choice,) = chat(server, **LABELS, top_logprobs=4)[1]["choices"]
    assert math.isnan(choice["logprobs"]["content"][0]["top_logprobs"][0]["logprob"])
    shown = [{"role": "user", "content": 'Such as {"task": "t", "query": "q"}.'}]
    (choice,) = chat(server, messages=shown)[1]["choices"]
    assert choice["message"]["content"] == '{"task": "t", "query": "q"}'
    assert chat(server)[1]["choices"][0]["message"]["content"] == ""


def test_a_share_of_requests_fails_in_turn(server: LLMServer) -> None:
    server.fail_share = 0.5
    seen: Counter[int] = Counter()
    for _ in range(40):
        try:
            seen[chat(server)[0]] += 1
        except OSError:
            seen[0] += 1
    assert set(seen) == {200, 429, 500, 0} and server.n_answered == seen[200]


def test_a_planted_chat_answer_comes_before_all_others(server: LLMServer) -> None:
    server.brain = Brain(chat=lambda text, body: "planted" if text == "hi" else None)
    assert chat(server)[1]["choices"][0]["message"]["content"] == "planted"
