"""Blocks to parts: the sentences, items, rows and lines that passages are packed from."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from fret.text.splitting.blocks import Block, read_blocks
from fret.text.splitting.cuts import Fragment, cut_text
from fret.text.splitting.sentences import find_sentences, lacks_capitals

Measure = Callable[[Sequence[str]], list[int]]
"""Counts the words, or tokens, of each text."""

# What a break costs, before a part of each kind. One between two sentences costs 1; the others say
# how much likelier or less likely a break is to part what belongs together.
SENTENCE = 1.0
_PARAGRAPH = 0.3
_HEADING, _HEADING_LEVEL = 0.05, 0.02
_BEFORE_TITLE, _AFTER_TITLE = 0.2, 2.0
_AFTER_COLON = 1.5
_ITEM, _NESTED_ITEM, _IN_ITEM = 0.8, 1.2, 1.5
# Within what fits as a whole; less than for a passage that is too short: see `packing`.
_WITHIN_WHOLE = 20.0
AFTER_HEADING = 1000.0

# Signs are no words, and a tokenizer may take a long word for one token: this many characters count
# as one unit at least.
_CHARACTERS_PER_UNIT = 40
# A row of more than this share of a passage is not repeated; headings of more head nothing.
_HEAD_SHARE, _CHAIN_SHARE = 0.2, 0.5
# A sentence that is too long is cut into this many fragments a passage, to be packed in their turn.
_FRAGMENTS = 8
_HEADINGS_CHARACTERS = 300
# A line of so few words without a stop is rather a title or caption than a sentence.
_TITLE_WORDS = 12


class Part(NamedTuple):
    """What is not divided further."""

    text: str
    n_units: int
    """Words or tokens, of the gap and the text."""
    size: float
    """As `n_units`, or more for a text of many signs."""
    gap: str
    """What stands between it and the part before: nothing, a space, or the end of a line."""
    cost: float
    """Of a break before it."""
    headings: tuple[str, ...]
    """Those that it stands under, the outermost first."""
    head: str = ""
    """The head row of its table, which a passage repeats that begins with this row."""
    head_size: float = 0.0
    is_heading: bool = False
    is_sentence: bool = True
    """Whether it begins where a sentence, item, row or line does."""

    @property
    def repeats(self) -> float:
        """What a passage that begins here repeats of its table, in words or tokens."""
        return self.head_size if self.is_sentence else 0.0


class _Draft(NamedTuple):
    text: str
    gap: str
    cost: float
    is_heading: bool = False
    is_sentence: bool = True


def make_parts(text: str, *, measure: Measure, most: int) -> list[Part]:
    """Divide a text into parts of at most `most` words or tokens, in its order."""
    blocks = read_blocks(text)
    small_starts = lacks_capitals(text)
    drafts, lengths = [], []
    for number, block in enumerate(blocks):
        drafted = list(_draft(block, blocks[number - 1] if number else None, small_starts))
        drafts += drafted
        lengths.append(len(drafted))
    counts = measure([draft.gap + draft.text for draft in drafts])
    parts: list[Part] = []
    start = 0
    outline = _Outline()
    for block, length in zip(blocks, lengths, strict=True):
        end = start + length
        headings = outline.place(block)
        rows = zip(drafts[start:end], counts[start:end], strict=True)
        parts += _finish(block, [_make_part(d, c, headings) for d, c in rows], most)
        start = end
    return _cut_long(_glue_headings(parts, most), measure, most)


def _make_part(draft: _Draft, count: int, headings: tuple[str, ...]) -> Part:
    return Part(
        draft.text,
        count,
        weigh(draft.gap + draft.text, count),
        draft.gap,
        draft.cost,
        headings,
        is_heading=draft.is_heading,
        is_sentence=draft.is_sentence,
    )


def weigh(text: str, count: int) -> float:
    """Return what a text of so many words or tokens takes of a passage."""
    return max(count, len(text) / _CHARACTERS_PER_UNIT)


class _Outline:
    """The headings that stand above the place that is read."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []
        self._path: tuple[str, ...] = ()

    def place(self, block: Block) -> tuple[str, ...]:
        """Return the headings above a block, its own not among them."""
        if block.kind != "heading":
            return self._path
        while self._open and self._open[-1][0] >= block.level:
            self._open.pop()
        above = _shorten([text for _, text in self._open])
        self._open.append((block.level, block.lines[0]))
        self._path = _shorten([text for _, text in self._open])
        return above


def _shorten(headings: list[str]) -> tuple[str, ...]:
    """Leave out the outermost headings where all are too long together."""
    kept, room = [], _HEADINGS_CHARACTERS
    for heading in reversed(headings):
        room -= len(heading)
        if room < 0:
            break
        kept.append(heading)
    return tuple(reversed(kept))


def _draft(block: Block, before: Block | None, small_starts: bool) -> Iterator[_Draft]:
    cost = _cost_before(block, before)
    if block.kind == "heading":
        yield _Draft(block.lines[0], "\n", cost, is_heading=True)
        return
    for number, line in enumerate(block.lines):
        if number:
            is_nested = line.startswith("  ") and block.kind != "table"
            cost = _NESTED_ITEM if is_nested else _ITEM
        if block.kind in {"table", "code"}:
            yield _Draft(line, "\n", cost)
        else:
            inner = _IN_ITEM if block.kind == "list" else SENTENCE
            yield from _draft_sentences(line, cost, inner, small_starts)


