"""One stage of training: the library's trainer with fret's batches, loss and checkpoints."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from safetensors.torch import load_model, save_model
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from sentence_transformers.sentence_transformer import losses
from sentence_transformers.sentence_transformer.training_args import (
    SentenceTransformerTrainingArguments,
)
from torch import nn
from transformers import PrinterCallback, TrainerCallback

from fret.config.training import GeckoLossSettings, LoraSettings, TrainingStage
from fret.errors import ConfigError, StageError
from fret.training.batches import Collator, make_sampler
from fret.training.checkpoints import find_checkpoint, mark_whole, step_of
from fret.training.lora import adapted
from fret.training.losses import GeckoLoss
from fret.training.prepared import Prepared

_WEIGHTS = "weights.safetensors"


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
class Machine:
    """What the training runs on, and how; changes no result beyond rounding."""

    device: str = "auto"
    precision: str = "float32"
    gradient_checkpointing: bool = False
    save_every: int = 500


@dataclass(frozen=True, slots=True)
class Measure:
    """What is measured while training."""

    call: Callable[[SentenceTransformer], dict[str, float]]
    every: int | None
    """Steps between; None: at the end only."""


def fit(
    model: SentenceTransformer,
    data: Prepared,
    stage: TrainingStage,
    folder: Path,
    *,
    machine: Machine,
    seed: int,
    reporter: Reporter,
    lora: LoraSettings | None = None,
    measure: Measure | None = None,
) -> list[dict[str, float]]:
    """Train a model in place, going on from the folder's last checkpoint where there is one.

    Returns:
        What was noted on the way: lines of step, loss, learning rate, and figures.

    Raises:
        StageError: the loss is no number any more.
        ConfigError: the loss cannot be made.
    """
    checkpoints = folder / "checkpoints"
    arguments = _make_arguments(stage, checkpoints, data, machine, seed)
    last = find_checkpoint(checkpoints)
    with adapted(model, lora):
        trainer = _Trainer(
            model=model,
            args=arguments,
            train_dataset=data.rows,
            loss=make_loss(model, stage),
            data_collator=Collator(preprocess_fn=model.preprocess),
            callbacks=[_Watch(stage.name, reporter, measure, model)],
        )
        trainer.remove_callback(PrinterCallback)
        reporter.starts(stage.name, step_of(last) if last else 0, count_steps(stage, data))
        trainer.train(resume_from_checkpoint=str(last) if last else None)
    return [
        {key: float(value) for key, value in line.items() if _is_number(value)}
        for line in trainer.state.log_history
    ]


def count_steps(stage: TrainingStage, data: Prepared) -> int:
    """Return how many steps a stage makes on one device."""
    if stage.steps:
        return stage.steps
    sampler = _make_sampler(stage, data)(data.rows, stage.batch_size, seed=0)
    return max(1, math.ceil(stage.epochs * len(sampler)))


def make_loss(model: SentenceTransformer, stage: TrainingStage) -> nn.Module:
    """Make the loss that a stage names.

    Raises:
        ConfigError: sentence-transformers has none of that name, or refuses its arguments.
    """
    loss = _make_inner(model, stage)
    if not stage.matryoshka:
        return loss
    try:
        return losses.MatryoshkaLoss(model, loss, stage.matryoshka)
    except ValueError as error:
        raise ConfigError(f"stages.{stage.name}.matryoshka: {error}") from error


def _make_inner(model: SentenceTransformer, stage: TrainingStage) -> nn.Module:
    named = stage.loss
    if isinstance(named, GeckoLossSettings):
        return GeckoLoss(
            model,
            temperature=named.temperature,
            in_batch=named.in_batch,
            same_tower=named.same_tower,
            shared_negatives=named.shared_negatives,
            mask_kin=named.mask_kin,
            mini_batch_size=stage.mini_batch_size,
            gather=True,
        )
    if named.name not in losses.__all__:
        raise ConfigError(
            f"stages.{stage.name}.loss.name: sentence-transformers has no loss {named.name!r}; it "
            f"has {', '.join(sorted(losses.__all__))}."
        )
    try:
        made: nn.Module = getattr(losses, named.name)(model, **named.arguments)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"stages.{stage.name}.loss.arguments: {error}") from error
    return made


def _make_sampler(stage: TrainingStage, data: Prepared) -> Callable[..., Any]:
    weights = [source.weight for source in stage.data]
    return make_sampler(data.sizes, weights, mixed=stage.mixing == "mixed")


def _make_arguments(
    stage: TrainingStage, folder: Path, data: Prepared, machine: Machine, seed: int
) -> SentenceTransformerTrainingArguments:
    return SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        max_steps=count_steps(stage, data),
        per_device_train_batch_size=stage.batch_size,
        learning_rate=stage.learning_rate,
        # Whole steps: of a share, the library makes at least one, whose rate is 0.
        warmup_steps=int(stage.warm_up * count_steps(stage, data)),
        weight_decay=stage.weight_decay,
        lr_scheduler_type="linear",
        bf16=machine.precision == "bfloat16",
        use_cpu=machine.device == "cpu",
        activation_checkpointing=machine.gradient_checkpointing,
        save_strategy="steps",
        save_steps=machine.save_every,
        save_total_limit=2,
        logging_strategy="steps",
        logging_steps=max(1, min(10, machine.save_every)),
        logging_nan_inf_filter=False,
        batch_sampler=_make_sampler(stage, data),
        dataloader_drop_last=True,
        dataloader_pin_memory=machine.device != "cpu",
        seed=seed,
        data_seed=seed,
        report_to=[],
        disable_tqdm=True,
    )


class _Trainer(SentenceTransformerTrainer):
    """The library's, but checkpoints hold weights alone, and the card is fret's own, at the end."""

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        pass

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        folder = Path(output_dir or str(self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        save_model(self.model, str(folder / _WEIGHTS))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        load_model(self.model, str(Path(resume_from_checkpoint) / _WEIGHTS))


class _Watch(TrainerCallback):
    """Tells of each step, marks checkpoints as whole, and stops where the loss is no number."""

    def __init__(
        self, work: str, reporter: Reporter, measure: Measure | None, model: SentenceTransformer
    ) -> None:
        self._work, self._reporter, self._measure, self._model = work, reporter, measure, model
        self._loss: float | None = None

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            self._reporter.stepped(self._work, state.global_step, self._loss)
        every = self._measure.every if self._measure else None
        is_end = state.global_step == state.max_steps
        if self._measure and (is_end or (every and state.global_step % every == 0)):
            self._note(state, self._measure.call(self._model))

    def _note(self, state: Any, figures: dict[str, float]) -> None:
        state.log_history.append({"step": state.global_step, **figures})
        if state.is_world_process_zero:
            self._reporter.measured(self._work, state.global_step, figures)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        self._loss = (logs or {}).get("loss", self._loss)
        if self._loss is not None and not math.isfinite(self._loss):
            raise StageError(
                f"The loss of {self._work} is {self._loss} at step {state.global_step}. Lower "
                "learning_rate, or raise the loss's temperature; then run the command again with "
                "another name."
            )

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            mark_whole(Path(args.output_dir) / f"checkpoint-{state.global_step}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def write_log(path: Path, lines: list[dict[str, float]]) -> None:
    """Write what was noted on the way, a line of JSON each."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")


def read_log(path: Path) -> list[dict[str, float]]:
    """Read what `write_log` wrote."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
