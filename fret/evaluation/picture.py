"""The picture of an evaluation: a panel for each data set, in it a line for each row."""

import warnings
from pathlib import Path
from typing import Any

from fret.evaluation.cells import HEADS, describe, main_measure
from fret.evaluation.results import DataResult, Evaluation, MeanResult
from fret.printable import is_printable

# Okabe & Ito (2008): told apart by those who see no red or green, and in print.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_LONGEST_NAME = 40
_INCHES_PER_ROW, _INCHES_PER_PANEL, _WIDTH = 0.28, 0.75, 7.5


def draw_picture(evaluation: Evaluation, path: Path, *, kind: str) -> None:
    """Draw nDCG@10 (of pairs Spearman's correlation) of all rows on all data sets.

    Args:
        kind: png or svg.
    """
    import matplotlib
    from matplotlib.figure import Figure

    results: list[DataResult | MeanResult] = [*evaluation.means, *evaluation.data]
    heights = [_INCHES_PER_PANEL + _INCHES_PER_ROW * len(each.models) for each in results]
    # Names may hold "$", which would be taken for formulas; equal evaluations give equal files.
    settings: dict[Any, Any] = {"text.parse_math": False, "svg.hashsalt": "fret"}
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # characters that no font here has
        figure = Figure(figsize=(_WIDTH, sum(heights) + 0.3), layout="constrained")
        panels = figure.subplots(len(results), 1, squeeze=False, height_ratios=heights)[:, 0]
        for panel, result in zip(panels, results, strict=True):
            _draw_panel(panel, result, list(evaluation.models))
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(path, format=kind, dpi=150, metadata=metadata)


def _draw_panel(panel: Any, result: DataResult | MeanResult, rows: list[str]) -> None:
    main = main_measure(result)
    for place, each in enumerate(result.models):
        figure = each.figures[main]
        colour = _COLOURS[rows.index(each.model) % len(_COLOURS)]
        if figure.value is None:
            continue
        if figure.interval:
            panel.plot(figure.interval, [place, place], color=colour, linewidth=2)
        panel.plot([figure.value], [place], "o", color=colour, markersize=6)
        panel.annotate(
            f"{figure.value:.3f}",
            (figure.value, place),
            xytext=(0, 5),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
    panel.set_yticks(range(len(result.models)), [_shorten(each.model) for each in result.models])
    panel.set_ylim(len(result.models) - 0.4, -0.8)
    panel.set_title(_shorten(describe(result), 80), loc="left", fontsize=10)
    panel.set_xlabel(f"{HEADS[main]}, 95 % intervals", fontsize=8)
    panel.tick_params(labelsize=8)
    panel.grid(axis="x", color="#dddddd", linewidth=0.6)
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)


def _shorten(text: str, most: int = _LONGEST_NAME) -> str:
    shown = "".join(c if is_printable(c) else "\N{REPLACEMENT CHARACTER}" for c in text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"
