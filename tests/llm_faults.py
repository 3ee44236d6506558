"""How the test server fails: on the wire, or in what an answer with status 200 says.

Before an answer: a status (`429`, `500`, `503`, `401`, `404`, `400`), `429 soon` (retry-after
0.2 s), `429 long` (300 s), `429 date` (an HTTP date about a second ahead), `quota`, `ok`.
On the wire: `hang`, `slow bytes`, `cut`, `cut body`, `cut json`, `html`, `error 200`, `bad gzip`,
`huge` (40 MB when inflated).
In the answer: `refusal`, `filter`, `length`, `empty`, `prose`, `fenced json`, `echo`, `no choices`,
`no logprobs`, `nan`, `think`, `label missing`.
"""

import asyncio
import gzip
import json
import math
import re
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

from aiohttp import web

Answer = Callable[[], Any]
"""Makes the answer that a fault spoils."""

_JSON = re.compile(r"\{[^{}]*\}")
_HUGE = 40_000_000


def limit_headers(
    requests: tuple[int | str, int | str, str] | None = None,
    tokens: tuple[int | str, int | str, str] | None = None,
) -> dict[str, str]:
    """Rate-limit headers as of OpenAI: (limit, remaining, reset), a reset being as `6m0s`."""
    headers = {}
    for kind, values in (("requests", requests), ("tokens", tokens)):
        if values is not None:
            for name, value in zip(("limit", "remaining", "reset"), values, strict=True):
                headers[f"x-ratelimit-{name}-{kind}"] = str(value)
    return headers


AZURE_HEADERS = limit_headers((-1, 0, "0"), (-1, 0, "0"))
"""Placeholders, as Azure sends them; it sends no retry-after."""


def error(
    status: int, message: str, code: str | None, headers: dict[str, str] | None = None
) -> web.Response:
    body = {"error": {"message": message, "type": "planted", "code": code}}
    return web.json_response(body, status=status, headers=headers)


async def fail(kind: str, request: web.Request, answer: Answer) -> web.StreamResponse | None:
    """Answer a request with a fault of a kind; None if it shall be answered as it should."""
    if kind.partition(" ")[0].isdigit() or kind == "quota":
        return _refuse(kind, request.headers.get("Authorization", ""))
    match kind:
        case "ok":
            return None
        case "hang":
            await asyncio.sleep(30)
            return None
        case "cut":
            assert request.transport
            request.transport.abort()
            return web.Response(status=500)
        case "html":
            return web.Response(text="<html>gateway</html>", content_type="text/html")
        case "error 200":
            return web.json_response({"error": {"message": "overloaded", "code": 500}})
        case "slow bytes":
            return await _drip(request)
        case "cut json" | "cut body" | "bad gzip" | "huge":
            return await _break(kind, request, json.dumps(answer()).encode())
        case _:
            return web.json_response(spoil(kind, answer()))


def _refuse(kind: str, authorization: str) -> web.Response:
    match kind:
        case "429 soon":
            headers = {"retry-after": "0.2"}
        case "429 long":
            headers = {"retry-after": "300"}
        case "429 date":
            headers = {"retry-after": formatdate(math.ceil(time.time() + 1), usegmt=True)}
        case "quota":
            return error(429, "You exceeded your quota", "insufficient_quota")
        case _:
            # Services do repeat the key that they were sent.
            return error(int(kind), f"on purpose {kind}: {authorization}", "planted")
    return error(429, "slow down", "rate_limit_exceeded", headers)


