"""C4's rules for lines and pages (Raffel et al. 2020, section 2.2, and the published code)."""

from collections.abc import Mapping, Sequence
from typing import Any

from fret.figures import count
from fret.reasons import Reason
from fret.text.filters.fault import Fault
from fret.text.filters.lines import Line, ends_sentence, list_lines, list_words, marks_sentences
from fret.text.splitting import split_sentences

_POLICY = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)


def clean_lines(text: str, rules: Mapping[str, Any]) -> tuple[str, int]:
    """Remove lines that are no text; empty lines stay.

    Returns:
        The text and the number of lines that went.
    """
    kept, n = [], 0
    for whole in text.split("\n"):
        lines = list_lines(whole)
        if all(_is_fit(line, rules) for line in lines):
            kept.append(whole)
        else:
            n += 1
    return "\n".join(kept).strip(), n


def check_c4(text: str, lines: Sequence[Line], rules: Mapping[str, Any]) -> Fault | None:
    """Say what is wrong with a page, once its lines are cleaned.

    Args:
        rules: thresholds as in `fret settings passages.filters.c4`.
    """
    if rules["lorem_ipsum"] and "lorem ipsum" in text.casefold():
        return Fault(Reason.C4_RULE, 'it says "lorem ipsum"')
    if rules["curly_bracket"] and "{" in text:
        place = text.index("{")
        around = " ".join(text[max(0, place - 20) : place + 20].split())
        return Fault(Reason.C4_RULE, f"it holds a curly bracket: {around!r}")
    n = sum(len(split_sentences(line.text)) for line in lines)
    if n < rules["min_sentences"] and marks_sentences(text):
        return Fault(Reason.C4_RULE, f"{count(n, 'sentence')}, fewer than {rules['min_sentences']}")
    return None


def _is_fit(line: Line, rules: Mapping[str, Any]) -> bool:
    folded = line.text.casefold()
    words = list_words(line.text)
    if any(len(word) > rules["max_word_length"] for word in words):
        return False
    if rules["javascript"] and "javascript" in folded:
        return False
    if rules["policy"] and any(phrase in folded for phrase in _POLICY):
        return False
    if line.kind != "text":
        return True
    if len(words) < rules["min_line_words"]:
        return False
    needs_end = rules["terminal_punctuation"] and marks_sentences(line.text)
    return ends_sentence(line.text) or not needs_end
