"""What OpenAI's own models take, by their names.

OpenAI refuses fields that a model does not know instead of ignoring them. The families are those of
November 2026; names of other makers fall through all of it.
"""

import re
from enum import Enum

# They take max_completion_tokens only.
_NEW_LIMIT = re.compile(r"^(o\d|gpt-[5-9])")
# They reason whatever one says: no temperature, no log-probabilities.
_ALWAYS = re.compile(r"^(o\d|gpt-5(-mini|-nano|-pro)?(-\d{4}|$)|gpt-6-astra|gpt-6\.1-sol)")
# They reason unless `reasoning_effort: none` is sent, and refuse a temperature while they do.
_UNLESS_TOLD = re.compile(r"^(gpt-5\.[56]|gpt-6-(sol|luna))")


class Reasoning(Enum):
    """Whether a model thinks before it answers."""

    NO = "no"
    UNLESS_TOLD = "unless told not to"
    ALWAYS = "always"


def reasoning_of(model: str) -> Reasoning:
    if _ALWAYS.match(model):
        return Reasoning.ALWAYS
    return Reasoning.UNLESS_TOLD if _UNLESS_TOLD.match(model) else Reasoning.NO


def takes_new_limit(model: str) -> bool:
    """Whether the limit of an answer is called max_completion_tokens."""
    return _NEW_LIMIT.match(model) is not None
