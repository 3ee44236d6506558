"""Results as rows of short texts, for a terminal and for Markdown."""

from collections.abc import Sequence

from fret.evaluation.metrics import MAP, NDCG, SPEARMAN
from fret.evaluation.results import DataResult, Difference, Figure, MeanResult, ModelResult
from fret.figures import count

HEADS = {
    NDCG: "nDCG@10",
    "recall@1": "R@1",
    "recall@5": "R@5",
    "recall@20": "R@20",
    "recall@100": "R@100",
    "mrr@10": "MRR@10",
    MAP: "MAP",
    SPEARMAN: "Spearman",
}

Lines = Sequence[Sequence[str]]


def main_measure(result: DataResult | MeanResult) -> str:
    """Return the measure that differences are shown of."""
    return NDCG if result.kind == "retrieval" else SPEARMAN


def write_figures(result: DataResult | MeanResult) -> Lines:
    """Return a head and a line for each row: the main measure with its interval, then the rest."""
    main = main_measure(result)
    rest = [name for name in result.models[0].figures if name != main]
    lines = [["model", HEADS[main], "95 %", *(HEADS[name] for name in rest)]]
    for each in result.models:
        figure = each.figures[main]
        others = [_write(each.figures[name].value) for name in rest]
        lines.append([each.model, _write(figure.value), write_interval(figure), *others])
    return lines


def write_differences(result: DataResult | MeanResult) -> Lines:
    """Return a head and a line for each row but the baseline; nothing where there is no other."""
    main = main_measure(result)
    is_tested = result.kind == "retrieval"
    compared = [each for each in result.models if each.differences]
    if not compared:
        return []
    counts = ["p", "wins", "losses", "ties"] if is_tested else []
    lines = [["against the baseline", HEADS[main], "95 %", *counts]]
    for each in compared:
        lines.append([each.model, *_write_difference(each.differences[main], is_tested)])
    return lines


def describe(result: DataResult | MeanResult) -> str:
    """Say in a line what a table is of."""
    if isinstance(result, MeanResult):
        what = "collections" if result.kind == "retrieval" else "sets of pairs"
        return f"mean over {len(result.names)} {what}"
    if result.kind == "sts":
        return f"{result.name}: {count(result.n_queries, 'pair')}"
    n_queries, n_passages = count(result.n_queries, "query"), count(result.n_passages, "passage")
    return f"{result.name}: {n_queries}, {n_passages}"


def write_interval(figure: Figure | Difference, *, signed: bool = False) -> str:
    """Return both ends of an interval; `-` where there is none."""
    if figure.interval is None:
        return "-"
    low, high = figure.interval
    return f"{_write(low, signed=signed)} to {_write(high, signed=signed)}"


def find_row(result: DataResult | MeanResult, model: str) -> ModelResult | None:
    """Return a row by its name."""
    return next((each for each in result.models if each.model == model), None)


def _write_difference(difference: Difference, is_tested: bool) -> list[str]:
    cells = [_write(difference.value, signed=True), write_interval(difference, signed=True)]
    if is_tested and difference.p is not None:
        cells += [_write_p(difference.p)]
        cells += [str(n) for n in (difference.wins, difference.losses, difference.ties)]
    return cells


def _write(value: float | None, *, signed: bool = False) -> str:
    if value is None:
        return "undefined"
    return f"{value:+.3f}" if signed else f"{value:.3f}"


def _write_p(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}"
