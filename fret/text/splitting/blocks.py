"""Read text as blocks: headings, paragraphs, lists, tables, code; light Markdown or plain."""

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

Kind = Literal["heading", "paragraph", "list", "table", "code"]

# Longer ones are sentences that somebody marked.
_HEADING_CHARACTERS = 300
_FENCE = re.compile(r"(`{3,10}|~{3,10})")
_ITEM = re.compile(r"\s*(?:[-*+•‣▪–]|\d{1,3}[.)]|[a-zA-Z]\))\s+\S")
_HEADING = re.compile(r"(#{1,6})\s+\S")
# Headings of wikis, with spaces between the signs in corpora that were cut into tokens.
_WIKI_MARKS = re.compile(r"={2,6}(?!=)|=(?: =){0,5}(?= [^=])")
_UNDERLINE = re.compile(r"(=|-)\1{2,}")
_STOPS = (".", "!", "?", ":", ";", "…", "。", "！", "？", "।", "”", '"', ")")
# Lines that were broken to keep a width have one of at most this many characters.
_WIDEST = 120
# A page of more lines is a list of something, whose short ones go together, so that its passages
# are found in seconds.
_MANY_LINES, _BUNDLE_CHARACTERS = 20_000, 200


class Block(NamedTuple):
    """A block of text."""

    kind: Kind
    lines: list[str]
    """A heading or paragraph has one; else items, rows or lines of code."""
    level: int = 0
    """Of a heading, from 1."""


def read_blocks(text: str) -> list[Block]:
    """Read the blocks of a text, in its order and without blank lines.

    Headings lose their marks, and tables the row of dashes; all other characters stay.
    """
    lines = [line.rstrip() for line in text.splitlines()]
    return list(_Reader(lines).read())


class _Reader:
    def __init__(self, lines: list[str]) -> None:
        self._lines, self._at = lines, 0
        self._width = _find_width(lines[:_MANY_LINES])
        self._unclosed: set[str] = set()

    def read(self) -> Iterator[Block]:
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if not line.strip():
                self._at += 1
            elif block := self._read_code() or self._read_heading() or self._read_table():
                yield block
            elif _ITEM.match(line):
                yield self._read_list()
            else:
                yield from self._read_paragraphs()

    def _line(self, at: int) -> str:
        return self._lines[at] if at < len(self._lines) else ""

    def _read_code(self) -> Block | None:
        """Read fenced code; a fence that nothing closes is a line like any other."""
        start, fence = self._at, _FENCE.match(self._lines[self._at].lstrip())
        if not fence or fence[1] in self._unclosed:
            return None
        for end in range(start + 1, len(self._lines)):
            closing = self._lines[end].strip()
            if closing.startswith(fence[1]) and not closing.strip(fence[1][0]):
                self._at = end + 1
                return Block("code", [line for line in self._lines[start : end + 1] if line])
        self._unclosed.add(fence[1])
        return None

    def _read_heading(self) -> Block | None:
        found = _parse_heading(self._lines[self._at])
        if found:
            self._at += 1
        return found

    def _read_table(self) -> Block | None:
        start, end = self._at, self._at + 1
        if not _is_row(self._line(start), self._line(end)):
            return None
        while _is_row(self._line(end), "|") or _is_rule(self._line(end)):
            end += 1
        self._at = end
        lines = [line.strip() for line in self._lines[start:end]]
        return Block("table", [line for line in lines if not _is_rule(line)] or lines)

    def _read_list(self) -> Block:
        items: list[str] = []
        while self._at < len(self._lines):
            at = self._at
            while at < len(self._lines) and not self._lines[at].strip():
                at += 1
            line = self._line(at)
            if _ITEM.match(line) and not _parse_heading(line):
                items.append(line.expandtabs(4))
            elif line.startswith(("  ", "\t")) and not _FENCE.match(line.lstrip()):
                items[-1] += (" " if at == self._at else "\n") + line.strip()
            else:
                break
            self._at = at + 1
        return Block("list", items)

    def _read_paragraphs(self) -> list[Block]:
        start = self._at
        self._at += 1
        while self._at < len(self._lines) and self._is_plain(self._at):
            self._at += 1
        run = [line.strip() for line in self._lines[start : self._at]]
        under = _UNDERLINE.fullmatch(self._line(self._at).strip())
        if len(run) == 1 and under and len(run[0]) <= _HEADING_CHARACTERS:
            self._at += 1
            return [Block("heading", run, 1 if under[1] == "=" else 2)]
        paragraphs = [_unescape(line) for line in _unwrap(run, self._width)]
        if len(self._lines) > _MANY_LINES:
            paragraphs = _bundle(paragraphs)
        return [Block("paragraph", [paragraph]) for paragraph in paragraphs]

    def _is_plain(self, at: int) -> bool:
        line, next_line = self._lines[at], self._line(at + 1)
        if line[:1].isalpha() and line[1:2] != ")" and "|" not in next_line:
            return True  # as nearly all are: none of these begins with a letter
        return not (
            not line.strip()
            or (at == self._at and _UNDERLINE.fullmatch(line.strip()))
            or _ITEM.match(line)
            or _FENCE.match(line.lstrip())
            or _parse_heading(line)
            or _is_row(line, next_line)
        )


