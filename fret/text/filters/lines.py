"""Lines and words as the filters read them: light Markdown is structure, not text."""

import re
from typing import NamedTuple

_MARK = re.compile(r"(#{1,6}|[-*+•‣●▪–]|\d{1,3}[.)])[ \t]+")
_TABLE_ROW = re.compile(r"\|.*\|$")
# Of all scripts: Latin, Arabic and Urdu, Indic, Burmese, Khmer, Ethiopic, Tibetan, Armenian, CJK.
_ENDS = frozenset(".!?…؟۔।॥။៕።།։。！？｡︒")
_CLOSERS = "\"'”’»›)]」』）】*_"
_ELLIPSES = ("...", "…")
_WORD_WITHOUT_SPACES = (
    r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
)
_WORD = re.compile(rf"[{_WORD_WITHOUT_SPACES}]|[^\s{_WORD_WITHOUT_SPACES}]+")
_THAI_OR_LAO = re.compile(r"[\u0e00-\u0eff]")
_IS_WITHOUT_SPACES = re.compile(rf"[{_WORD_WITHOUT_SPACES}]")


class Line(NamedTuple):
    """A line that holds something."""

    whole: str
    """As it stands, without white space around it."""
    text: str
    """Without the marks of a heading or a list item."""
    kind: str
    """`heading`, `item`, `row` of a table, or `text`."""


def list_lines(text: str) -> list[Line]:
    """Return the lines of a text that hold something."""
    return [_read_line(stripped) for line in text.splitlines() if (stripped := line.strip())]


def _read_line(whole: str) -> Line:
    if _TABLE_ROW.match(whole):
        return Line(whole, whole, "row")
    if mark := _MARK.match(whole):
        return Line(whole, whole[mark.end() :], "heading" if whole[0] == "#" else "item")
    return Line(whole, whole, "text")


def ends_sentence(line: str) -> bool:
    """Whether a line ends as a sentence does, quotes and brackets aside; an ellipsis does not."""
    bare = line.rstrip(_CLOSERS)
    return bool(bare) and (bare[-1] in _ENDS or line[-1] in "\"'”’»」』") and not has_ellipsis(bare)


def has_ellipsis(line: str) -> bool:
    """Whether a line ends with an ellipsis."""
    return line.endswith(_ELLIPSES)


def list_words(text: str) -> list[str]:
    """Return what stands between spaces, and each character of a script that writes none."""
    return _WORD.findall(text)


def writes_spaces(words: list[str]) -> bool:
    """Whether most words are between spaces."""
    n_single = sum(_IS_WITHOUT_SPACES.match(word) is not None for word in words)
    return n_single * 2 < max(1, len(words))


def marks_sentences(text: str) -> bool:
    """Whether a text is in a script that marks where a sentence ends: Thai and Lao do not."""
    n_letters = sum(map(str.isalpha, text))
    return 2 * len(_THAI_OR_LAO.findall(text)) < max(1, n_letters)
