"""Cut what is too long for any passage: at clauses, else words, never within a character."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import regex

# What a cut costs, beside one between two sentences, which costs 1: see `packing`.
CLAUSE, WORD, INSIDE = 3.0, 5.0, 8.0

_CLAUSE_END = re.compile(r"(?:[,;:)\]}—–·|]|[.!?…][\"'”’)]*)\s+|[、，；：」』）…]+\s*")
_SPACE = re.compile(r"\s+")
# How far beyond the wanted length the end of a word is looked for.
_REACH = 60

# Syllables of Thai and Lao begin with these vowels, which are written before their consonant …
_LEADING_VOWELS = frozenset("เแโใไເແໂໃໄ")
# … and cannot begin with those.
_TRAILING = frozenset("ะาำๅๆฯະາຳຽໆ")
# They bind the next consonant (Khmer coeng, Burmese virama); asat closes the syllable before it.
_BINDERS, _ASAT = frozenset("\u17d2\u1039"), "\u103a"
_KINDS = (
    re.compile(r"[\u4e00-\u9fff\u3400-\u4dbf]"),
    re.compile(r"[\u3040-\u309f]"),
    re.compile(r"[\u30a0-\u30ff]"),
    re.compile(r"[\u0e00-\u0eff]"),
    re.compile(r"[\u1000-\u109f]"),
    re.compile(r"[\u1780-\u17ff]"),
    re.compile(r"\w"),
)


class Fragment(NamedTuple):
    """A piece of a sentence."""

    text: str
    gap: str
    """What stands between it and the piece before: a space or nothing."""
    cost: float
    """Of breaking before it."""


def cut_text(text: str, length: int, *, reach: int = _REACH) -> Iterator[Fragment]:
    """Cut a text into fragments of about `length` characters, in time linear in the text.

    Args:
        reach: how much longer a fragment may be so that no word is cut; 0 keeps to `length`.
    """
    start, gap, cost = 0, "", 0.0
    while len(text) - start > max(length, 1):
        low, high = start + max(length // 2, 1), start + length
        end, next_cost = find_cut(text, low, high, begin=start, reach=reach)
        piece = text[start:end]
        if piece.strip():
            yield Fragment(piece.strip(), gap, cost)
            gap = " " if piece[-1:].isspace() or text[end : end + 1].isspace() else ""
            cost = next_cost
        start = end
    if rest := text[start:].strip():
        yield Fragment(rest, gap, cost)


def find_cut(
    text: str, low: int, high: int, *, begin: int = 0, reach: int = _REACH
) -> tuple[int, float]:
    """Choose the best place to cut from `low` to `high`, and say what it costs.

    Args:
        begin: a place before `low` that parts no characters; they are read from there.
        reach: how far beyond `high` the end of a word, or else of a character, is looked for.
    """
    for pattern, cost in ((_CLAUSE_END, CLAUSE), (_SPACE, WORD)):
        ends = [m.end() for m in pattern.finditer(text, max(low - 1, 0), high + 1)]
        if fitting := [end for end in ends if low <= end <= high]:
            return fitting[-1], cost
    boundaries = _find_boundaries(text, begin, low, high)
    best = max(boundaries, key=lambda at: (_rate(text, at), at), default=None)
    if best is not None and (_rate(text, best) > 0 or not reach):
        return best, INSIDE
    if space := _SPACE.search(text, high, high + reach):
        return space.end(), WORD
    if best is None and reach:
        best = min(_find_boundaries(text, begin, high, high + reach), default=None)
    return (high if best is None else best), INSIDE


def _find_boundaries(text: str, begin: int, low: int, high: int) -> list[int]:
    """List where clusters of characters begin, by Unicode Standard Annex 29."""
    # A copy: to pair the letters of flags, the library looks back to the beginning of its text.
    seen = text[begin : high + _REACH]
    starts = (begin + match.start() for match in regex.finditer(r"\X", seen))
    return [at for at in starts if low <= at <= high and begin < at < len(text)]


def _rate(text: str, at: int) -> int:
    """Rate a cut: 2 where a word likely ends, 1 where it may, 0 within a word or syllable."""
    before, after = text[at - 1], text[at]
    if before in _LEADING_VOWELS or after in _TRAILING or before in _BINDERS:
        return 0
    if text[at + 1 : at + 2] == _ASAT:
        return 0
    kinds = _kind_of(before), _kind_of(after)
    if kinds[0] == kinds[1]:
        if after in _LEADING_VOWELS:
            return 2
        return 0 if kinds[0] in {2, len(_KINDS) - 1} else 1
    # Japanese words begin with a Chinese character and end in hiragana, not the other way round.
    return 1 if kinds == (0, 1) else 2


def _kind_of(character: str) -> int:
    return next((i for i, kind in enumerate(_KINDS) if kind.match(character)), -1)
