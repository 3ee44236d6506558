"""How rows are laid out in a terminal: heads, facts, texts with their lines, tables.

Part of the command line. In a terminal texts are wrapped to its width, and a table that does not
fit becomes a paragraph for each row; in a pipe a line of text is a line, unless COLUMNS says how
wide it is. Widths are counted in cells, of which Chinese and Japanese characters take two.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from rich.cells import cell_len
from rich.table import Column, Table
from rich.text import Text

from fret.figures import count
from fret.terminal import clean, has_width, out

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
    if not has_width():
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
        soft_wrap=not has_width(),
    )


def print_facts(facts: Sequence[tuple[str, Text | str]], indent: int = 2) -> None:
    """Print named texts of one line each, below each other; those that are empty are left out."""
    shown = [(name, value) for name, value in facts if value]
    margin = max((len(name) for name, _ in shown), default=0) + 2
    for name, value in shown:
        text = Text(clean(value)) if isinstance(value, str) else value
        label = Text.assemble((f"{' ' * indent}{name:<{margin}}", "cyan"))
        if not has_width():
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
        out.print(Text(f"{' ' * indent}… {count(more, 'more character')}{hint}", style="dim"))


def _cut(text: Text) -> Text:
    """Return the beginning of a long text, to the end of a line or a word where there is one."""
    if len(text) <= _SHOWN * 1.2:
        return text
    plain = text.plain[:_SHOWN]
    end = max(plain.rfind("\n", _SHOWN // 2), plain.rfind(" ", _SHOWN - 100))
    return text[: end if end > 0 else _SHOWN]


def make_table(
    *columns: str, wraps: Mapping[str, int] | None = None, between: int = 2, lines: int = 0
) -> Table:
    """Return an empty table; columns whose name begins with > hold numbers.

    Args:
        wraps: columns whose texts may be broken, and how many cells each needs at least.
        between: cells that part two columns.
        lines: empty ones that part two rows.
    """
    wraps = wraps or {}
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, between, lines, 0))
    for column in columns:
        name = column.removeprefix(">")
        table.add_column(
            Text(clean(name)),
            justify="right" if column.startswith(">") else "left",
            no_wrap=name not in wraps,
            min_width=wraps.get(name),
            overflow="fold",
        )
    return table


def print_table(table: Table, below: Sequence[Text] = ()) -> None:
    """Print a table, or where it has no room each row as a paragraph with the columns' names.

    Args:
        below: what has no room beside each row.
    """
    between = table.padding[1]
    if not below and sum(_least_width(c) + between for c in table.columns) - between <= out.width:
        out.print(table)
        return
    if head := _as_text(table.columns[0].header).plain:
        print_line(Text(head, style="bold"))
    rows = zip(
        *([_as_text(cell) for cell in column.cells] for column in table.columns), strict=True
    )
    for number, row in enumerate(rows):
        _print_row(table, row)
        if below:
            print_line(below[number], 2)


def _print_row(table: Table, row: Sequence[Text]) -> None:
    """Print the cells of one line each behind each other, and those of several below them."""
    first, *others = row
    lines = [Text("  ").join(first.split("\n"))]
    below: list[Text] = []
    for column, cell in zip(table.columns[1:], others, strict=True):
        if "\n" in cell.plain:
            below += cell.split("\n")
        elif cell.plain:
            name = _as_text(column.header).plain
            named = Text.assemble((f"{name} " if name else "", "dim"), cell)
            if 2 + lines[-1].cell_len + 2 + named.cell_len <= out.width:
                lines[-1] += Text("  ") + named
            else:
                lines.append(named)
    for number, line in enumerate([*lines, *below]):
        print_line(line, 2 if number else 0)


def _least_width(column: Column) -> int:
    """Return the cells that a column needs."""
    if not column.no_wrap:
        return column.min_width or 1
    lines = (line for text in (column.header, *column.cells) for line in _lines_of(text))
    return max(map(cell_len, lines))


def _lines_of(cell: object) -> list[str]:
    return _as_text(cell).plain.split("\n")


def _as_text(cell: object) -> Text:
    return cell if isinstance(cell, Text) else Text(clean(str(cell)))