def _unescape(line: str) -> str:
    """Drop the backslash before what only looks like structure; see `fret.text.structure`."""
    return line[1:] if line.startswith(("\\#", "\\|", "\\`")) else line


def _parse_heading(line: str) -> Block | None:
    stripped = line.strip()
    if not stripped.startswith(("#", "=")):
        return None
    if match := _HEADING.match(stripped):
        text = stripped[len(match[1]) :].strip()
        bare = text.rstrip("#")
        text = bare.rstrip() if bare.endswith((" ", "\t")) or not bare else text
        is_heading = 0 < len(text) <= _HEADING_CHARACTERS
        return Block("heading" if is_heading else "paragraph", [text or stripped], len(match[1]))
    marks = _WIKI_MARKS.match(stripped)
    if marks and len(stripped) <= _HEADING_CHARACTERS and stripped.endswith(marks[0]):
        text = stripped[marks.end() : -marks.end()].strip()
        if text and text[-1] != "=":
            return Block("heading", [text], marks[0].count("="))
    return None


def _is_row(line: str, next_line: str) -> bool:
    """Whether a line is a row of a table: between bars, or parted by them like the next line."""
    stripped = line.strip()
    if stripped.startswith("|"):
        return stripped.count("|") > 1
    return "|" in next_line and (" | " in stripped or ("|" in stripped and _is_rule(next_line)))


def _is_rule(line: str) -> bool:
    return "-" in line and "|" in line and not line.strip("|-: \t")


def _find_width(lines: Sequence[str]) -> int:
    """Return the width that the lines of paragraphs were broken to keep; 0 where they were not.

    They were if nearly every line is so long that the next line's first word had no place in it,
    and few end as sentences do.
    """
    pairs = [
        (a.strip(), b.strip())
        for a, b in itertools.pairwise(lines)
        if a.strip() and b.strip() and not _ITEM.match(b) and "|" not in a and a[0] != "#"
    ]
    if len(pairs) < 3:
        return 0
    lengths = sorted(len(a) for a, _ in pairs)
    width = lengths[len(lengths) * 9 // 10]
    n_full = sum(_overflows(a, b, width) for a, b in pairs)
    n_open = sum(not a.endswith(_STOPS) for a, _ in pairs)
    is_wrapped = 40 <= width <= _WIDEST and n_full >= 0.8 * len(pairs) and n_open > len(pairs) / 2
    return width if is_wrapped else 0


def _overflows(line: str, next_line: str, width: int) -> bool:
    return len(line) + 1 + len(next_line.split(maxsplit=1)[0]) > width


def _bundle(paragraphs: list[str]) -> list[str]:
    """Put short neighbours into one, with their line ends: each costs as much as a long one."""
    bundles: list[list[str]] = []
    room = 0
    for paragraph in paragraphs:
        if room <= 0:
            bundles.append([])
            room = _BUNDLE_CHARACTERS
        bundles[-1].append(paragraph)
        room -= len(paragraph) + 1
    return ["\n".join(bundle) for bundle in bundles]


def _unwrap(run: list[str], width: int) -> list[str]:
    if not width:
        return run
    paragraphs = [[run[0]]]
    for line, next_line in itertools.pairwise(run):
        if _overflows(line, next_line, width):
            paragraphs[-1].append(next_line)
        else:
            paragraphs.append([next_line])
    return [" ".join(lines) for lines in paragraphs]
