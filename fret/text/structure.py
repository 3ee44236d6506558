"""The blocks of a page as light Markdown, one block a line.

- Headings are `#` to `######`, a space and their text.
- Items of lists are `- ` and their text, or `1. ` with their number (to 999) where the list is
  numbered, with two spaces before for each list around theirs. Further paragraphs of an item stand
  in its line.
- Rows of tables are `| a | b |`; heads of columns are rows like others, with no line below them.
  A `|` within a cell is `\\|`. A caption is a row of its own where the extractor makes it one.
- Code stands between lines of ```, with its own line breaks and indents.
- All else is a paragraph: a line, or several where the page breaks it (<br>).

No emphasis, links or images. What only looks like structure has a backslash before it: a paragraph
that begins as a heading, a row or a fence does, and ``` at the start of a line of code. Paragraphs
that begin with `- ` or `1. ` are left as they are: a list made by hand is a list.
"""

import re
from collections.abc import Iterator
from typing import Any

from lxml.etree import iterwalk

from fret.language.normal import normalise

FENCE = "```"
# What a paragraph may not begin with, or it would be read as a heading, a row or a fence.
_LOOKS_LIKE_STRUCTURE = re.compile(r"#{1,6}\s|\||```")
_FENCE_IN_CODE = re.compile(r"^(\s*)```", re.MULTILINE)
_LEVELS = {f"h{level}": level for level in range(1, 7)}
# Elements that end the line before them and their own; within an item, a cell or a heading, which
# are one line each, they part words.
_BLOCKS = {"p", "quote", "div", "body", "lb", "br", "blockquote", "caption", "table", "ab"}
_DEFAULT_LEVEL = 2
_DEEPEST_INDENT = 8
_NUMBER = re.compile(r"\s*(-?[0-9]{1,9})\s*")
# Longer ones are years and the like, which readers of text take for the beginning of a sentence.
_ITEM_NUMBER = re.compile("[0-9]{1,3}")
# Control characters, soft hyphens, zero-width spaces and byte order marks: nobody sees them. The
# joiners of Persian, Hindi and emoji stay.
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b\u2060\ufeff]")
# Signs of code in preformatted text; in doubt it is code, whose line breaks all count.
_CODE = re.compile(r"""[{}]|;\s*\n|\w\(|\n(?: {4}|\t)|\s=\s|(?:^|\n)[$>#]\s""")


def render_blocks(body: Any) -> str:
    """Write a tree of blocks as light Markdown, one block a line.

    Args:
        body: an element with trafilatura's names below it: head, p, list, item, table, row, cell,
            quote, code, lb; of all others the text is taken.
    """
    writer = _Writer()
    for event, element in iterwalk(body, events=("start", "end", "comment", "pi")):
        if event == "start":
            writer.begin(element)
        else:
            if event == "end":
                writer.end(element)
            # The tail of the whole stands outside of it.
            if element is not body:
                writer.write(element.tail)
    writer.break_line()
    return _UNSEEN.sub("", "\n".join(writer.lines))


def drop_title(text: str, title: str) -> str:
    """Drop the title where it stands again, as the first line or as a heading.

    Sites set it with other signs in <title> and in <h1>.
    """
    lines, wanted = text.split("\n"), normalise(title)
    for i, line in enumerate(lines):
        if i and not line.startswith("#"):
            continue
        if wanted and normalise(line.lstrip("#")) == wanted:
            return "\n".join(lines[:i] + lines[i + 1 :])
    return text


def is_code(text: str) -> bool:
    """Whether preformatted text is code, by the signs that are in it."""
    return bool(_CODE.search(text))


def number_items(tree: Any) -> None:
    """Write the numbers of numbered lists (<ol>) into their items, where `render_blocks` looks.

    trafilatura keeps this attribute (`rend`) of an item, but not the place of an item in its list.
    """
    for list_ in tree.iter("ol"):
        items = list_.findall("li")
        step = -1 if list_.get("reversed") is not None else 1
        number = _read_number(list_.get("start"), 1 if step > 0 else len(items))
        for item in items:
            number = _read_number(item.get("value"), number)
            item.set("rend", str(number))
            number += step


def _read_number(text: str | None, otherwise: int) -> int:
    found = _NUMBER.fullmatch(text or "")
    return int(found[1]) if found else otherwise


def _mark_item(rend: str) -> str:
    return f"{rend}. " if _ITEM_NUMBER.fullmatch(rend) else "- "


