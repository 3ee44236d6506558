"""Training as others see it: who is told of it, and what is measured on the way."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sentence_transformers import SentenceTransformer
from transformers import TrainerCallback

from fret.errors import StageError, StoppedByFirst
from fret.training.checkpoints import mark_whole
from fret.training.stopping import Wish


class Reporter(Protocol):
    """Is told how training goes on."""

    def prepared(self, work: str, n_rows: int) -> None: ...

    def starts(self, work: str, done: int, total: int) -> None: ...

    def stepped(self, work: str, done: int, loss: float | None) -> None: ...

    def measured(self, work: str, step: int, figures: dict[str, float]) -> None: ...

    def warned(self, message: str) -> None: ...


class Silent:
    """Nobody."""

    def prepared(self, work: str, n_rows: int) -> None:
        return None

    def starts(self, work: str, done: int, total: int) -> None:
        return None

    def stepped(self, work: str, done: int, loss: float | None) -> None:
        return None

    def measured(self, work: str, step: int, figures: dict[str, float]) -> None:
        return None

    def warned(self, message: str) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Measure:
    """What is measured while training."""

    call: Callable[[SentenceTransformer], dict[str, float]]
    every: int | None
    """Steps between; None: at the end only."""


class Watch(TrainerCallback):
    """Tells of each step, marks checkpoints as whole, and stops where the user wishes it, or the
    loss is no number."""

    def __init__(
        self,
        work: str,
        reporter: Reporter,
        measure: Measure | None,
        model: SentenceTransformer,
        wish: Wish,
    ) -> None:
        self._work, self._reporter, self._measure, self._model = work, reporter, measure, model
        self._wish = wish
        self._loss: float | None = None

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            self._reporter.stepped(self._work, state.global_step, self._loss)
        every = self._measure.every if self._measure else None
        is_end = state.global_step == state.max_steps
        if self._wish.is_stop and not is_end:
            control.should_save = control.should_training_stop = True
            return
        if not (self._measure and state.is_world_process_zero):
            return
        if is_end or (every and state.global_step % every == 0):
            self._note(state, self._measure.call(self._model))

    def _note(self, state: Any, figures: dict[str, float]) -> None:
        state.log_history.append({"step": state.global_step, **figures})
        self._reporter.measured(self._work, state.global_step, figures)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        self._loss = (logs or {}).get("loss", self._loss)
        if self._loss is not None and not math.isfinite(self._loss):
            if not state.is_world_process_zero:
                raise StoppedByFirst(StageError.exit_code)
            raise StageError(
                f"The loss of {self._work} is {self._loss} at step {state.global_step}. Lower "
                "learning_rate, or raise the loss's temperature; then run the command again with "
                "another name."
            )

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            mark_whole(Path(args.output_dir) / f"checkpoint-{state.global_step}")
