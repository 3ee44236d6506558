"""Chat completions of the test server, as servers of different kinds answer them."""

import json
import re
from typing import Any

from llm_brain import find_passage, fit_schema
from llm_speaker import Body, Refused, Speaker, render_chat, text_of_content, token_item

_PROSE = "Sure! Here is what I think about this text."

# Families of OpenAI's models (apis.md 1.1).
_NEW = re.compile(r"^(o\d|gpt-[5-9])")
_ALWAYS_REASONS = re.compile(r"^(o\d|gpt-5(?!\.)|gpt-6-astra|gpt-6\.1-sol)")
_REASONS_BY_DEFAULT = re.compile(r"^(gpt-5\.[56]|gpt-6-sol|gpt-6-luna)")


def chat(speaker: Speaker, body: Body) -> Body:
    _check(speaker, body)
    rendered = render_chat(body)
    n_read = speaker.admit(rendered)
    text = speaker.cut(_last_user_text(body["messages"]))
    if body.get("logprobs") and speaker.flavour != "silent":
        choice, n_written = _label(speaker, text, body)
    else:
        choice, n_written = _say(speaker, text, body)
    choices = [{"index": 0, **choice}]
    answer = speaker.wrap("chat.completion", body, choices, n_read, n_written)
    if speaker.flavour == "vllm" and body.get("prompt_logprobs") is not None:
        answer["prompt_logprobs"] = list_prompt_logprobs(speaker, speaker.cut(rendered), body)
    return answer


def _last_user_text(messages: list[Body]) -> str:
    users = [message for message in messages if message["role"] == "user"]
    return text_of_content((users or messages)[-1]["content"])


def _limit_of(body: Body) -> int | None:
    return body.get("max_completion_tokens", body.get("max_tokens"))


# What is refused.


def _check(speaker: Speaker, body: Body) -> None:
    n_top = body.get("top_logprobs")
    if speaker.flavour == "silent":
        return
    if speaker.flavour == "chat_only":
        _check_chat_only(speaker, body)
    if n_top and not body.get("logprobs") and speaker.flavour != "llamacpp":
        raise Refused(400, "when using `top_logprobs`, `logprobs` must be set to true.")
    if n_top is not None and n_top > speaker.max_top_logprobs:
        raise Refused(400, f"'top_logprobs' must be at most {speaker.max_top_logprobs}")
    if speaker.flavour == "vllm":
        check_label_ids(body)
    if speaker.strict and speaker.flavour in ("openai", "chat_only"):
        _check_family(str(body["model"]), body)
        _check_strict_schema(body)


def check_label_ids(body: Body) -> None:
    """Check vLLM's `logprob_token_ids` (vllm/entrypoints/openai/chat_completion/protocol.py)."""
    ids = body.get("logprob_token_ids")
    if ids is None:
        return
    if not 1 <= len(ids) <= 128:
        raise Refused(400, "`logprob_token_ids` must hold 1 to 128 ids.")
    if body.get("logprobs") is None or body["logprobs"] is False:  # 0 is fine on completions
        said = "when using `logprob_token_ids`, `logprobs` must be set to true."
        raise Refused(400, said)


def _check_chat_only(speaker: Speaker, body: Body) -> None:
    if body.get("logprobs") or body.get("top_logprobs") is not None:
        said = "You are not allowed to request logprobs from this model"
        raise Refused(speaker.refuse_logprobs, said)
    wanted = (body.get("response_format") or {}).get("type")
    if not speaker.schemas and wanted == "json_schema":
        said = "Invalid parameter: 'response_format' of type 'json_schema' is not supported"
        raise Refused(400, said)


def _check_family(model: str, body: Body) -> None:
    if _NEW.match(model) and "max_tokens" in body:
        said = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
        raise Refused(400, said, "unsupported_parameter")
    effort = body.get("reasoning_effort")
    always = bool(_ALWAYS_REASONS.match(model))
    if always and effort == "none":
        raise Refused(400, "Unsupported value: 'reasoning_effort'", "unsupported_value")
    default = bool(_REASONS_BY_DEFAULT.match(model)) and effort is None
    if not (always or default or (_NEW.match(model) and effort not in (None, "none"))):
        return
    if body.get("logprobs"):
        raise Refused(403, "You are not allowed to request logprobs from this model")
    if body.get("temperature", 1) != 1 or body.get("top_p", 1) != 1:
        said = "Unsupported value: 'temperature' does not support this value with this model."
        raise Refused(400, said, "unsupported_value")


def _check_strict_schema(body: Body) -> None:
    wanted = body.get("response_format") or {}
    if wanted.get("type") != "json_schema" or not wanted["json_schema"].get("strict"):
        return
    schema = wanted["json_schema"]["schema"]
    if schema.get("type") != "object":
        raise Refused(400, "Invalid schema for response_format: the root must be an object")
    for part in _objects_in(schema):
        names = set(part.get("properties", {}))
        if part.get("additionalProperties") is not False or set(part.get("required", ())) != names:
            said = (
                "Invalid schema for response_format: 'additionalProperties' is required to be "
                "supplied and to be false, and 'required' to hold every key in properties."
            )
            raise Refused(400, said)


def _objects_in(node: Any) -> list[Body]:
    found = [node] if isinstance(node, dict) and node.get("type") == "object" else []
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return found + [part for one in inner for part in _objects_in(one)]


