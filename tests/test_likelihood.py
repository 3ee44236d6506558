"""The likelihood of a continuation: exactly its tokens, however a server cuts and shows them."""

import json
import math
import random
from typing import Any

import pytest

from fret.llm.forms import Form
from fret.llm.forms.reading import Transient
from fret.llm.types import Failure, FailureKind, Likelihood, LikelihoodReply, Reply, Usage

REQUEST = Likelihood("Passage: x\nQuery:", " how old")
TOKENS = ["Passage", ":", " x", "\n", "Query", ":", " how", " old"]
VALUES = [None, -9.0, -9.0, -9.0, -9.0, -9.0, -1.5, -0.25]
WAYS = ("echo", "prompt_logprobs", "generate")
PIECE = "\N{REPLACEMENT CHARACTER}"


def form_of(way: str) -> Form:
    return Form("likelihood", way, "m", {})


def answer(way: str, tokens: list[str], values: list[float | None], **more: Any) -> dict[str, Any]:
    """What a server says of a text that it has cut into tokens, with one token generated."""
    if way == "echo":
        logprobs = {"tokens": [*tokens, " end"], "token_logprobs": [*values, -7.0]}
        return {"choices": [{"index": 0, "logprobs": logprobs}], **more}
    if way == "prompt_logprobs":
        shown = [
            None if value is None else {str(i): {"logprob": value, "decoded_token": token}}
            for i, (token, value) in enumerate(zip(tokens, values, strict=True))
        ]
        return {"choices": [{"index": 0, "prompt_logprobs": shown}], **more}
    rows = [[value, 1, token] for token, value in zip(tokens, values, strict=True)]
    return {"text": " end", "meta_info": {"input_token_logprobs": rows, **more}}


def read(
    way: str, request: Likelihood, tokens: list[str], values: list[float | None]
) -> Reply | Failure:
    return form_of(way).read(request, json.dumps(answer(way, tokens, values)).encode())


def assert_sum(reply: Reply | Failure, logprob: float, n_tokens: int) -> None:
    assert isinstance(reply, LikelihoodReply), reply
    assert (reply.logprob, reply.n_tokens) == (pytest.approx(logprob), n_tokens)


def assert_unreadable(reply: Reply | Failure, says: str) -> None:
    assert isinstance(reply, Failure) and reply.kind == FailureKind.UNREADABLE
    assert says in reply.detail


# What is sent.


def body(way: str, request: Likelihood = REQUEST) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(form_of(way).body_of(request))
    return data


def test_each_way_sends_the_whole_text_and_asks_for_one_token_at_most() -> None:
    whole = "Passage: x\nQuery: how old"
    common = {"model": "m", "prompt": whole, "max_tokens": 1, "temperature": 0.0}
    assert body("echo") == common | {"echo": True, "logprobs": 1}
    assert body("prompt_logprobs") == common | {"prompt_logprobs": 0}
    sent = body("generate")
    assert sent["text"] == whole and sent["return_logprob"] and sent["return_text_in_logprobs"]
    assert sent["sampling_params"] == {"max_new_tokens": 1, "temperature": 0.0}


def test_the_first_token_told_is_within_the_prompt_and_may_lack_its_value() -> None:
    """Every word is one token or more, and the first one told has no log-probability."""
    for prompt in ("Query:", "a b c:", "one  two\nthree:"):
        start = body("generate", Likelihood(prompt, " how"))["logprob_start_len"]
        assert 0 <= start < len(prompt.split())


# Which tokens count.


@pytest.mark.parametrize("way", WAYS)
def test_exactly_the_tokens_of_the_continuation_are_added_up(way: str) -> None:
    assert_sum(read(way, REQUEST, TOKENS, VALUES), -1.75, 2)


@pytest.mark.parametrize("way", WAYS)
def test_a_token_over_the_boundary_counts_as_the_continuations(way: str) -> None:
    tokens = ["Passage", ":", " x", "\n", "Query", ": how", " old"]
    assert_sum(read(way, REQUEST, tokens, [None, -9.0, -9.0, -9.0, -9.0, -1.5, -0.25]), -1.75, 2)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("begin", ["<s>", "<|begin_of_text|>", ""])
