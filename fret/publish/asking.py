"""Calls of the Hub, tried again where that can help.

The library's own ways of trying again differ from call to call, wait for an hour without a word
where the Hub asks for it, and have no timeout. So what the Hub answers is looked at in one place
(`_look_at`), and what can be tried again is tried by `ask`.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from fret.figures import count
from fret.publish.hub_errors import Busy, busy_of, is_passing

T = TypeVar("T")

_TRIES = 6
# A longer wait is the user's to decide on: hourly quotas of commits ask for half an hour.
_LONGEST_WAIT_S = 90.0
# A commit of thousands of files takes the Hub minutes.
_READ_S, _CONNECT_S = 600.0, 30.0
_BUSY = {408, 429, 500, 502, 503, 504}
# Waits that are worth a word.
_TOLD_S = 5.0


def ask(call: Callable[[], T], *, warn: Callable[[str], None]) -> T:
    """Make a call, a few times where trying again can help; its last error comes out as it is."""
    from tenacity import Retrying, retry_if_exception, stop_after_attempt

    def say_wait(state: Any) -> None:
        if (wait := state.next_action.sleep) > _TOLD_S:
            warn(
                f"The Hub is busy or out of reach; trying again in {count(round(wait), 'second')}."
            )

    retrying = Retrying(
        retry=retry_if_exception(_is_worth_waiting),
        stop=stop_after_attempt(_TRIES),
        wait=_choose_wait,
        before_sleep=say_wait,
        before=lambda _: _prepare_session(),
        reraise=True,
    )
    return retrying(call)


def _prepare_session() -> None:
    """Let the library's connections have timeouts, and tell of a busy Hub at once.

    Each time anew: the library lets go of them after a failed connection.
    """
    import httpx2
    from huggingface_hub import get_session

    session = get_session()
    session.timeout = httpx2.Timeout(_READ_S, connect=_CONNECT_S)
    hooks = session.event_hooks
    if _look_at not in hooks["response"]:
        session.event_hooks = {**hooks, "response": [*hooks["response"], _look_at]}


def _look_at(response: Any) -> None:
    if response.status_code not in _BUSY:
        return
    from huggingface_hub.utils import parse_ratelimit_headers

    limit = parse_ratelimit_headers(response.headers)
    told = response.headers.get("Retry-After", "")
    wait: float | None = None
    if limit is not None and limit.remaining == 0:
        wait = float(limit.reset_in_seconds)
    elif told.isdigit():
        wait = float(told)
    raise Busy(response.status_code, wait)


def _is_worth_waiting(error: BaseException) -> bool:
    busy = busy_of(error)
    wait = busy.wait_s if busy else None
    return is_passing(error) and (wait is None or wait <= _LONGEST_WAIT_S)


def _choose_wait(state: Any) -> float:
    from tenacity import wait_random_exponential

    busy = busy_of(state.outcome.exception())
    jitter = float(wait_random_exponential(multiplier=0.5, max=20)(state))
    return jitter + (busy.wait_s or 0.0 if busy else 0.0)
