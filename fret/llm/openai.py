"""Requests and answers in the form of OpenAI-compatible servers: pure functions and one sender.

`body_of` makes what is sent, `read_answer` makes a reply of what came back; both are pure, so an
answer read from the store gives the same reply as one that has just arrived. `OpenAISender` sends.
"""

import asyncio
import itertools
import json
import math
import re
from typing import Any

from pydantic import BaseModel

from fret.errors import ModelError
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


class Transient(Exception):
    """The server could not answer now; the same request may be sent again."""

    def __init__(
        self, message: str, retry_after_s: float | None = None, *, unknown: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.unknown = unknown
        """Whether the request may have been answered, and paid, all the same."""


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
                schema = {
                    "name": "answer",
                    "strict": True,
                    "schema": request.shape.model_json_schema(),
                }
                body["response_format"] = {"type": "json_schema", "json_schema": schema}
        case Labels():
            body = _chat_body(model, request.messages, 1, 0.0)
            body |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
        case Likelihood():
            # One token is generated and ignored: several servers refuse max_tokens = 0.
            text = request.prompt + request.continuation
            body = {
                "model": model,
                "prompt": text,
                "max_tokens": 1,
                "temperature": 0.0,
                "echo": True,
                "logprobs": 1,
            }
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


def read_answer(request: Request, raw: bytes) -> Reply | Failure:
    """Read the bytes of an answer with status 200.

    Raises:
        Transient: the bytes are no answer of such a server at all (HTML, cut JSON, an error in
            disguise).
    """
    try:
        data = json.loads(raw)
    except ValueError:
        raise Transient(
            f"the server answered with something that is not JSON: {_excerpt(raw)}"
        ) from None
    if not isinstance(data, dict) or not data.get("choices"):
        raise Transient(f"the server's answer has no choices: {_excerpt(raw)}")
    choice, usage = data["choices"][0], _usage_of(data)
    try:
        match request:
            case Chat():
                return _read_chat(request, choice, usage)
            case Labels():
                return _read_labels(request, choice, usage)
            case Likelihood():
                return _read_likelihood(request, choice, usage)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        return Failure(FailureKind.UNREADABLE, f"the answer lacks {error}: {_excerpt(raw)}")


def _read_chat(request: Chat, choice: dict[str, Any], usage: Usage) -> Reply | Failure:
    message = choice["message"]
    if message.get("refusal"):
        return Failure(FailureKind.REFUSED, str(message["refusal"]))
    if choice.get("finish_reason") == "content_filter":
        return Failure(FailureKind.REFUSED, "the server's content filter stopped the answer")
    text = message.get("content") or ""
    if choice.get("finish_reason") == "length":
        return Failure(FailureKind.CUT, f"the answer hit the token limit: {text[-80:]!r}")
    if not text.strip():
        return Failure(FailureKind.UNREADABLE, "the answer is empty")
    return (
        ChatReply(text, usage) if request.shape is None else read_shape(request.shape, text, usage)
    )


def read_shape(shape: type[BaseModel], text: str, usage: Usage) -> Reply | Failure:
    """Read JSON of a shape from what a model said.

    The model may have put words or a code fence around it.
    """
    start = text.find("{")
    try:
        data, _ = (
            json.JSONDecoder(strict=False).raw_decode(text, start) if start >= 0 else (None, 0)
        )
        if not isinstance(data, dict):
            raise ValueError("there is no JSON object in it")
        known = {key: value for key, value in data.items() if key in shape.model_fields}
        return ChatReply(text, usage, shape.model_validate(known))
    except ValueError as error:  # pydantic's and json's errors are ValueErrors
        return Failure(FailureKind.UNREADABLE, f"{str(error)[:200]}; it said {text[:100]!r}")


def _read_labels(request: Labels, choice: dict[str, Any], usage: Usage) -> Reply | Failure:
    content = (choice.get("logprobs") or {}).get("content")
    if not content:
        return Failure(FailureKind.UNREADABLE, "the server sent no log-probabilities")
    top = [
        (str(item["token"]).strip(), float(item["logprob"])) for item in content[0]["top_logprobs"]
    ]
    # "0", " 0" and "0\n" are all the label 0: their probabilities add up.
    found = {
        label: _log_sum([lp for token, lp in top if token == label]) for label in request.labels
    }
    missing = tuple(label for label, logprob in found.items() if logprob == -math.inf)
    if len(missing) == len(request.labels):
        said = ", ".join(repr(token) for token, _ in top[:5])
        return Failure(
            FailureKind.UNREADABLE,
            f"none of the labels {request.labels} is among the likely tokens: {said}",
        )
    floor = min(logprob for _, logprob in top)
    return LabelsReply(
        tuple(floor if lp == -math.inf else lp for lp in found.values()), missing, usage
    )


def _read_likelihood(request: Likelihood, choice: dict[str, Any], usage: Usage) -> Reply | Failure:
    logprobs = choice.get("logprobs")
    if not logprobs or not logprobs.get("token_logprobs"):
        return Failure(FailureKind.UNREADABLE, "the server sent no log-probabilities of the prompt")
    lengths = [len(token) for token in logprobs["tokens"]]
    starts = logprobs.get("text_offset") or [0, *itertools.accumulate(lengths[:-1])]
    begin, end = len(request.prompt), len(request.prompt) + len(request.continuation)
    values = [
        value
        for start, length, value in zip(starts, lengths, logprobs["token_logprobs"], strict=True)
        if begin < start + length and start < end
    ]
    if not values or None in values:
        return Failure(FailureKind.UNREADABLE, "the log-probabilities do not cover the query")
    return LikelihoodReply(math.fsum(values), len(values), usage)


def _usage_of(data: dict[str, Any]) -> Usage:
    usage = data.get("usage") or {}
    return Usage(int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0))