def test_a_token_that_begins_every_text_is_no_part_of_it(way: str, begin: str) -> None:
    assert_sum(read(way, REQUEST, [begin, *TOKENS], [None, -8.0, *VALUES[1:]]), -1.75, 2)


@pytest.mark.parametrize("way", WAYS)
def test_a_token_that_begins_a_text_of_one_word_is_no_part_of_it(way: str) -> None:
    """Of such a prompt SGLang tells all tokens, this one included."""
    request = Likelihood("Query:", " how")
    tokens = ["<s>", "Query", ":", " how"]
    assert_sum(read(way, request, tokens, [None, -9.0, -9.0, -2.0]), -2.0, 1)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("begin", [["<s>"], []])
def test_sentencepiece_begins_a_text_with_a_space(way: str, begin: list[str]) -> None:
    tokens = [*begin, " Passage", *TOKENS[1:]]
    values = [None, *[-9.0] * (len(tokens) - 3), -1.5, -0.25]
    assert_sum(read(way, REQUEST, tokens, values), -1.75, 2)


def test_the_end_of_an_answer_without_a_text_of_its_own_is_not_counted() -> None:
    logprobs = {"tokens": [*TOKENS, ""], "token_logprobs": [*VALUES, -50.0]}
    raw = json.dumps({"choices": [{"logprobs": logprobs}]}).encode()
    assert_sum(form_of("echo").read(REQUEST, raw), -1.75, 2)


def test_offsets_are_not_trusted() -> None:
    """vLLM's count the token that begins a text, SGLang's are -1."""
    data = answer("echo", TOKENS, VALUES)
    data["choices"][0]["logprobs"]["text_offset"] = [-1] * 9
    assert_sum(form_of("echo").read(REQUEST, json.dumps(data).encode()), -1.75, 2)


@pytest.mark.parametrize("n_told", range(3, 9))
def test_sglang_tells_only_the_end_of_the_prompt(n_told: int) -> None:
    values = [None, *VALUES[-n_told + 1 :]]
    assert_sum(read("generate", REQUEST, TOKENS[-n_told:], values), -1.75, 2)


@pytest.mark.parametrize("way", WAYS)
def test_characters_over_several_tokens_are_found(way: str) -> None:
    request = Likelihood("Tom 🙂 says:\nQuery:", " 🙂 ja")
    tokens = ["Tom", f" {PIECE}", PIECE, " says:\n", "Query:", f" {PIECE}", PIECE, PIECE, " ja"]
    values = [None, -9.0, -9.0, -9.0, -9.0, -1.0, -2.0, -4.0, -8.0]
    assert_sum(read(way, request, tokens, values), -15.0, 4)


# vLLM shows the parts of a character as nothing, before the part that ends it.

VLLM_WAYS = ("echo", "prompt_logprobs")


@pytest.mark.parametrize("way", VLLM_WAYS)
def test_unfinished_parts_at_the_boundary_are_the_continuations(way: str) -> None:
    request = Likelihood("Passage: x\nQuery:", " √ old")
    tokens = ["Passage", ":", " x", "\n", "Query", ":", "", " √", " old"]
    values = [None, -9.0, -9.0, -9.0, -9.0, -9.0, -5.0, -1.0, -0.5]
    assert_sum(read(way, request, tokens, values), -6.5, 3)


@pytest.mark.parametrize("way", VLLM_WAYS)
@pytest.mark.parametrize("begins", [False, True])
def test_any_text_as_vllm_shows_it_gives_the_sum_of_the_continuations_tokens(
    way: str, begins: bool
) -> None:
    luck = random.Random(f"vllm{way}{begins}")
    for _ in range(300):
        prompt = random_text(luck, luck.randint(3, 12)) + "\nQuery:"
        request = Likelihood(prompt, " " + random_text(luck, luck.randint(1, 5)))
        before = cut_bytes(luck, prompt)
        tokens = show_as_vllm([*before, *cut_bytes(luck, request.continuation)])
        values = [-(2.0 ** -luck.randint(0, 20)) for _ in tokens]
        counted = values[len(before) :]
        told = [None, *values[1:]]
        if begins:
            tokens, told = ["<s>", *tokens], [None, *values]
        reply = read(way, request, tokens, told)
        assert isinstance(reply, LikelihoodReply), (request, tokens, reply)
        assert (reply.logprob, reply.n_tokens) == (math.fsum(counted), len(counted))


