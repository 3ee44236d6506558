"""The two streams of a terminal, and text that is safe to send there."""

import os
import re
import sys
from typing import IO, Any, Literal, cast

from rich.console import Console

# Into a file or another program lines go whole, unless COLUMNS says how wide they may be: whoever
# reads them there breaks them.
_WIDE = 10_000
_TRAILING_BLANKS = re.compile(r"[ \t]+(?=\n)")


class _Trimmed:
    """A standard stream without the blanks that fill tables up to their width."""

    def __init__(self, name: Literal["stdout", "stderr"]) -> None:
        self._name = name

    def write(self, text: str) -> int:
        return int(getattr(sys, self._name).write(_TRAILING_BLANKS.sub("", text)))

    def __getattr__(self, attribute: str) -> Any:
        return getattr(getattr(sys, self._name), attribute)


def _make_console(name: Literal["stdout", "stderr"]) -> Console:
    if getattr(sys, name).isatty():
        return Console(stderr=name == "stderr", highlight=False)
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isascii() and columns.isdigit() and int(columns) else _WIDE
    return Console(file=cast(IO[str], _Trimmed(name)), highlight=False, width=width)


out = _make_console("stdout")
err = _make_console("stderr")


def has_width() -> bool:
    """Whether lines of the standard output are to keep to its width."""
    return out.is_terminal or out.width < _WIDE


# Besides what Python calls printable: blanks of other widths (French, Japanese), and what joins
# letters of Persian, Hindi and emoji. Marks of direction stay out: they reorder what stands beside.
_HARMLESS = {
    *"\n\t\u200c\u200d",
    *"\u00a0\u1680\u202f\u205f\u3000",
    *map(chr, range(0x2000, 0x200B)),
}


def clean(text: str) -> str:
    """Show control characters, which could drive a terminal, as replacement characters."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in _HARMLESS else "\N{REPLACEMENT CHARACTER}"
        for c in text.replace("\u00ad", "")
    )