# What is said.


def _thinks(speaker: Speaker, body: Body) -> bool:
    kwargs = body.get("chat_template_kwargs") or {}
    off = body.get("reasoning_effort") == "none" or kwargs.get("enable_thinking") is False
    return speaker.reasons and not off


def _say(speaker: Speaker, text: str, body: Body) -> tuple[Body, int]:
    content, n_thought = _content(speaker, text, body), 0
    n_written = len(speaker.tokenizer.pieces(content))
    if _thinks(speaker, body):
        n_thought = speaker.think_tokens
        content = f"<think>\nLet me see.\n</think>\n\n{content}"
    n_written, limit, finish = n_written + n_thought, _limit_of(body), "stop"
    if limit is not None and n_written > limit:
        # What is cut while it thinks has said nothing.
        content = "" if n_thought else "".join(speaker.tokenizer.pieces(content)[:limit])
        finish, n_written = "length", limit
    message = {"role": "assistant", "content": content, "refusal": None}
    return {"message": message, "logprobs": None, "finish_reason": finish}, n_written


def _content(speaker: Speaker, text: str, body: Body) -> str:
    said = speaker.brain.chat(text, body) if speaker.brain.chat else None
    if isinstance(said, str):
        return said
    written: Body = {"answer": "hello"} if said is None else said
    if said is None and (passage := find_passage(text)):
        written = dict(speaker.brain.write(passage, body.get("seed") or 0))
    schema = _schema_of(speaker, body)
    if schema is not None:
        written = fit_schema(schema, written)
    elif said is None and not _writes_json(speaker, body):
        return _PROSE
    return json.dumps(written, ensure_ascii=False)


def _schema_of(speaker: Speaker, body: Body) -> Body | None:
    """The schema that the server obeys. vLLM's removed `guided_json` is ignored, as there."""
    if speaker.flavour == "silent":
        return None
    if speaker.flavour == "vllm" and "json" in (body.get("structured_outputs") or {}):
        schema: str | Body = body["structured_outputs"]["json"]
        return json.loads(schema) if isinstance(schema, str) else schema
    wanted = body.get("response_format") or {}
    return wanted["json_schema"]["schema"] if wanted.get("type") == "json_schema" else None


def _writes_json(speaker: Speaker, body: Body) -> bool:
    if speaker.flavour == "openai" or "json" in json.dumps(body["messages"]).lower():
        return True
    forced = (body.get("response_format") or {}).get("type") == "json_object"
    return forced and speaker.flavour != "silent"


def _label(speaker: Speaker, text: str, body: Body) -> tuple[Body, int]:
    """The likeliest label: all that the model says when log-probabilities are asked for."""
    best = speaker.top_tokens(text)[0]
    items = [{**best, "top_logprobs": _shown_tokens(speaker, text, body)}]
    if _thinks(speaker, body):
        items = _thinking(speaker.think_tokens) + items
    limit = _limit_of(body)
    shown = items[:limit]
    said = best["token"] if len(shown) == len(items) else ""
    # At the limit no end was generated, even if the answer was complete.
    finish = "length" if len(shown) == limit else "stop"
    if body.get("return_tokens_as_token_ids") and speaker.flavour == "vllm":
        shown = [_with_ids(speaker, item) for item in shown]
    return {
        "message": {"role": "assistant", "content": said, "refusal": None},
        "logprobs": {"content": shown, "refusal": None},
        "finish_reason": finish,
    }, len(shown)


def _shown_tokens(speaker: Speaker, text: str, body: Body) -> list[Body]:
    top = speaker.top_tokens(text)
    ids = body.get("logprob_token_ids")
    if ids and speaker.flavour == "vllm":
        items = [token_item(speaker.text_of(i), speaker.logprob_of_id(i, text)) for i in ids]
        return items if top[0] in items else [top[0], *items]
    n_top = body.get("top_logprobs")
    return top[: (20 if speaker.flavour == "llamacpp" else 0) if n_top is None else n_top]


def _thinking(n: int) -> list[Body]:
    """The tokens of thinking, the likeliest alternatives beside each."""
    words = ["<think>", *[" hm"] * (n - 2), "</think>"]
    other = token_item("Okay", -5.0)
    items = [token_item(word, -0.01) for word in words]
    return [{**item, "top_logprobs": [item, other]} for item in items]


def _with_ids(speaker: Speaker, item: Body) -> Body:
    named = {**item, "token": speaker.name_by_id(item["token"])}
    if "top_logprobs" in item:
        named["top_logprobs"] = [_with_ids(speaker, other) for other in item["top_logprobs"]]
    return named


def list_prompt_logprobs(speaker: Speaker, rendered: str, body: Body) -> list[Body | None]:
    """vLLM's: for each token of the prompt its own entry first, then the likeliest ones."""
    found: list[Body | None] = []
    for piece, value in zip(*speaker.score(rendered), strict=True):
        ranked = [] if value is None else [(piece, value, 57)]
        if ranked and body["prompt_logprobs"]:
            ranked.append((" the", -0.3, 1))
        entries = {
            str(speaker.tokenizer.id_of(text)): {
                "logprob": logprob,
                "rank": rank,
                "decoded_token": text,
            }
            for text, logprob, rank in ranked
        }
        found.append(entries or None)
    return found