def cut_bytes(luck: random.Random, text: str) -> list[bytes]:
    raw = text.encode()
    cuts = sorted(luck.sample(range(1, len(raw)), luck.randint(len(raw) // 5, len(raw) // 2)))
    return [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]


def show_as_vllm(parts: list[bytes]) -> list[str]:
    shown, waiting = [], b""
    for part in parts:
        waiting += part
        try:
            shown.append(waiting.decode())
            waiting = b""
        except UnicodeDecodeError:
            shown.append("")
    return shown


@pytest.mark.parametrize("generated", [PIECE, "", " end"])
@pytest.mark.parametrize("end", [[PIECE, PIECE, PIECE], ["", "", "鱻"]])
def test_what_was_generated_is_never_added_even_if_it_looks_like_a_part_of_the_text(
    end: list[str], generated: str
) -> None:
    request = Likelihood("Query:", " old 鱻")
    logprobs = {
        "tokens": ["Query", ":", " old", " ", *end, generated],
        "token_logprobs": [None, -9.0, -0.5, -1.0, -2.0, -3.0, -4.0, -50.0],
    }
    usage = {"prompt_tokens": 7, "completion_tokens": 1}
    raw = json.dumps({"choices": [{"logprobs": logprobs}], "usage": usage}).encode()
    assert_sum(form_of("echo").read(request, raw), -10.5, 5)


def test_a_count_of_generated_tokens_that_are_not_told_takes_nothing_away() -> None:
    logprobs = {"tokens": TOKENS, "token_logprobs": VALUES}
    usage = {"prompt_tokens": 8, "completion_tokens": 1}
    raw = json.dumps({"choices": [{"logprobs": logprobs}], "usage": usage}).encode()
    assert_sum(form_of("echo").read(REQUEST, raw), -1.75, 2)


# Random texts, cut at random.

WORDS = [
    "how",
    "old",
    "is",
    "Ada",
    "né",
    "Straße",
    "猫",
    "東京",
    "ไทย",
    "🙂",
    "👩🏽‍🚀",
    "ﷺ",
    "i",
    "\n",
    "?",
]


def random_text(luck: random.Random, n: int) -> str:
    words = [luck.choice(WORDS) + luck.choice(["", str(luck.randrange(10_000))]) for _ in range(n)]
    return " ".join(words)


def cut_at_random(luck: random.Random, text: str) -> list[tuple[str, int]]:
    """Tokens as servers show them, and where in the text each one ends.

    The cuts are between bytes, as those of byte-level tokenizers; parts of characters that stand
    together cannot be told apart, and end together.
    """
    raw = text.encode()
    inside = range(1, len(raw))
    cuts = sorted(luck.sample(inside, luck.randint(len(raw) // 5, len(raw) // 2)))
    spans = list(zip([0, *cuts], [*cuts, len(raw)], strict=True))
    shown = [
        (raw[a:b].decode("utf-8", "replace"), len(raw[:b].decode("utf-8", "ignore")))
        for a, b in spans
    ]
    found: list[tuple[str, int]] = []
    for token, end in reversed(shown):
        if PIECE in token and found and PIECE in found[0][0]:
            end = found[0][1]
        found.insert(0, (token, end))
    return found


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("begins", [False, True])
def test_any_tokens_of_any_text_give_the_sum_of_those_that_end_in_the_continuation(
    way: str, begins: bool
) -> None:
    luck = random.Random(f"{way}{begins}")
    for _ in range(300):
        prompt = random_text(luck, luck.randint(3, 12)) + "\nQuery:"
        request = Likelihood(prompt, " " + random_text(luck, luck.randint(1, 5)))
        cut = cut_at_random(luck, request.prompt + request.continuation)
        values = [-(2.0 ** -luck.randint(0, 20)) for _ in cut]
        counted = [v for v, (_, end) in zip(values, cut, strict=True) if end > len(prompt)]
        tokens, told = [token for token, _ in cut], [None, *values[1:]]
        if begins:
            tokens, told = ["<s>", *tokens], [None, *values]
        reply = read(way, request, tokens, told)
        if not begins and len(counted) == len(cut):
            assert isinstance(reply, Failure), "the first token has no log-probability"
        else:
            assert isinstance(reply, LikelihoodReply), (request, tokens, reply)
            assert reply.logprob == math.fsum(counted), (request, tokens)
            assert reply.n_tokens == len(counted)


# What cannot be used.


@pytest.mark.parametrize("way", WAYS)
def test_missing_log_probabilities_are_a_failure_never_zero(way: str) -> None:
    assert_unreadable(read(way, REQUEST, TOKENS, [None] * 8), "")
    assert_unreadable(read(way, REQUEST, TOKENS, [*VALUES[:-1], None]), "")
    assert_unreadable(read(way, REQUEST, [], []), "")


@pytest.mark.parametrize(
    "raw",
    [
        b'{"choices": [{"text": "a b"}]}',
        b'{"choices": [{"logprobs": null}]}',
        b'{"choices": [{"logprobs": {"tokens": ["a"], "token_logprobs": []}}]}',
        b'{"choices": [{"logprobs": {"tokens": [1], "token_logprobs": [-1]}}]}',
        b'{"choices": [5]}',
        b'{"choices": [1], "continuation": 5}',
    ],
)
def test_an_answer_without_them_is_a_failure(raw: bytes) -> None:
    assert_unreadable(form_of("echo").read(REQUEST, raw), "")


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "-Infinity", "1" + "0" * 400, '"low"', "3.0", "0.01"]
)
@pytest.mark.parametrize("way", WAYS)
def test_what_is_no_log_probability_is_a_failure(way: str, value: str) -> None:
    raw = json.dumps(answer(way, TOKENS, VALUES)).replace("-0.25", value).encode()
    assert_unreadable(form_of(way).read(REQUEST, raw), "")


@pytest.mark.parametrize("way", WAYS)
def test_a_little_over_zero_is_left_by_rounding(way: str) -> None:
    assert_sum(read(way, REQUEST, TOKENS, [*VALUES[:-1], 1e-6]), -1.499999, 2)


@pytest.mark.parametrize("way", WAYS)
def test_tokens_of_another_text_are_a_failure(way: str) -> None:
    """A server that cuts the prompt, or mends its spelling, has not scored what was sent."""
    assert_unreadable(read(way, REQUEST, [*TOKENS[:-1], " new"], VALUES), "spell")
    assert_unreadable(read(way, REQUEST, TOKENS[:-1], VALUES[:-1]), "")


@pytest.mark.parametrize("raw", [b"{}", b"[]", b'{"text": "x"}', b'{"meta_info": 1}', b"null"])
def test_what_is_no_answer_at_all_may_be_sent_again(raw: bytes) -> None:
    for way in WAYS:
        with pytest.raises(Transient):
            form_of(way).read(REQUEST, raw)


@pytest.mark.parametrize("count", ["1e999", "-5", '"many"', "null", str(2**70), "[]"])
def test_nonsense_for_usage_costs_no_answer(count: str) -> None:
    raw = json.dumps(answer("generate", TOKENS, VALUES, prompt_tokens=111)).replace("111", count)
    reply = form_of("generate").read(REQUEST, raw.encode())
    assert_sum(reply, -1.75, 2)
    assert reply.usage == Usage()


def test_sglangs_own_count_of_tokens_is_read() -> None:
    counts = {"prompt_tokens": 9, "completion_tokens": 1, "cached_tokens": 4}
    raw = json.dumps(answer("generate", TOKENS, VALUES, **counts)).encode()
    assert form_of("generate").read(REQUEST, raw).usage == Usage(9, 1, 4)


# Many prompts together.

REQUESTS = [Likelihood("Passage: x\nQuery:", f" word{i}") for i in range(5)]


def joined_answer(way: str) -> Any:
    rows = [[*TOKENS[:6], f" word{i}"] for i in range(5)]
    answers = [answer(way, row, [*VALUES[:6], -float(i)]) for i, row in enumerate(rows)]
    if way == "generate":
        return answers
    choices = [{**one["choices"][0], "index": i} for i, one in enumerate(answers)]
    random.Random(1).shuffle(choices)
    details = {"cached_tokens": 7}
    usage = {"prompt_tokens": 103, "completion_tokens": 5, "prompt_tokens_details": details}
    return {"id": "x", "choices": choices, "usage": usage}


def test_a_joined_body_asks_all_prompts_in_their_order() -> None:
    for way in WAYS:
        sent = json.loads(form_of(way).join(REQUESTS))
        assert sent.keys() == body(way).keys()
        texts = sent["text"] if way == "generate" else sent["prompt"]
        assert texts == [request.prompt + request.continuation for request in REQUESTS]
    native = json.loads(form_of("generate").join(REQUESTS))
    assert len(native["logprob_start_len"]) == 5


@pytest.mark.parametrize("way", WAYS)
def test_each_prompt_gets_its_own_answer_in_whatever_order_they_come(way: str) -> None:
    raw = json.dumps(joined_answer(way)).encode()
    found = form_of(way).read_joined(REQUESTS, raw)
    for i, (_, reply) in enumerate(found):
        assert_sum(reply, -float(i), 1)
    if way != "generate":
        usages = [reply.usage for _, reply in found]
        assert sum(usage.input_tokens for usage in usages) == 103
        assert sum(usage.output_tokens for usage in usages) == 5
        assert sum(usage.cached_tokens for usage in usages) == 7
        assert max(u.input_tokens for u in usages) - min(u.input_tokens for u in usages) <= 1


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_to_another_number_of_prompts_may_be_sent_again(way: str) -> None:
    whole = joined_answer(way)
    for spoilt in (
        {**whole, "choices": whole["choices"][:4]} if way != "generate" else whole[:4],
        {**whole, "choices": [*whole["choices"][:4], whole["choices"][0]]}
        if way != "generate"
        else {"error": "busy"},
        {"choices": None},
    ):
        with pytest.raises(Transient, match="5 prompts"):
            form_of(way).read_joined(REQUESTS, json.dumps(spoilt).encode())


def test_one_bad_answer_among_many_costs_only_its_own_row() -> None:
    whole = joined_answer("echo")
    next(c for c in whole["choices"] if c["index"] == 2)["logprobs"] = None
    found = form_of("echo").read_joined(REQUESTS, json.dumps(whole).encode())
    assert [isinstance(reply, Failure) for _, reply in found] == [False, False, True, False, False]


# What is stored.


@pytest.mark.parametrize("way", WAYS)
def test_what_is_stored_is_short_and_reads_as_the_answer_did(way: str) -> None:
    form = form_of(way)
    request = Likelihood("word " * 500 + "\nQuery:", " how")
    tokens = ["word", *[" word"] * 499, " ", "\n", "Query:", " how"]
    raw = json.dumps(answer(way, tokens, [None, *[-9.0] * 502, -0.1])).encode()
    kept, reply = form.read_new(request, raw)
    assert_sum(reply, -0.1, 1)
    assert form.read(request, kept) == reply and form.read_new(request, kept) == (kept, reply)
    assert len(kept) < 300 < len(raw)


@pytest.mark.parametrize("way", WAYS)
def test_what_is_stored_of_many_reads_as_each_answer_did(way: str) -> None:
    form = form_of(way)
    for request, (kept, reply) in zip(
        REQUESTS, form.read_joined(REQUESTS, json.dumps(joined_answer(way)).encode()), strict=True
    ):
        assert form.read(request, kept) == reply


def test_an_answer_that_cannot_be_used_is_stored_as_it_came() -> None:
    raw = json.dumps(answer("echo", TOKENS, [None] * 8, id="x")).encode()
    kept, reply = form_of("echo").read_new(REQUEST, raw)
    assert kept == raw and isinstance(reply, Failure)


def test_a_stored_answer_that_was_spoilt_is_a_failure_not_a_crash() -> None:
    for spoilt in (b'{"continuation": {}}', b'{"continuation": {"logprob": NaN, "n_tokens": 1}}'):
        assert_unreadable(form_of("echo").read(REQUEST, spoilt), "")
