"""Text from pages, models and the user's file as Markdown that shows it and does nothing."""

import html
import re
from collections.abc import Iterable, Sequence

from fret.printable import is_printable

# The last three make links of bare addresses.
_MARKUP = re.compile(r"([\\`*_{}\[\]#!|~$@]|:(?=//)|\.(?<=www\.))", re.IGNORECASE)


def plain(text: str) -> str:
    """Show a text as it is, on one line: no markup, no link, no HTML comes of it."""
    return _MARKUP.sub(r"\\\1", html.escape(_one_line(text), quote=False))


def code(text: str) -> str:
    """Show a name as code, also in a table, where `|` would end the cell."""
    return f"`{_one_line(text).replace('`', '').replace('|', '¦') or ' '}`"


def fence(text: str, language: str) -> str:
    """Fence text as code, with more backticks than it holds: nothing in it is markup."""
    ticks = "`" * (max((len(run) for run in re.findall(r"`+", text)), default=0) + 3)
    lines = "\n".join(_visible(line) for line in text.split("\n"))
    return f"{ticks}{language}\n{lines}\n{ticks}"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Draw a table; the cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _one_line(text: str) -> str:
    return _visible(" ".join(text.split()))


def _visible(text: str) -> str:
    """Replace what shows nothing, or turns the direction of what stands around it."""
    return text if is_printable(text) else "".join(c if is_printable(c) else "�" for c in text)
