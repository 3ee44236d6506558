"""Whose scores a student is to learn from."""

from collections.abc import Mapping
from typing import Any

from fret.manifest import Manifest

# The score of a list's order is the place in it: the same differences whatever the passages are.
_NO_TEACHERS = {"listwise"}


def choose_scorer(judgements: Manifest, wanted: str | None) -> str | None:
    """Return the scorer that was asked for, or the one that weighs most; None for none to learn of.

    Of equal weights the first one in the pipeline file counts.
    """
    scorers: list[Mapping[str, Any]] = judgements.identity["scorers"]
    names = [scorer["name"] for scorer in scorers]
    if wanted is not None:
        return wanted if wanted in names else None
    weights = judgements.identity["fusion"]["weights"]
    able = [scorer["name"] for scorer in scorers if scorer["kind"] not in _NO_TEACHERS]
    return max(able, key=lambda name: weights.get(name, 1.0), default=None)
