"""A few rows of the dataset, to be read in the card."""

import json
from collections.abc import Sequence

from fret.card.markdown import fence
from fret.records import Example

_MOST_CHARACTERS = 300


def show_examples(examples: Sequence[Example]) -> str:
    """Show rows as fenced JSON: whatever is in them stays text."""
    blocks = []
    for example in examples:
        shown = {
            "task": _short(example.task),
            "query": _short(example.query),
            "positive": _short(example.positive),
            **({"negative": _short(example.negatives[0])} if example.negatives else {}),
        }
        blocks.append(fence(json.dumps(shown, ensure_ascii=False, indent=1), "json"))
    return "## Examples\n\n" + "\n\n".join(blocks)


def _short(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…"
