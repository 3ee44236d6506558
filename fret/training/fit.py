"""One stage of training: the library's trainer with fret's batches, loss and checkpoints."""

import json
import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_model, save_model
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from sentence_transformers.sentence_transformer import losses
from sentence_transformers.sentence_transformer.training_args import (
    SentenceTransformerTrainingArguments,
)
from torch import nn
from transformers import PrinterCallback

from fret.config.training import GeckoLossSettings, LoraSettings, TrainingStage
from fret.errors import ConfigError, StageError
from fret.training.batches import Collator, Drawing, make_sampler
from fret.training.checkpoints import find_checkpoint, step_of
from fret.training.lora import adapted
from fret.training.losses import GeckoLoss
from fret.training.prepared import Prepared
from fret.training.stopping import Wish, heeding
from fret.training.team import ALONE, PATIENCE, Team
from fret.training.watch import Measure, Reporter, Watch

_WEIGHTS = "weights.safetensors"


@dataclass(frozen=True, slots=True)
class Machine:
    """What the training runs on, and how; changes no result beyond rounding."""

    team: Team = ALONE
    precision: str = "float32"
    gradient_checkpointing: bool = False
    save_every: int = 500


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
        KeyboardInterrupt: the user stopped it; there is a checkpoint.
    """
    checkpoints = folder / "checkpoints"
    team = machine.team
    for told in _list_misfits(stage, data, team.size):
        reporter.warned(told)
    arguments = _make_arguments(stage, checkpoints, data, machine, seed)
    last = team.lead(lambda: find_checkpoint(checkpoints))
    with adapted(model, lora), _listening(team, reporter) as wish:
        trainer = _Trainer(
            model=model,
            args=arguments,
            train_dataset=data.rows,
            loss=make_loss(model, stage),
            data_collator=Collator(preprocess_fn=model.preprocess),
            callbacks=[Watch(stage.name, reporter, measure, model, wish)],
        )
        trainer.remove_callback(PrinterCallback)
        n_steps = count_steps(stage, data, team.size)
        reporter.starts(stage.name, step_of(last) if last else 0, n_steps)
        with _explained(stage):
            trainer.train(resume_from_checkpoint=str(last) if last else None)
        if trainer.state.global_step < n_steps:
            raise KeyboardInterrupt
    return [
        {key: float(value) for key, value in line.items() if _is_number(value)}
        for line in trainer.state.log_history
    ]


def _listening(team: Team, reporter: Reporter) -> AbstractContextManager[Wish]:
    """Heed the user where one process trains: several would not end after the same step, and wait
    for each other; they are ended by their launcher, and go on from the last checkpoint."""
    return heeding(reporter.warned) if team.size == 1 else nullcontext(Wish())


@contextmanager
def _explained(stage: TrainingStage) -> Iterator[None]:
    """Say what to do where the memory of a GPU did not do."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        smaller = (stage.mini_batch_size or stage.batch_size) // 2
        raise StageError(
            f"The memory of the GPU did not do for {stage.name}: {_first_sentence(error)} Set "
            f"mini_batch_size of the stage, such as {max(1, smaller)} (the loss stays that of the "
            "whole batch), gradient_checkpointing: true, or a shorter model.max_length."
        ) from error


def _first_sentence(error: Exception) -> str:
    return str(error).partition(". ")[0] + "."


def count_steps(stage: TrainingStage, data: Prepared, n_processes: int = 1) -> int:
    """Return how many steps a stage makes."""
    if stage.steps:
        return stage.steps
    an_epoch = _describe(stage, data).count_batches(fit_batch(stage, data, n_processes))
    return max(1, math.ceil(stage.epochs * an_epoch))


def fit_batch(stage: TrainingStage, data: Prepared, n_processes: int) -> int:
    """Return how many rows a step has: what the stage says, or all that there are where those are
    fewer; for each process as many.

    Raises:
        ConfigError: there are fewer rows than processes.
    """
    n_rows = sum(data.sizes)
    if n_rows < n_processes:
        raise ConfigError(f"stages.{stage.name}: {n_processes} processes need as many rows.")
    return min(stage.batch_size, n_rows - n_rows % n_processes)


def _list_misfits(stage: TrainingStage, data: Prepared, n_processes: int) -> Iterator[str]:
    """Say where batches are not as the stage has them, and which data never fills one."""
    size = fit_batch(stage, data, n_processes)
    if size < stage.batch_size:
        yield (
            f"{stage.name}: the data has fewer rows than batch_size ({stage.batch_size}): a step "
            f"has {size}."
        )
    if stage.mixing == "mixed" or len(data.sizes) == 1:
        return
    for source, n_rows in zip(stage.data, data.sizes, strict=True):
        if round(n_rows * source.weight) < size:
            yield (
                f"{source.path} has {n_rows} rows, which fill no batch of {size}: with `mixing: "
                "one_source` none of them is used. Lower batch_size, raise its weight, or mix."
            )


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


def _describe(stage: TrainingStage, data: Prepared) -> Drawing:
    weights = [source.weight for source in stage.data]
    return Drawing(data.sizes, weights, mixed=stage.mixing == "mixed")


def _make_arguments(
    stage: TrainingStage, folder: Path, data: Prepared, machine: Machine, seed: int
) -> SentenceTransformerTrainingArguments:
    device = machine.team.device
    n_steps = count_steps(stage, data, machine.team.size)
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        max_steps=n_steps,
        per_device_train_batch_size=fit_batch(stage, data, machine.team.size),
        # Each process takes its part of the one batch: the same rows as without others.
        accelerator_config={"split_batches": True},
        ddp_timeout=int(PATIENCE.total_seconds()),
        learning_rate=stage.learning_rate,
        # Whole steps: of a share, the library makes at least one, whose rate is 0.
        warmup_steps=int(stage.warm_up * n_steps),
        weight_decay=stage.weight_decay,
        lr_scheduler_type="linear",
        bf16=machine.precision == "bfloat16",
        use_cpu=device == "cpu",
        activation_checkpointing=machine.gradient_checkpointing,
        save_strategy="steps",
        save_steps=machine.save_every,
        save_total_limit=2,
        logging_strategy="steps",
        logging_steps=max(1, min(10, machine.save_every)),
        logging_nan_inf_filter=False,
        batch_sampler=make_sampler(_describe(stage, data), n_steps),
        dataloader_drop_last=True,
        dataloader_pin_memory=device != "cpu",
        seed=seed,
        data_seed=seed,
        report_to=[],
        disable_tqdm=True,
    )
    # One process takes one GPU; the trainer would copy the model to all, at every step.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


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


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def write_log(path: Path, lines: list[dict[str, float]]) -> None:
    """Write what was noted on the way, a line of JSON each."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")


def read_log(path: Path) -> list[dict[str, float]]:
    """Read what `write_log` wrote."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
