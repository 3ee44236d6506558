"""What the command line shows of an evaluation. Part of the command line.

Queries, passages and names of files are hostile, as in `fret.display`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fret.evaluation.cells import Lines, describe, write_differences, write_figures
from fret.evaluation.results import DataResult, Evaluation, MeanResult, Passage, ShownQuery
from fret.terminal import clean, out

_TEXT = 240


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
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for number, name in enumerate(head):
        # Figures go whole; where room is short, the names of models are broken.
        options: Any = {"overflow": "fold"} if not number else {"justify": "right", "no_wrap": True}
        table.add_column(name, **options)
    for row in rows:
        table.add_row(*row)
    out.print(table)


def _print_query(shown: ShownQuery) -> None:
    found = f"nDCG@10 {shown.value:.3f}"
    if shown.baseline is not None:
        what = "win" if shown.value > shown.baseline else "loss"
        found = f"{what}, {found}, baseline {shown.baseline:.3f}"
    _say((f"{shown.model} on {shown.data}, query {shown.query_id}: {found}", "bold"))
    _say(("query  ", "cyan"), _shorten(shown.query), indent=2)
    for model, passages in shown.tops.items():
        _say((f"{model} found", "cyan"), indent=2)
        _print_passages(passages)
    _say(("relevant", "cyan"), indent=2)
    _print_passages(shown.relevant)


def _print_passages(passages: Sequence[Passage]) -> None:
    if not passages:
        _say("nothing", indent=4)
    for rank, each in enumerate(passages, 1):
        is_repeated = each.text.startswith(each.title)
        text = each.text if is_repeated else f"{each.title}: {each.text}"
        mark = (f"grade {each.grade}", "green") if each.grade else ("not relevant", "red")
        _say(f"{rank}. {each.id} ", mark, f"  {_shorten(text)}", indent=4)


def _say(*parts: str | tuple[str, str], indent: int = 0) -> None:
    pieces = [clean(p) if isinstance(p, str) else (clean(p[0]), p[1]) for p in parts]
    out.print(Padding(Text.assemble(*pieces), (0, 0, 0, indent), expand=False))


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _TEXT else f"{text[: _TEXT - 1]}…"
