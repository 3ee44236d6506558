"""How rows are laid out in a terminal: heads, facts, texts with their lines, tables.

Part of the command line. In a terminal texts are wrapped to its width; in a pipe a line of text is
a line. Widths are counted in cells, of which Chinese and Japanese characters take two.
"""

import re
from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from fret.terminal import clean, out

# Longer lines are hard to read.
_WIDEST = 100
# Of a text, where several rows are shown: a passage of 200 words has about 1300 characters.
_SHOWN = 1500
_HANGING = re.compile(r"\s*(?:[-*] |\d+[.)] )?")


def shorten_id(record_id: str | None) -> str:
    """Return as much of an id as tells rows apart; `--id` takes it."""
    return (record_id or "-")[:8]


def shorten(text: str, limit: int) -> str:
    """Return the beginning of a text on one line, safe to show."""
    text = " ".join(text[: 4 * limit].split())
    return clean(text if len(text) <= limit else text[: limit - 1] + "…")


def print_line(text: Text | str, indent: int = 0) -> None:
    """Print a text of one line, wrapped in a terminal, with an indent before each part of it."""
    text = Text(clean(text)) if isinstance(text, str) else text
    hang = indent + len(_HANGING.match(text.plain)[0])  # type: ignore[index]  # matches nothing too
    if not out.is_terminal:
        out.print(Text(" " * indent) + text, soft_wrap=True)
        return
    width = max(20, min(out.width, _WIDEST) - hang)
    for number, part in enumerate(text.wrap(out, width, overflow="fold")):
        part.rstrip()
        out.print(Text(" " * (hang if number else indent)) + part, soft_wrap=True)


def print_head(record_id: str, facts: Iterable[str]) -> None:
    """Print the line that a row begins with."""
    told = " · ".join(clean(fact) for fact in facts if fact)
    out.print(
        Text.assemble((f"── {clean(record_id)}", "bold"), (f"  {told}" if told else "", "dim")),
        soft_wrap=not out.is_terminal,
    )


def print_facts(facts: Sequence[tuple[str, Text | str]], indent: int = 2) -> None:
    """Print named texts of one line each, below each other; those that are empty are left out."""
    shown = [(name, value) for name, value in facts if value]
    margin = max((len(name) for name, _ in shown), default=0) + 2
    for name, value in shown:
        text = Text(clean(value)) if isinstance(value, str) else value
        label = Text.assemble((f"{' ' * indent}{name:<{margin}}", "cyan"))
        if not out.is_terminal:
            out.print(label + text, soft_wrap=True)
            continue
        width = max(20, min(out.width, _WIDEST) - indent - margin)
        for number, part in enumerate(text.wrap(out, width, overflow="fold")):
            part.rstrip()
            start = Text(" " * (indent + margin)) if number else label
            out.print(start + part, soft_wrap=True)


def print_text(text: Text, *, indent: int = 2, whole: bool, record_id: str = "") -> None:
    """Print a text with its lines; headings stand out; only its beginning unless it is `whole`."""
    shown = text if whole else _cut(text)
    is_code = False
    for line in shown.split("\n", allow_blank=True):
        fence = line.plain.startswith("```")
        is_code ^= fence
        if fence or is_code:
            line.stylize("dim")
        elif line.plain.startswith("#"):
            line.stylize("bold")
        print_line(line, indent)
    if (more := len(text) - len(shown)) > 0:
        hint = f"; all of it: --id {shorten_id(record_id)}" if record_id else ""
        out.print(Text(f"{' ' * indent}… {more} more characters{hint}", style="dim"))


def _cut(text: Text) -> Text:
    """Return the beginning of a long text, to the end of a line or a word where there is one."""
    if len(text) <= _SHOWN * 1.2:
        return text
    plain = text.plain[:_SHOWN]
    end = max(plain.rfind("\n", _SHOWN // 2), plain.rfind(" ", _SHOWN - 100))
    return text[: end if end > 0 else _SHOWN]


def make_table(*columns: str) -> Table:
    """Return an empty table; columns whose name begins with > hold numbers."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        right = column.startswith(">")
        table.add_column(
            column.lstrip(">"), justify="right" if right else "left", no_wrap=True, overflow="fold"
        )
    return table


def print_table(table: Table, *, widest: int = 0) -> None:
    """Print a table whole: where numbers have no room, the terminal wraps the line.

    Args:
        widest: cells that it may need.
    """
    out.print(table, width=max(out.width, widest), crop=False, soft_wrap=True)
