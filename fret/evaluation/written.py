"""An evaluation in a folder: JSON with every query, a page of Markdown, the picture."""

import re
from pathlib import Path

from fret.durable import make_folder, placed, write_json
from fret.evaluation.cells import Lines, describe, write_differences, write_figures
from fret.evaluation.picture import draw_picture
from fret.evaluation.results import DataResult, Evaluation, MeanResult
from fret.figures import count
from fret.printable import is_printable

NAME = "evaluation"


def write_all(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write all of it; return the paths."""
    make_folder(folder)
    paths = [folder / f"{NAME}.{ending}" for ending in ("json", "md", "png", "svg")]
    write_json(paths[0], evaluation.to_json())
    with placed(paths[1]) as temporary:
        temporary.write_text(write_markdown(evaluation), "utf-8")
    for path in paths[2:]:
        with placed(path) as temporary:
            draw_picture(evaluation, temporary, kind=path.suffix[1:])
    return paths


def write_markdown(evaluation: Evaluation) -> str:
    """Return the tables, the mean first where there are several data sets."""
    settings = evaluation.settings
    parts = ["# Evaluation", f"![nDCG@10 of each model, with 95 % intervals]({NAME}.svg)"]
    results: list[DataResult | MeanResult] = [*evaluation.means, *evaluation.data]
    for result in results:
        parts.append(f"## {_escape(describe(result))}")
        parts.append(_write_table(write_figures(result)))
        if differences := write_differences(result):
            parts.append(f"Baseline: {_escape(result.baseline)}")
            parts.append(_write_table(differences))
        if isinstance(result, DataResult) and result.notes:
            parts.append("\n".join(f"- {_escape(note)}" for note in result.notes))
    parts.append(
        f"Intervals: 95 %, percentile bootstrap over queries, {count(settings['draws'], 'draw')}, "
        "paired between models. p: two-sided sign-flip permutation test of the mean difference. "
        "Measures as trec_eval defines them."
    )
    return "\n\n".join(parts) + "\n"


def _write_table(lines: Lines) -> str:
    head, *rows = [[_escape(cell) for cell in line] for line in lines]
    ruler = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ruler, *rows])


def _escape(text: str) -> str:
    """Write a name so that nothing in it is markup."""
    shown = "".join(c if is_printable(c) else "\N{REPLACEMENT CHARACTER}" for c in text)
    return re.sub(r"([\\`*_{}\[\]<>|#!~$&])", r"\\\1", shown)