def _log_sum(logprobs: list[float]) -> float:
    if not logprobs:
        return -math.inf
    high = max(logprobs)
    return high + math.log(math.fsum(math.exp(lp - high) for lp in logprobs))


def _excerpt(raw: bytes) -> str:
    return repr(raw[:200].decode("utf-8", "replace"))


class OpenAISender:
    """Posts bodies to one server.

    All its errors are `Transient`, `Failure` values or `ModelError`.
    """

    def __init__(
        self, *, base_url: str, api_key: str | None, concurrency: int, timeout_s: float
    ) -> None:
        import httpx2
        from openai import AsyncOpenAI, DefaultAioHttpClient

        self._timeout_s = timeout_s
        self._response = httpx2.Response
        limits = httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        # max_retries=0: the SDK would send again after a timeout with no idempotency key, and a
        # lost answer would be paid three times. The one retry layer is fret's pool.
        self._client = AsyncOpenAI(
            base_url=base_url,
            api_key=api_key or "none",
            max_retries=0,
            timeout=timeout_s,
            http_client=DefaultAioHttpClient(limits=limits, timeout=timeout_s),
        )

    async def send(self, path: str, body: dict[str, Any]) -> bytes | Failure:
        """Post a body and return the bytes of the answer."""
        import openai

        try:
            # The SDK's timeout starts anew with every byte; this one is for the whole attempt.
            async with asyncio.timeout(self._timeout_s):
                # Raw bytes, no typed objects: the store keeps what came, and this is twice as fast.
                response = await self._client.post(path, body=body, cast_to=self._response)
                return bytes(response.content)
        except (TimeoutError, openai.APITimeoutError):
            raise Transient(f"no answer within {self._timeout_s:g} s", unknown=True) from None
        except openai.APIStatusError as error:
            return self._read_status(error)
        except openai.APIConnectionError as error:
            why = f"no connection to {self._where}: {error.__cause__ or error}"
            raise Transient(why, unknown=True) from None

    async def reach(self) -> None:
        """Check that something answers at the address; what it answers does not matter here.

        Raises:
            Transient: nothing is there.
            ModelError: the key is refused.
        """
        import openai

        try:
            async with asyncio.timeout(min(self._timeout_s, 20)):
                await self._client.get("/models", cast_to=self._response)
        except (TimeoutError, openai.APITimeoutError):
            raise Transient("it does not answer") from None
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise ModelError(self._refusal(error)) from None
        except openai.APIStatusError:
            pass
        except openai.APIConnectionError as error:
            raise Transient(str(error.__cause__ or error)) from None

    async def close(self) -> None:
        await self._client.close()

    @property
    def _where(self) -> str:
        return f"{self._client.base_url.host}:{self._client.base_url.port or 443}"

    def _read_status(self, error: Any) -> Failure:
        status, text = error.status_code, str(error)[:300]
        quota = getattr(error, "code", None) == "insufficient_quota" or "insufficient_quota" in text
        if status in {401, 403, 404} or quota:
            raise ModelError(self._refusal(error)) from None
        if status in {408, 409, 425, 429} or status >= 500:
            retry_after = parse_retry_after(error.response.headers)
            raise Transient(f"status {status}: {text}", retry_after) from None
        return Failure(FailureKind.REJECTED, f"status {status}: {text}")

    def _refusal(self, error: Any) -> str:
        why = {
            401: "the key is missing or wrong (see api_key_env)",
            403: "the key may not do this, or the model does not allow it",
            404: "the server does not know this path or model",
        }.get(error.status_code, "the quota is used up")
        return (
            f"{self._where} stopped us: {why}. It says: {str(error)[:300]}. "
            "Mend that and run the same command again: all answers so far are kept."
        )


def parse_retry_after(headers: Any) -> float | None:
    """Read how long a server asks us to wait, in seconds.

    None when it does not say, or says nonsense.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if 0 <= seconds < math.inf:
            return seconds
    return None
