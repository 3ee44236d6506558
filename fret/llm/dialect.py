"""Requests and answers in the form of OpenAI-compatible servers, as pure functions.

`body_of` makes what is sent, `read_answer` a reply of what came back. Both are pure, so an answer
read from the store gives the same reply as one that has just arrived.
"""

import json
import math
import re
from typing import Any

from pydantic import BaseModel

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
    Usage,
)

# What chat servers give at most (OpenAI, vLLM and Ollama by default).
TOP_LOGPROBS = 20

# Models of OpenAI that take max_completion_tokens only.
_NEW_LIMIT = re.compile(r"^(o\d|gpt-[5-9])")

_PATHS = {Chat: "/chat/completions", Labels: "/chat/completions", Likelihood: "/completions"}

# All that odd JSON can raise on its way into a reply; RecursionError from absurdly deep nesting.
_ODD_ANSWER = (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError)

# What servers print for a token that holds only some bytes of a character.
_PIECE = "\N{REPLACEMENT CHARACTER}"


class Transient(Exception):
    """The server could not answer now; the same request may be sent again."""

    def __init__(
        self,
        message: str,
        retry_after_s: float | None = None,
        *,
        unknown: bool = False,
        limited: bool = False,
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.unknown = unknown
        """Whether the request may have been answered, and paid, all the same."""
        self.limited = limited
        """Whether the server is well and only asks for fewer requests."""


def path_of(request: Request) -> str:
    """Return the path that a request is posted to, below the base URL."""
    return _PATHS[type(request)]


def body_of(
    request: Request, *, model: str, json_schema: bool, extra: dict[str, Any]
) -> dict[str, Any]:
    """Return the JSON body for a request: all that reaches the model."""
    match request:
        case Chat():
            body = _chat_body(model, request.messages, request.max_tokens, request.temperature)
            if request.sample:  # a further draw, which the server must not answer like the first
                body["seed"] = request.sample
            if request.shape is not None and json_schema:
                body["response_format"] = _response_format(request.shape)
        case Labels():
            body = _chat_body(model, request.messages, 1, 0.0)
            body |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
        case Likelihood():
            # One token is generated and ignored: several servers refuse max_tokens = 0.
            text = request.prompt + request.continuation
            body = {"model": model, "prompt": text, "max_tokens": 1, "temperature": 0.0}
            body |= {"echo": True, "logprobs": 1}
    return body | extra


def _chat_body(
    model: str, messages: tuple[tuple[str, str], ...], limit: int, temperature: float
) -> dict[str, Any]:
    return {
        "model": model,
        "messages": [{"role": role, "content": text} for role, text in messages],
        "max_completion_tokens" if _NEW_LIMIT.match(model) else "max_tokens": limit,
        "temperature": temperature,
    }


def _response_format(shape: type[BaseModel]) -> dict[str, Any]:
    schema = {"name": "answer", "strict": True, "schema": shape.model_json_schema()}
    return {"type": "json_schema", "json_schema": schema}


def read_answer(request: Request, raw: bytes) -> Reply | Failure:
    """Read the bytes of an answer with status 200.

    Raises:
        Transient: the bytes are no answer of such a server at all (HTML, cut JSON, an error in
            disguise).
    """
    try:
        data = json.loads(raw)
    except ValueError:
        raise Transient(f"it answered with something that is not JSON: {_excerpt(raw)}") from None
    except RecursionError:
        return Failure(FailureKind.UNREADABLE, "the answer is JSON of absurd depth")
    if not isinstance(data, dict) or not data.get("choices"):
        raise Transient(f"its answer has no choices: {_excerpt(raw)}")
    try:
        return _read_choice(request, data["choices"][0], _usage_of(data))
    except _ODD_ANSWER as error:
        return Failure(FailureKind.UNREADABLE, f"{_describe(error)}: {_excerpt(raw)}")


def _read_choice(request: Request, choice: dict[str, Any], usage: Usage) -> Reply | Failure:
    match request:
        case Chat():
            return _read_chat(request, choice, usage)
        case Labels():
            return _read_labels(request, choice, usage)
        case Likelihood():
            return _read_likelihood(request, choice, usage)


def _read_chat(request: Chat, choice: dict[str, Any], usage: Usage) -> Reply | Failure:
    message = choice["message"]
    if message.get("refusal"):
        return Failure(FailureKind.REFUSED, str(message["refusal"]))
    if choice.get("finish_reason") == "content_filter":
        return Failure(FailureKind.REFUSED, "the server's content filter stopped the answer")
    text = str(message.get("content") or "")
    if choice.get("finish_reason") == "length":
        return Failure(FailureKind.CUT, f"the answer hit the token limit: {text[-80:]!r}")
    if not text.strip():
        return Failure(FailureKind.UNREADABLE, "the answer is empty")
    if request.shape is None:
        return ChatReply(text, usage)
    return read_shape(request.shape, text, usage)


def read_shape(shape: type[BaseModel], text: str, usage: Usage) -> Reply | Failure:
    """Read JSON of a shape from what a model said.

    The model may have put words or a code fence around it.
    """
    start = text.find("{")
    if start < 0:
        return Failure(FailureKind.UNREADABLE, f"there is no JSON object in {text[:100]!r}")
    try:
        data, _ = json.JSONDecoder(strict=False).raw_decode(text, start)
        known = {key: value for key, value in data.items() if key in shape.model_fields}
        return ChatReply(text, usage, shape.model_validate(known))
    except _ODD_ANSWER as error:  # pydantic's and json's errors are ValueErrors
        return Failure(FailureKind.UNREADABLE, f"{_describe(error)}; it said {text[:100]!r}")


def _read_labels(request: Labels, choice: dict[str, Any], usage: Usage) -> Reply | Failure:
    content = (choice.get("logprobs") or {}).get("content")
    if not content:
        return Failure(FailureKind.UNREADABLE, "the server sent no log-probabilities")
    top = [(str(item["token"]).strip(), _finite(item["logprob"])) for item in _top_of(content[0])]
    # "0", " 0" and "0\n" are all the label 0: their probabilities add up.
    found = [_log_sum([lp for token, lp in top if token == label]) for label in request.labels]
    missing = tuple(label for label, lp in zip(request.labels, found, strict=True) if lp is None)
    if len(missing) == len(request.labels):
        said = ", ".join(repr(token) for token, _ in top[:5])
        why = f"none of the labels {request.labels} is among the likely tokens: {said}"
        return Failure(FailureKind.UNREADABLE, why)
    bound = _bound_of_the_rest([logprob for _, logprob in top])
    return LabelsReply(tuple(bound if lp is None else lp for lp in found), missing, usage)


def _top_of(item: dict[str, Any]) -> list[dict[str, Any]]:
    return item.get("top_logprobs") or [item]


def _bound_of_the_rest(logprobs: list[float]) -> float:
    """Return the most that a token outside of the reported ones can have.

    It is no likelier than the least likely reported one, nor than all the probability that is left.
    """
    left = 1 - math.fsum(math.exp(lp) for lp in logprobs)
    # Rounding may leave nothing or less; a server's logs are good to about six digits.
    return min(min(logprobs), math.log(max(left, 1e-6)))


def _read_likelihood(request: Likelihood, choice: dict[str, Any], usage: Usage) -> Reply | Failure:
    logprobs = choice.get("logprobs") or {}
    tokens, values = logprobs.get("tokens") or [], logprobs.get("token_logprobs") or []
    if not values or len(tokens) != len(values):
        return Failure(FailureKind.UNREADABLE, "the server sent no log-probabilities of the prompt")
    text = request.prompt + request.continuation
    if values[0] is None and not text.startswith(tokens[0]):
        tokens, values = tokens[1:], values[1:]  # a token of its own that begins every text
    spans = align_tokens(tokens, text)
    if spans is None:
        return Failure(FailureKind.UNREADABLE, "the tokens do not spell the text that was sent")
    begin = len(request.prompt)
    wanted = [value for (_, end), value in zip(spans, values, strict=False) if end > begin]
    if not wanted or None in wanted:
        return Failure(FailureKind.UNREADABLE, "the log-probabilities do not cover the query")
    return LikelihoodReply(math.fsum(map(_finite, wanted)), len(wanted), usage)


def align_tokens(tokens: list[str], text: str) -> list[tuple[int, int]] | None:
    """Return where in a text each token stands, up to the text's end; None if they do not spell it.

    Offsets that servers send are no help: vLLM's count the begin-of-text token, SGLang's are -1. A
    character may be split over tokens, which then show as replacement characters: those take what
    lies before the next whole token.
    """
    if tokens and tokens[0].startswith(" ") and not text.startswith(" "):
        tokens = [tokens[0][1:], *tokens[1:]]  # sentencepiece begins a text with a space
    spans: list[tuple[int, int]] = []
    place = number = 0
    while place < len(text) and number < len(tokens):
        pieces = _count_pieces(tokens, number)
        end = _find_end(tokens, number, number + max(1, pieces), text, place)
        if end is None:
            return None
        spans += [(place, end)] * max(1, pieces)
        place, number = end, number + max(1, pieces)
    return spans if place >= len(text) else None


def _count_pieces(tokens: list[str], start: int) -> int:
    """Count the tokens from `start` on that hold parts of characters."""
    n = 0
    while start + n < len(tokens) and _PIECE in tokens[start + n]:
        n += 1
    return n


def _find_end(tokens: list[str], start: int, stop: int, text: str, place: int) -> int | None:
    """Find where tokens `start` to `stop` end that begin at `place`."""
    spelled = "".join(tokens[start:stop])
    if text.startswith(spelled, place):
        return place + len(spelled)
    if _PIECE not in spelled:
        return None
    if stop == len(tokens):
        return len(text)
    follow = "".join(tokens[stop : stop + 1 + _count_clean(tokens, stop)])[:20]
    for end in range(place, min(place + len(spelled), len(text)) + 1):
        if text.startswith(follow[: len(text) - end], end):
            return end
    return None


def _count_clean(tokens: list[str], start: int) -> int:
    n = 0
    while n < 8 and start + n + 1 < len(tokens) and _PIECE not in tokens[start + n + 1]:
        n += 1
    return n


def _usage_of(data: dict[str, Any]) -> Usage:
    usage = data.get("usage")
    if not isinstance(usage, dict):
        return Usage()
    return Usage(int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0))


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no log-probability")
    return number


def _log_sum(logprobs: list[float]) -> float | None:
    if not logprobs:
        return None
    high = max(logprobs)
    return high + math.log(math.fsum(math.exp(lp - high) for lp in logprobs))


def _describe(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "the JSON is of absurd depth"
    return f"the answer lacks {error}" if isinstance(error, KeyError) else str(error)[:200]


def _excerpt(raw: bytes) -> str:
    return repr(raw[:200].decode("utf-8", "replace"))
