"""Judgements as tables to read: one row per candidate, one column per scorer."""

from rich.table import Table
from rich.text import Text

from fret.records import Judgement, Scoring
from fret.terminal import clean, out


def print_judgement(judgement: Judgement) -> None:
    """Show what every scorer says of every candidate, the best of the fused ranking first."""
    out.print(Text(f"── {clean(judgement.key)}", style="bold"))
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("rank", "fused", "passage", *(clean(s.scorer) for s in judgement.scorings)):
        table.add_column(name, justify="left" if name == "passage" else "right", no_wrap=True)
    n = len(judgement.passage_ids)
    for i in sorted(range(n), key=lambda i: judgement.fused_ranks[i] or n + 1):
        rank, fused = judgement.fused_ranks[i], judgement.fused_scores[i]
        is_seed = judgement.passage_ids[i] == judgement.seed_id
        table.add_row(
            str(rank or "-"),
            "-" if fused is None else f"{fused:.3f}",
            Text(f"{judgement.passage_ids[i]}{' seed' if is_seed else ''}"),
            *(Text(_describe(scoring, i)) for scoring in judgement.scorings),
        )
    # Numbers are not cut off where they have no room: the terminal wraps the line.
    width = max(out.width, 60 + 60 * len(judgement.scorings))
    out.print(table, width=width, crop=False, soft_wrap=True)


def _describe(scoring: Scoring, i: int) -> str:
    """Write a score with its rank, the grade where it is another number, and what is odd."""
    score, grade, odd = scoring.scores[i], scoring.grades[i], clean(scoring.fallbacks[i])
    if score is None:
        return odd or "-"
    text = f"{score:.3f} #{scoring.ranks[i]}"
    text += "" if grade is None or grade == score else f" grade {grade:.2f}"
    return f"{text} ({odd})" if odd else text