def _draft_sentences(line: str, cost: float, inner: float, small_starts: bool) -> Iterator[_Draft]:
    gap, end, indent = "\n", 0, line[: len(line) - len(line.lstrip())]
    for start, next_end in find_sentences(line, small_starts=small_starts):
        if end:
            between = line[end:start]
            gap, cost = "\n" if "\n" in between else " " if between else "", inner
        yield _Draft(indent + line[start:next_end], gap, cost)
        indent, end = "", next_end


def _cost_before(block: Block, before: Block | None) -> float:
    if block.kind == "heading":
        return _HEADING + _HEADING_LEVEL * block.level
    if before is None:
        return 0.0
    if before.kind == "heading":
        return AFTER_HEADING
    if before.lines[-1].endswith((":", "：")):
        return _AFTER_COLON
    if _is_title(before) and not _is_title(block):
        return _AFTER_TITLE
    return _BEFORE_TITLE if _is_title(block) else _PARAGRAPH


def _is_title(block: Block) -> bool:
    line = block.lines[0]
    is_short = block.kind == "paragraph" and len(line) <= 100 and line[-1].isalnum()
    return is_short and len(line.split()) <= _TITLE_WORDS


def _finish(block: Block, parts: list[Part], most: int) -> list[Part]:
    """Say where a list, table or code may be broken, and which row is to be repeated."""
    if block.kind in {"heading", "paragraph"} or len(parts) < 2:
        return parts
    is_whole = sum(part.size for part in parts) <= most
    more = _WITHIN_WHOLE if is_whole else 0.0
    parts = parts[:1] + [part._replace(cost=part.cost + more) for part in parts[1:]]
    if block.kind == "code":  # no fence stands alone
        for i in (1, -1):
            parts[i] = parts[i]._replace(cost=AFTER_HEADING)
    head = parts[0]
    if block.kind == "table" and not is_whole and head.size <= _HEAD_SHARE * most:
        # A break right after it would leave the head alone.
        rows = [part._replace(head=head.text, head_size=head.size) for part in parts[1:]]
        return [head, rows[0]._replace(cost=AFTER_HEADING, head="", head_size=0.0), *rows[1:]]
    return parts


def _glue_headings(parts: list[Part], most: int) -> list[Part]:
    """Let a heading go with what follows it, unless it heads nothing or is a page by itself."""
    chain = 0.0
    glued: list[Part] = []
    for part in parts:
        before = glued[-1] if glued else None
        if before and part.is_heading and before.is_heading:
            is_deeper = len(part.headings) > len(before.headings)
            if is_deeper and chain + part.size <= _CHAIN_SHARE * most:
                part = part._replace(cost=AFTER_HEADING)
        if part.cost >= AFTER_HEADING and chain > _CHAIN_SHARE * most:
            part = part._replace(cost=_PARAGRAPH)
        chain = 0.0 if part.cost < AFTER_HEADING else chain
        chain += part.size
        glued.append(part)
    return glued


def _cut_long(parts: list[Part], measure: Measure, most: int) -> list[Part]:
    """Cut parts that fit no passage, or not together with their heading, until all fit."""
    is_first_round = True
    while True:
        rooms = list(_find_rooms(parts, most))
        long = [i for i, p in enumerate(parts) if p.size > rooms[i] and len(p.text) > 1]
        if not long:
            return parts
        cut = {i: list(_cut_part(parts[i], most, is_first_round)) for i in long}
        pieces = [(i, fragment) for i in long for fragment in cut[i]]
        counts = iter(measure([fragment.gap + fragment.text for _, fragment in pieces]))
        parts = [
            new
            for i, part in enumerate(parts)
            for new in (_renew(part, cut[i], counts) if i in cut else [part])
        ]
        is_first_round = False


def _find_rooms(parts: Iterable[Part], most: int) -> Iterator[float]:
    """Yield what a part may take: less where it cannot be parted from a heading or head row."""
    taken = 0.0
    for part in parts:
        if part.cost < AFTER_HEADING:
            taken = 0.0
        yield most - taken - part.head_size
        taken += part.size


def _cut_part(part: Part, most: int, has_reach: bool) -> Iterator[Fragment]:
    length = math.ceil(len(part.text) * most / _FRAGMENTS / part.size)
    length = min(length, len(part.text) - 1)
    return cut_text(part.text, length) if has_reach else cut_text(part.text, length, reach=0)


def _renew(part: Part, fragments: Sequence[Fragment], counts: Iterator[int]) -> Iterator[Part]:
    for number, fragment in enumerate(fragments):
        count = next(counts)
        size = weigh(fragment.gap + fragment.text, count)
        if number == 0:
            yield part._replace(text=fragment.text, n_units=count, size=size)
        else:
            yield part._replace(
                text=fragment.text,
                n_units=count,
                size=size,
                gap=fragment.gap,
                cost=fragment.cost,
                is_sentence=False,
            )