class _Writer:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self._words: list[str] = []
        self._prefix = ""
        self._n_lists = 0
        self._n_single = 0  # elements around that are one line: items, headings
        self._cells: list[str] | None = None
        self._n_cells = 0
        self._code: Any = None

    def write(self, text: str | None) -> None:
        if text and self._code is None:
            self._words.append(text)

    def begin(self, element: Any) -> None:
        if self._code is not None:
            return
        tag = element.tag
        if tag == "code" and self._is_block(element):
            self._begin_code(element)
            return
        if tag in _BLOCKS:
            self._part()
        elif self._n_cells == 0:
            self._begin_outside_cells(tag, element)
        elif tag == "cell":
            self._n_cells += 1
        if tag in {"item", "row", "list", "head"} and self._n_cells:
            self._words.append(" ")
        self.write(element.text)

    def _begin_outside_cells(self, tag: str, element: Any) -> None:
        if tag == "head":
            self.break_line()
            level = _LEVELS.get(element.get("rend") or "", _DEFAULT_LEVEL)
            self._prefix = f"{'#' * level} "
            self._n_single += 1
        elif tag == "list":
            self.break_line()
            self._n_lists += 1
        elif tag == "item":
            self.break_line()
            indent = "  " * min(max(self._n_lists - 1, 0), _DEEPEST_INDENT)
            self._prefix = indent + _mark_item(element.get("rend") or "")
            self._n_single += 1
        elif tag == "row":
            self.break_line()
            self._cells = []
        elif tag == "cell":
            self._n_cells = 1

    def end(self, element: Any) -> None:
        tag = element.tag
        if self._code is not None:
            if element is self._code:
                self._code = None
            return
        if tag in _BLOCKS:
            self._part()
        elif self._n_cells:
            self._end_in_cells(tag)
        elif tag in {"head", "item"}:
            self.break_line()
            self._prefix = ""
            self._n_single -= 1
        elif tag == "list":
            self.break_line()
            self._n_lists -= 1
        elif tag == "row":
            self._end_row()

    def _end_in_cells(self, tag: str) -> None:
        if tag != "cell":
            if tag in {"item", "row", "list", "head"}:
                self._words.append(" ")
            return
        self._n_cells -= 1
        if self._n_cells or self._cells is None:
            self._words.append(" ")
        else:
            self._cells.append(self._take_words().replace("|", "\\|"))

    def _end_row(self) -> None:
        rest = self._take_words()
        cells = [*(self._cells or ()), *([rest] if rest else ())]
        self._cells = None
        if any(cells):
            self.lines.append(f"| {' | '.join(cells)} |")

    def _part(self) -> None:
        if self._n_single or self._cells is not None:
            self._words.append(" ")
        else:
            self.break_line()

    def break_line(self) -> None:
        """End the line that is being written, where it has words."""
        line = self._take_words()
        if not line:
            return
        if not self._prefix and _LOOKS_LIKE_STRUCTURE.match(line):
            line = f"\\{line}"
        self.lines.append(self._prefix + line)
        self._prefix = ""

    def _take_words(self) -> str:
        line = " ".join("".join(self._words).split())
        self._words.clear()
        return line

    def _is_block(self, element: Any) -> bool:
        """Whether code stands alone: it has lines, or nothing else is in its line."""
        if self._cells is not None or element.getparent() is None:
            return False
        if element.getparent().tag in {"body", "div", "quote"}:
            return not self._words or not "".join(self._words).strip()
        return any("\n" in text for text in element.itertext())

    def _begin_code(self, element: Any) -> None:
        text = "".join(_code_text(element)).replace("\r\n", "\n").replace("\r", "\n")
        lines = [line.rstrip() for line in text.split("\n")]
        while lines and not lines[0]:
            lines.pop(0)
        while lines and not lines[-1]:
            lines.pop()
        self.break_line()
        self._code = element
        if lines:
            code = _FENCE_IN_CODE.sub(r"\1\\```", "\n".join(lines))
            self.lines += [FENCE, code, FENCE]


def _code_text(element: Any) -> Iterator[str]:
    for event, inner in iterwalk(element, events=("start", "end")):
        if event == "start":
            if inner.tag in {"lb", "br"}:
                yield "\n"
            yield inner.text or ""
        elif inner is not element:
            yield inner.tail or ""
