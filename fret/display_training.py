"""What the command line shows of training.

Part of the command line.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from fret.display_evaluate import print_evaluation, print_written
from fret.display_progress import Rate
from fret.figures import count
from fret.terminal import clean, err, out

# Without a terminal, a line this often says how far it is.
_PLAIN_LINE_S = 30.0


class TrainingDisplay:
    """Shows how training goes on: a bar on a terminal, now and then a line elsewhere."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._bars: Progress | None = None
        self._task: Any = None
        self._total = 0
        self._rate = Rate()
        self._last_line = time.monotonic()

    def __enter__(self) -> "TrainingDisplay":
        if err.is_terminal and not self._quiet:
            self._bars = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=20),
                MofNCompleteColumn(),
                TextColumn("{task.fields[detail]}"),
                TimeRemainingColumn(),
                console=err,
            )
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars:
            self._bars.stop()

    def prepared(self, work: str, n_rows: int) -> None:
        self._say(f"{work}: {count(n_rows, 'row')} read")

    def starts(self, work: str, done: int, total: int) -> None:
        self._total = total
        self._rate, self._last_line = Rate(), time.monotonic()
        if self._bars:
            if self._task is not None:
                self._bars.remove_task(self._task)
            self._task = self._bars.add_task(work, total=total, completed=done, detail="")
        elif not self._quiet:
            from_where = f", going on from step {done}" if done else ""
            err.print(f"{work}: {count(total, 'step')}{from_where}", markup=False)

    def stepped(self, work: str, done: int, loss: float | None) -> None:
        per_s = self._rate.measure(done, time.monotonic())
        rate = "" if per_s is None else f"{per_s:.2g} steps/s"
        detail = ", ".join(filter(None, (rate, "" if loss is None else f"loss {loss:.4f}")))
        if self._bars and self._task is not None:
            self._bars.update(self._task, completed=done, detail=detail)
        else:
            self._say(", ".join(filter(None, (f"{work}: step {done} of {self._total}", detail))))

    def measured(self, work: str, step: int, figures: dict[str, float]) -> None:
        if not self._quiet:
            shown = ", ".join(f"{name} {value:.4f}" for name, value in figures.items())
            err.print(f"{work}, step {step}: {clean(shown)}", markup=False, soft_wrap=True)

    def warned(self, message: str) -> None:
        err.print(Text.assemble(("Note: ", "yellow"), clean(message)), soft_wrap=True)

    def _say(self, line: str) -> None:
        now = time.monotonic()
        if not self._bars and not self._quiet and now - self._last_line > _PLAIN_LINE_S:
            self._last_line = now
            err.print(line, markup=False)


def print_trained(model: Path, stages: Sequence[Mapping[str, Any]]) -> None:
    """Say where the model is, and what it took."""
    for manifest in stages:
        err.print(
            f"{manifest['stage']}: {count(sum(manifest['rows']), 'row')}, "
            f"{count(manifest['steps'], 'step')}, "
            f"{manifest['seconds']:.0f} s",
            markup=False,
        )
    out.print(f"The model is in {model}", markup=False, soft_wrap=True)
    out.print(f'Load it: SentenceTransformer("{model}")', markup=False, soft_wrap=True)


def print_ablation(found: Any) -> None:
    """Show the table of an ablation, and write it beside the models."""
    out.print(
        f"{count(found.queries, 'query')}; for {found.moved} of them the scorers chose another "
        "positive than the seed. Rows: positive-negative.",
        markup=False,
        soft_wrap=True,
    )
    out.print()
    print_evaluation(found.evaluation)
    print_written(found.evaluation.write(found.folder))
