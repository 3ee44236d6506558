"""Whether a query is fit to be asked, and how various a set of queries is. Plain functions."""

from typing import NamedTuple

from fret.reasons import Reason


class Fault(NamedTuple):
    """What is wrong with a query."""

    reason: Reason
    detail: str
    """What a person needs to understand this one case."""
