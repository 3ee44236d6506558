"""How long a server asks to wait: Retry-After and the x-ratelimit headers, in all their forms."""

import email.utils
import math
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_retry_after(headers: Any) -> float | None:
    """Read how long a server asks us to wait, in seconds.

    None when it does not say, or says nonsense.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = str(headers.get(name, ""))
        seconds = parse_duration(text)
        if seconds is None:
            seconds = _parse_date(text)
        if seconds is not None:
            return seconds * unit
    return None


def read_used_up(headers: Mapping[str, str]) -> float | None:
    """Read from the x-ratelimit headers how long nothing more will be taken; None for "go on".

    Azure sends 0 and -1 as placeholders: where the limit itself is not positive, nothing is said.
    """
    waits = []
    for what in ("requests", "tokens"):
        try:
            limit = float(headers[f"x-ratelimit-limit-{what}"])
            remaining = float(headers[f"x-ratelimit-remaining-{what}"])
        except (KeyError, ValueError):
            continue
        reset = parse_duration(headers.get(f"x-ratelimit-reset-{what}", ""))
        if limit > 0 and remaining == 0 and reset is not None:
            waits.append(reset)
    return max(waits, default=None)


def parse_duration(text: str) -> float | None:
    """Read `1s`, `6m0s`, `120ms` or plain seconds, in seconds; None for anything else."""
    parts = re.findall(r"([0-9]+(?:\.[0-9]+)?)(ms|[smhd]|$)", text.strip())
    if not parts or "".join(number + unit for number, unit in parts) != text.strip():
        return None
    seconds = sum(float(number) * _UNITS.get(unit, 1.0) for number, unit in parts)
    return seconds if math.isfinite(seconds) else None


def _parse_date(text: str) -> float | None:
    """Read the seconds until a date in the form of HTTP or of ISO 8601."""
    for parse in (email.utils.parsedate_to_datetime, datetime.fromisoformat):
        with suppress(ValueError, TypeError, OverflowError):
            when = parse(text)
            when = when if when.tzinfo else when.replace(tzinfo=UTC)
            return max(0.0, when.timestamp() - time.time())
    return None
