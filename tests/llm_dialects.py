"""What the test server answers on each path: completions, and what vLLM and SGLang have besides."""

import itertools
import math
import random
from collections.abc import Callable
from typing import Any

from llm_chat import chat, check_label_ids, list_prompt_logprobs
from llm_decisions import decide
from llm_speaker import Body, Logprobs, Refused, Speaker, render_chat

VERSIONS = {"vllm": "0.33.0", "sglang": "0.5.23", "llamacpp": "b7400"}


def reply(speaker: Speaker, path: str, body: Body) -> Any:
    """Answer one request.

    Raises:
        Refused: with what status, and why.
    """
    flavours, answer = _PATHS.get(path, ((), chat))
    if speaker.flavour not in flavours or (path == "/v1/decisions" and not speaker.decisions):
        raise Refused(404, f"Invalid URL (POST {path})")
    return answer(speaker, body)


# Completions.


def _complete(speaker: Speaker, body: Body) -> Body:
    prompts = _read_prompts(speaker, body["prompt"])
    echo = bool(body.get("echo")) and speaker.flavour != "silent"
    if echo and speaker.flavour == "llamacpp":
        raise Refused(speaker.echo_status, "Only no echo is supported")
    if echo and speaker.strict and speaker.flavour == "openai" and "logprobs" in body:
        raise Refused(400, "Setting 'echo' and 'logprobs' at the same time is not supported.")
    if speaker.flavour == "vllm":
        check_label_ids(body)
    n_read = sum(speaker.admit(prompt) for prompt in prompts)
    choices = [
        {"index": index, **_completion(speaker, speaker.cut(prompt), body, echo)}
        for index, prompt in enumerate(prompts)
    ]
    if speaker.scrambled:
        random.Random(len(choices)).shuffle(choices)
    n_written = 0 if body.get("max_tokens") == 0 else len(prompts)
    return speaker.wrap("text_completion", body, choices, n_read, n_written)


def _read_prompts(speaker: Speaker, prompt: Any) -> list[str]:
    many = isinstance(prompt, list) and bool(prompt) and not isinstance(prompt[0], int)
    if many and not speaker.lists:
        raise Refused(400, "Invalid type for 'prompt': expected a string, but got an array")
    return [speaker.read_prompt(one) for one in (prompt if many else [prompt])]


def _completion(speaker: Speaker, prompt: str, body: Body, echo: bool) -> Body:
    """One choice; at most one token is generated, whatever max_tokens says."""
    tokens: list[str] = []
    values: Logprobs = []
    n_wanted = body.get("logprobs")
    # With logprobs 0 SGLang gives none of the prompt's (serving_completions.py).
    if echo and (n_wanted or speaker.flavour != "sglang"):
        tokens, values = speaker.score(prompt)
    more = {" the": -0.3} if n_wanted else {}
    top = [None if v is None else {t: v, **more} for t, v in zip(tokens, values, strict=True)]
    written = ""
    if body.get("max_tokens") != 0:
        written, likely = _next_token(speaker, prompt, body)
        tokens, values, top = [*tokens, written], [*values, likely[written]], [*top, likely]
    logprobs = None
    if n_wanted is not None and speaker.flavour != "silent":
        logprobs = _legacy_logprobs(speaker, tokens, values, top, body)
    choice: Body = {"text": (prompt if echo else "") + written, "finish_reason": "length"}
    if speaker.flavour == "vllm" and body.get("prompt_logprobs") is not None:
        choice["prompt_logprobs"] = list_prompt_logprobs(speaker, prompt, body)
    return {**choice, "logprobs": logprobs}


def _next_token(speaker: Speaker, prompt: str, body: Body) -> tuple[str, dict[str, float]]:
    """The token after a prompt and the likeliest ones; a label where vLLM is asked for labels."""
    ids = body.get("logprob_token_ids")
    if speaker.flavour != "vllm" or not ids:
        return " end", {" end": -0.7}
    best = speaker.top_tokens(prompt)[0]
    asked = {speaker.text_of(i): speaker.logprob_of_id(i, prompt) for i in ids}
    return best["token"], {best["token"]: best["logprob"], **asked}


def _legacy_logprobs(
    speaker: Speaker,
    tokens: list[str],
    values: Logprobs,
    top: list[dict[str, float] | None],
    body: Body,
) -> Body:
    starts = [0, *itertools.accumulate(map(len, tokens))][: len(tokens)]
    if speaker.flavour == "sglang" or not speaker.brain.offsets:
        starts = [-1] * len(tokens)
    if body.get("return_tokens_as_token_ids") and speaker.flavour == "vllm":
        name = speaker.name_by_id
        tokens = [name(token) for token in tokens]
        top = [one and {name(token): value for token, value in one.items()} for one in top]
    return {"tokens": tokens, "token_logprobs": values, "top_logprobs": top, "text_offset": starts}


# Tokens and versions.


def _tokenize(speaker: Speaker, body: Body) -> Body:
    """vLLM's and SGLang's; llama.cpp's takes `content` and gives the ids alone."""
    special = body.get("add_special_tokens", "messages" not in body)
    if speaker.flavour == "llamacpp":
        text, special = str(body["content"]), bool(body.get("add_special"))
    else:
        text = render_chat(body) if "messages" in body else str(body["prompt"])
    begin = [speaker.brain.begin] if speaker.brain.begin and special else []
    pieces = [*begin, *speaker.tokenizer.pieces(text)]
    ids = [speaker.tokenizer.id_of(piece) for piece in pieces]
    if speaker.flavour == "llamacpp":
        return {"tokens": ids}
    answer: Body = {"tokens": ids, "count": len(ids), "max_model_len": speaker.max_context or 4096}
    if body.get("return_token_strs"):
        answer["token_strs"] = pieces
    return answer


