"""What is wrong with a page."""

from typing import NamedTuple

from fret.reasons import Reason


class Fault(NamedTuple):
    """Why a page is left out."""

    reason: Reason
    detail: str
    """The measured value and the threshold, for a person."""


def find_over(value: float, limit: float | None, what: str) -> str | None:
    """Say that a share is over its limit; None where it is not, or the rule is off."""
    if limit is None or value <= limit:
        return None
    return f"{_show(value, limit)} {what}, more than {limit:.2f}"


def _show(value: float, limit: float) -> str:
    """Show a share with so many digits that it differs from its limit."""
    digits = next((n for n in range(2, 6) if f"{value:.{n}f}" != f"{limit:.{n}f}"), 6)
    return f"{value:.{digits}f}"


def find_under(value: float, limit: float | None, what: str) -> str | None:
    """Say that a share is under its limit, likewise."""
    if limit is None or value >= limit:
        return None
    return f"{_show(value, limit)} {what}, less than {limit:.2f}"