async def _break(kind: str, request: web.Request, whole: bytes) -> web.StreamResponse:
    packed = {"content-encoding": "gzip", "content-type": "application/json"}
    match kind:
        case "cut json":
            return web.Response(body=whole[: len(whole) // 2], content_type="application/json")
        case "bad gzip":
            return web.Response(body=b"no gzip" + whole, headers=packed)
        case "huge":
            bomb = await asyncio.to_thread(gzip.compress, b" " * _HUGE + whole, 1)
            return web.Response(body=bomb, headers=packed)
    response = web.StreamResponse(headers={"content-length": str(len(whole) + 1000)})
    response.content_type = "application/json"
    await response.prepare(request)
    await response.write(whole)
    assert request.transport
    request.transport.close()  # what was written still arrives
    return response


async def _drip(request: web.Request) -> web.StreamResponse:
    """Send a byte now and then, until the client goes: no timeout between bytes sees it."""
    response = web.StreamResponse(headers={"content-type": "application/json"})
    await response.prepare(request)
    while request.transport is not None and not request.transport.is_closing():
        try:
            await response.write(b" ")
        except ConnectionError:
            break
        await asyncio.sleep(0.05)
    return response


def spoil(kind: str, reply: Any) -> Any:
    """Change what an answer says."""
    if kind == "nan":
        return _plant_nan(reply)
    if kind == "no choices":
        return {**reply, "choices": []}
    if "choices" not in (reply[0] if isinstance(reply, list) else reply):
        return _spoil_native(kind, reply)
    choice = reply["choices"][0]
    if kind in _SAID:
        choice["message"]["content"] = _SAID[kind](choice["message"]["content"])
    elif kind in _FINISHED:
        choice["finish_reason"] = _FINISHED[kind]
    elif kind == "refusal":
        choice["message"] |= {"content": None, "refusal": "I will not."}
    else:
        _spoil_logprobs(kind, choice)
    return reply


def _spoil_logprobs(kind: str, choice: dict[str, Any]) -> None:
    match kind:
        case "no logprobs":
            choice["logprobs"] = None
        case "think":
            top = [{"token": "<think>", "logprob": -0.01}, {"token": "Okay", "logprob": -5.0}]
            choice["logprobs"] = {"content": [{**top[0], "top_logprobs": top}]}
        case "label missing":
            content = choice["logprobs"]["content"][0]
            content["top_logprobs"] = [t for t in content["top_logprobs"] if t["token"] != "3"]
        case _:
            raise ValueError(f"unknown fault {kind!r}")


_FINISHED = {"filter": "content_filter", "length": "length"}

_SAID: dict[str, Callable[[str], str]] = {
    "empty": lambda said: "",
    "prose": lambda said: "Sure! Here is a query for you.",
    "fenced json": lambda said: f"Here:\n```json\n{said}\n```",
}


def _spoil_native(kind: str, reply: Any) -> Any:
    """Spoil an answer of /generate or /v1/decisions."""
    for one in reply if isinstance(reply, list) else [reply]:
        match kind:
            case "no logprobs":
                one["meta_info"].pop("input_token_logprobs", None)
            case "refusal":
                names = [answer["name"] for answer in one["answers"]]
                one["answers"] = [{"type": "refusal", "name": name} for name in names]
            case _:
                raise ValueError(f"fault {kind!r} does not fit the answer")
    return reply


def _plant_nan(reply: Any) -> Any:
    """Make the first log-probability that matters NaN, which Python's JSON writes and reads."""
    if isinstance(reply, list):
        return [_plant_nan(reply[0]), *reply[1:]]
    if "meta_info" in reply:
        reply["meta_info"]["input_token_logprobs"][-1][0] = math.nan
    elif "scores" in reply:
        reply["scores"][0][0] = math.nan
    elif "answers" in reply:
        _plant_nan_answer(reply["answers"][0])
    elif "content" in reply["choices"][0]["logprobs"]:
        first = reply["choices"][0]["logprobs"]["content"][0]
        (first["top_logprobs"] or [first])[0]["logprob"] = math.nan
    else:
        values = reply["choices"][0]["logprobs"]["token_logprobs"]
        values[:] = [None if value is None else math.nan for value in values]
    return reply


def _plant_nan_answer(answer: dict[str, Any]) -> None:
    for key in ("score", "probability", "confidence"):
        if key in answer:
            answer[key] = math.nan
            return


def repeat_example(reply: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """Let an answer be the example that the prompt gave (an earlier turn, or JSON in its text)."""
    turns = [m["content"] for m in body["messages"] if m["role"] == "assistant"]
    shown = _JSON.findall("\n".join(str(m["content"]) for m in body["messages"]))
    reply["choices"][0]["message"]["content"] = (turns + shown + ["hello"])[0]
    return reply