def _detokenize(speaker: Speaker, body: Body) -> Body:
    text = speaker.read_prompt(list(body["tokens"]))
    return {"prompt": text} if speaker.flavour == "vllm" else {"text": text}


def _version(speaker: Speaker, body: Body) -> Body:
    version = speaker.version or VERSIONS[speaker.flavour]
    if speaker.flavour == "llamacpp":
        return {"build_info": version, "default_generation_settings": {"n_ctx": 4096}}
    return {"version": version}


# SGLang's own.


def _generate(speaker: Speaker, body: Body) -> Any:
    many = isinstance(body.get("text", body.get("input_ids")), list)
    if "input_ids" in body:
        many = isinstance(body["input_ids"][0], list)
    given = body["text"] if "text" in body else body["input_ids"]
    prompts = [speaker.read_prompt(one) for one in (given if many else [given])]
    made = [_generate_one(speaker, prompt, body, i) for i, prompt in enumerate(prompts)]
    return made if many else made[0]


def _generate_one(speaker: Speaker, prompt: str, body: Body, place: int) -> Body:
    n_read = speaker.admit(prompt)
    n_new = min(1, (body.get("sampling_params") or {}).get("max_new_tokens", 128))
    tokens, values = speaker.score(prompt)
    rows: list[list[Any]] = [
        [v, speaker.tokenizer.id_of(t), t] for t, v in zip(tokens, values, strict=True)
    ]
    start = body.get("logprob_start_len", -1)
    start = start[place] if isinstance(start, list) else start
    start = len(rows) if start is None or start < 0 else start
    meta: Body = {
        "id": f"x{place}",
        "finish_reason": {"type": "length", "length": n_new},
        "prompt_tokens": n_read,
        "completion_tokens": n_new,
        "cached_tokens": _count_cached(speaker, [row[1] for row in rows], start, body),
    }
    if body.get("return_logprob"):
        meta |= _native_logprobs(speaker, rows[start:], n_new, body)
        if ids := body.get("token_ids_logprob"):
            ids = ids[place] if isinstance(ids[0], list) else ids
            asked = [[speaker.logprob_of_id(i, prompt), i, speaker.text_of(i)] for i in ids]
            meta["output_token_ids_logprobs"] = [_named(asked, body)] * n_new
    return {"text": " end" * n_new, "meta_info": meta}


def _native_logprobs(speaker: Speaker, rows: list[list[Any]], n_new: int, body: Body) -> Body:
    # The first entry is null wherever it starts (`[None] + input_token_logprobs[:-1]`).
    shown = [[None, *row[1:]] if i == 0 else row for i, row in enumerate(rows)]
    written = [[-0.7, speaker.tokenizer.id_of(" end"), " end"]] * n_new
    return {
        "input_token_logprobs": _named(shown, body),
        "output_token_logprobs": _named(written, body),
    }


def _named(rows: list[list[Any]], body: Body) -> list[list[Any]]:
    return rows if body.get("return_text_in_logprobs") else [[*row[:2], None] for row in rows]


def _count_cached(speaker: Speaker, ids: list[int], start: int, body: Body) -> int:
    """How much of the prompt before this one is used again; log-probabilities are never cached."""
    pairs = zip(ids, speaker.last_ids, strict=False)
    n_common = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
    speaker.last_ids = ids
    return min(n_common, start) if body.get("return_logprob") else n_common


def _score(speaker: Speaker, body: Body) -> Body:
    """How likely each label is after query and item; one row of scores per item."""
    ids = body.get("label_token_ids")
    if not ids:
        raise Refused(400, "label_token_ids must be provided")
    items = body["items"] if isinstance(body["items"], list) else [body["items"]]
    query, n_read, scores = speaker.read_prompt(body["query"]), 0, []
    for item in map(speaker.read_prompt, items):
        prompt = item + query if body.get("item_first") else query + item
        n_read += speaker.admit(prompt)
        shares = [math.exp(speaker.logprob_of_id(label, prompt)) for label in ids]
        total = sum(shares) if body.get("apply_softmax") else 1.0
        scores.append([share / total for share in shares])
    usage = {"prompt_tokens": n_read, "completion_tokens": 0, "total_tokens": n_read}
    return {"scores": scores, "model": body.get("model"), "usage": usage, "object": "scoring"}


_ALL = ("openai", "vllm", "sglang", "llamacpp", "chat_only", "silent")

_PATHS: dict[str, tuple[tuple[str, ...], Callable[[Speaker, Body], Any]]] = {
    "/v1/chat/completions": (_ALL, chat),
    "/v1/completions": (("openai", "vllm", "sglang", "llamacpp", "silent"), _complete),
    "/v1/decisions": (("openai", "vllm", "sglang"), decide),
    "/v1/score": (("sglang",), _score),
    "/generate": (("sglang",), _generate),
    "/tokenize": (("vllm", "sglang", "llamacpp"), _tokenize),
    "/detokenize": (("vllm", "sglang"), _detokenize),
    "/version": (("vllm",), _version),
    "/get_server_info": (("sglang",), _version),
    "/props": (("llamacpp",), _version),
}
