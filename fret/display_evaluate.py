"""What the command line shows of an evaluation. Part of the command line.

Queries, passages and names of files are hostile, as in `fret.display`.
"""

from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from fret.display_layout import make_table, print_line, print_table, shorten
from fret.evaluation.cells import Lines, describe, write_differences, write_figures
from fret.evaluation.results import DataResult, Evaluation, MeanResult, Passage, ShownQuery
from fret.terminal import clean, out

# A line that one takes in at a glance; of its passage it shows the beginning, and in a narrow
# terminal so much of it on the lines below.
_WIDEST, _LEAST = 120, 50
_TITLE, _QUERY = 40, 240


def print_evaluation(evaluation: Evaluation) -> None:
    """Show a table for each data set, the mean over several last, then the queries asked for."""
    results: list[DataResult | MeanResult] = [*evaluation.data, *evaluation.means]
    for number, result in enumerate(results):
        if number:
            out.print()
        out.print(Text(clean(describe(result)), style="bold"), soft_wrap=True)
        _print_table(write_figures(result))
        if differences := write_differences(result):
            out.print()
            _print_table([[f"against {result.baseline}", *differences[0][1:]], *differences[1:]])
    for query in evaluation.shown:
        out.print()
        _print_query(query)


def print_written(paths: Sequence[Path]) -> None:
    """Say which files were written."""
    if paths:
        names = ", ".join(map(str, paths))
        out.print(Text(clean(f"\nWrote {names}")), soft_wrap=True)


def _print_table(lines: Lines) -> None:
    head, *rows = [[Text(clean(cell)) for cell in line] for line in lines]
    first, *others = (cell.plain for cell in head)
    # Figures go whole; where room is short, the names of models are broken.
    table = make_table(first, *(f">{name}" for name in others), wraps={first: 10}, between=1)
    for row in rows:
        table.add_row(*row)
    print_table(table)


def _print_query(shown: ShownQuery) -> None:
    """Print a query and what was found for it, a line for each passage."""
    found = f"{shown.model}, nDCG@10 {shown.value:.3f}"
    if shown.baseline is not None:
        is_win = shown.value > shown.baseline
        (against,) = (name for name in shown.tops if name != shown.model)
        found = f"{'win' if is_win else 'loss'} of {found} to {shown.baseline:.3f} of {against}"
    print_line(Text(shorten(shown.query, _QUERY), style="bold"))
    print_line(Text(clean(f"{found}; {shown.data}, query {shown.query_id}"), style="dim"), 2)
    for model, passages in shown.tops.items():
        print_line(Text(f"{clean(model)} found", style="cyan"), 2)
        _print_passages(passages, numbered=True)
    seen = {each.id for passages in shown.tops.values() for each in passages}
    if others := [each for each in shown.relevant if each.id not in seen]:
        print_line(Text("relevant, and not among these", style="cyan"), 2)
        _print_passages(others, numbered=False)


def _print_passages(passages: Sequence[Passage], *, numbered: bool) -> None:
    if not passages:
        print_line("nothing", 4)
    for rank, each in enumerate(passages, 1):
        is_repeated = each.text.startswith(each.title)
        text = each.text if is_repeated else f"{shorten(each.title, _TITLE)}: {each.text}"
        grade = (f"grade {each.grade}     ", "green") if each.grade else ("not relevant", "red")
        start = f"{rank}  " if numbered else ""
        line = Text.assemble(start, grade, "  ", (clean(each.id), "dim"), "  ")
        room = min(out.width, _WIDEST) - 4 - line.cell_len
        print_line(line + Text(shorten(text, max(room, _LEAST))), 4)
