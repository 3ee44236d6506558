"""What all readers of answers share."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError

from fret.llm.types import Failure, Reply, Usage

# All that odd JSON can raise on its way into a reply; ArithmeticError from numbers beyond a float,
# RecursionError from absurdly deep nesting.
ODD_ANSWER = (
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)

# A shorter key is none that is worth hiding, such as "EMPTY", and may be a word of an answer.
_SHORTEST_SECRET = 16


class Transient(Exception):
    """The server could not answer now; the same request may be sent again."""

    def __init__(
        self,
        message: str,
        retry_after_s: float | None = None,
        *,
        unknown: bool = False,
        limited: bool = False,
        silent: bool = False,
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.unknown = unknown
        """Whether the request may have been answered, and paid, all the same."""
        self.silent = silent
        """Whether no answer came in time, though the server was there."""
        self.limited = limited
        """Whether the server is well and only asks for fewer requests."""


def has_choices(data: Any) -> bool:
    return isinstance(data, dict) and bool(data.get("choices"))


@dataclass(frozen=True, slots=True)
class Way:
    """One way to ask one kind of request."""

    path: str
    make_body: Callable[[Any, str, tuple[int, ...]], dict[str, Any]]
    """(request, model, tokens of the labels) -> body."""
    read: Callable[[Any, Any], Reply | Failure]
    """(request, answer) -> reply; may raise any of `ODD_ANSWER`."""
    is_answer: Callable[[Any], bool] = has_choices
    """Whether a JSON value is an answer at all, good or bad."""
    join: Callable[[list[dict[str, Any]]], dict[str, Any]] | None = None
    split: Callable[[Any, int], list[Any]] | None = None


def load_json(raw: bytes) -> Any:
    """Parse an answer.

    Raises:
        Transient: it is not JSON.
    """
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        pass
    try:  # NaN is no JSON, yet servers write it
        return json.loads(raw)
    except (ValueError, RecursionError):
        is_cut = raw.lstrip()[:1] in {b"{", b"["}  # an answer was made, and may be paid
        why = f"it answered with something that is not JSON: {excerpt(raw)}"
        raise Transient(why, unknown=is_cut) from None


def hide_key(raw: bytes, secret: str) -> bytes:
    """Return what an answer says without the key: it is stored, and shown if it is odd."""
    return raw.replace(secret.encode(), b"(key)") if len(secret) >= _SHORTEST_SECRET else raw


def usage_of(data: dict[str, Any]) -> Usage:
    """Read the tokens of an answer; zero where the server counts none, or writes nonsense."""
    usage = data.get("usage")
    if not isinstance(usage, dict):
        return Usage()
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    return Usage(
        input_tokens=count_of(usage.get("prompt_tokens", usage.get("input_tokens"))),
        output_tokens=count_of(usage.get("completion_tokens", usage.get("output_tokens"))),
        cached_tokens=count_of(details.get("cached_tokens")) if isinstance(details, dict) else 0,
    )


def count_of(value: Any) -> int:
    """Read a number of tokens; zero for nonsense."""
    # Beyond 2**53 it is no count of tokens, and SQLite could not hold their sum.
    return int(value) if isinstance(value, int | float) and 0 <= value < 2**53 else 0


def finite(value: Any) -> float:
    """Read a log-probability; a raw logit, which some servers give in its place, is none."""
    number = float(value)
    if not math.isfinite(number) or number > 1e-3:  # rounding may leave a little over zero
        raise ValueError(f"{number} is no log-probability")
    return number


def log_sum(logprobs: Sequence[float]) -> float:
    """Return the log of the sum of probabilities."""
    high = max(logprobs)
    if not math.isfinite(high):
        return high
    return high + math.log(math.fsum(math.exp(logprob - high) for logprob in logprobs))


def describe(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "the JSON is of absurd depth"
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return f"the answer lacks {error}" if isinstance(error, KeyError) else str(error)[:200]


def excerpt(raw: bytes) -> str:
    return repr(raw[:200].decode("utf-8", "replace"))
