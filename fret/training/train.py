"""Training, as `fret train` does it: stage after stage, each resumed or skipped by its fingerprint.

data/models/<name>/
  <stage>/manifest.json         fingerprint, steps, rows, seconds; written last
  <stage>/log.jsonl             step, loss, learning rate and figures
  <stage>/data/, checkpoints/   removed when the stage is done
  <stage>/model/                what the next stage goes on from
  model/                        the last stage's, with card, curves and settings: what people load
"""

import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sentence_transformers import SentenceTransformer

from fret.config.training import MntpSettings, TrainingSettings
from fret.config.training_data import DataSettings
from fret.durable import make_folder, placed, remove, write_json
from fret.errors import UserError
from fret.locking import held, is_unused
from fret.modules.bidirectional import is_told_bidirectional
from fret.pipeline_file import load_training
from fret.records import hash_json
from fret.retrieval.devices import choose_device, choose_precision
from fret.training.base import open_base
from fret.training.card import CURVES, write_card
from fret.training.checkpoints import Checkpoints
from fret.training.curves import draw_curves, list_figures
from fret.training.fit import Machine, count_steps, fit, read_log, write_log
from fret.training.format import Format
from fret.training.measure import make_measure
from fret.training.plan import Part, make_plan
from fret.training.prepared import open_rows, prepare
from fret.training.rows import Row, count_negatives, read_rows
from fret.training.tables import read_table
from fret.training.team import Team, join_team
from fret.training.warm_up import WarmUp, warm_up
from fret.training.watch import Measure, Reporter, Silent


@dataclass(frozen=True, slots=True)
class Trained:
    """What `train` made."""

    model: Path
    """A sentence-transformers model folder."""
    stages: tuple[dict[str, Any], ...]
    """The manifest of each stage."""


def train(
    config: TrainingSettings | str | Path,
    *,
    overrides: Sequence[str] = (),
    redo: str | None = None,
    reporter: Reporter | None = None,
    measure: Callable[[SentenceTransformer], dict[str, float]] | None = None,
) -> Trained:
    """Train a model as a training file says, or go on with it; finished stages are skipped.

    Args:
        config: a training file, or a shipped one by its name, or the settings themselves.
        overrides: `key=value` texts, as after `--set`, for a file.
        redo: a stage to train anew, with those after it.
        measure: what is measured while training, figures by name; by default what the training
            file says.

    Raises:
        UserError: something to mend before; nothing was done.
        StageError: training failed; finished stages and checkpoints are kept.
    """
    _require_libraries()
    _hush()
    settings = config
    if not isinstance(settings, TrainingSettings):
        settings = load_training(str(settings), overrides)
    team = join_team(choose_device(settings.device)[0])
    reporter = reporter if reporter and team.is_first else Silent()
    measure = measure or make_measure(settings)
    folder = Path(settings.models_dir) / settings.name
    with ExitStack() as stack:
        team.lead(lambda: stack.enter_context(_placing(folder)))
        plan = team.lead(lambda: make_plan(settings, folder, redo=redo, n_processes=team.size))
        previous: Path | None = None
        for part in plan:
            if not part.finished and part.stage is None:
                team.lead(partial(_run_mntp, settings, part, team.device, reporter))
            elif not part.finished:
                _train_stage(settings, part, previous, team, reporter, measure)
            previous = part.folder / "model"
        made = partial(_place_model, previous, folder / "model", settings, plan)
        team.lead(made)
    return Trained(folder / "model", tuple(part.manifest for part in plan))


@contextmanager
def _placing(folder: Path) -> Iterator[None]:
    """Hold a model's folder; where nothing was written there in the end, take it away again."""
    with held(folder, "model"):
        try:
            yield
        finally:
            if is_unused(folder):
                remove(folder)


def _require_libraries() -> None:
    if find_spec("accelerate") is None:
        raise UserError("Training needs the package accelerate: pip install 'fret[train]'.")


def _hush() -> None:
    """fret shows progress of its own."""
    from transformers.utils import logging

    # What the libraries below would rather have of each other, with several processes.
    for said in ("torch.distributed.nn.functional", "`broadcast_buffers`"):
        warnings.filterwarnings("ignore", said, FutureWarning)
    warnings.filterwarnings("ignore", "`?is_gradient_checkpointing", FutureWarning)
    warnings.filterwarnings("ignore", "OMP_NUM_THREADS/MKL_NUM_THREADS unset", UserWarning)

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]


def _run_mntp(settings: TrainingSettings, part: Part, device: str, reporter: Reporter) -> None:
    """Get the base used to both directions: in one process, while others wait."""
    started = time.monotonic()
    how = settings.mntp
    assert how is not None
    make_folder(part.folder)
    rows = read_table(
        how.path, config=how.config, split=how.split, columns=[how.column], max_rows=how.max_rows
    )
    texts = [str(row[how.column]) for row in rows]
    reporter.prepared(part.name, len(texts))
    _note(part, {"state": "running"})
    model = _open(settings.base, settings, device, reporter)
    transformer: Any = model[0]
    if not is_told_bidirectional(transformer.model):
        raise UserError(
            f"mntp is for language models that are made to see in both directions, and "
            f"{settings.base} is none: take `mntp` out, or set model.bidirectional: true."
        )

    def tell(step: int, loss: float) -> None:
        reporter.stepped(part.name, step, loss)

    checkpoints = Checkpoints(part.folder / "checkpoints", settings.save_every)
    reporter.starts(part.name, checkpoints.last_step, how.steps)
    losses = warm_up(
        model, settings.base, texts, _describe_mntp(how, settings.seed), tell, checkpoints
    )
    log = [{"step": step, "loss": loss} for step, loss in enumerate(losses, 1)]
    figures = {"rows": [len(texts)], "steps": how.steps}
    figures |= {"seconds": round(time.monotonic() - started, 1)}
    _finish(part, model, log, figures)


def _describe_mntp(how: MntpSettings, seed: int) -> WarmUp:
    fields = ("steps", "batch_size", "mask_share", "learning_rate", "lora_rank")
    return WarmUp(**how.model_dump(include=set(fields)), seed=seed)


def _train_stage(
    settings: TrainingSettings,
    part: Part,
    previous: Path | None,
    team: Team,
    reporter: Reporter,
    measure: Callable[[SentenceTransformer], dict[str, float]] | None,
) -> None:
    started = time.monotonic()
    stage = part.stage
    assert stage is not None
    team.lead(lambda: make_folder(part.folder))
    data = open_rows(team.lead(lambda: _prepare(settings, part, reporter)))
    team.lead(lambda: _note(part, {"state": "running"}))
    model = _open(str(previous or settings.base), settings, team.device, reporter)
    model.prompts = {**_format_of(settings).prompts}
    log = fit(
        model,
        data,
        stage,
        part.folder,
        machine=Machine(
            team,
            choose_precision(settings.precision, team.device),
            settings.gradient_checkpointing,
            settings.save_every,
        ),
        seed=settings.seed,
        reporter=reporter,
        lora=settings.lora,
        measure=Measure(measure, settings.evaluate.every) if measure else None,
    )
    figures = {"rows": list(data.sizes), "steps": count_steps(stage, data, team.size)}
    figures |= {"seconds": round(time.monotonic() - started, 1)}
    team.lead(lambda: _finish(part, model, log, figures))


def _finish(
    part: Part, model: SentenceTransformer, log: list[dict[str, float]], figures: dict[str, Any]
) -> None:
    """Keep what a stage made, then mark it as done, then clean up."""
    write_log(part.folder / "log.jsonl", log)
    _save(model, part.folder / "model")
    _note(part, {"state": "done", **figures})
    for name in ("data", "checkpoints"):
        remove(part.folder / name)


def _open(
    base: str, settings: TrainingSettings, device: str, reporter: Reporter
) -> SentenceTransformer:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = open_base(base, settings.model, settings.format.query, device)
    for warning in caught:
        if warning.category is UserWarning:
            reporter.warned(str(warning.message))
    return model


def _note(part: Part, what: dict[str, Any]) -> None:
    versions = {name: version(name) for name in ("fret", "sentence-transformers", "torch")}
    data = {"stage": part.name, "identity": part.identity, "versions": versions, **what}
    write_json(part.folder / "manifest.json", data)


def _format_of(settings: TrainingSettings) -> Format:
    return Format(**settings.format.model_dump())


def _prepare(settings: TrainingSettings, part: Part, reporter: Reporter) -> list[Path]:
    how, stage = _format_of(settings), part.stage
    assert stage is not None
    sources: list[Callable[[], Iterator[Row]]] = [
        partial(_read_some, each, how, settings.seed) for each in stage.data
    ]
    done = 0

    def tell(n_rows: int) -> None:
        nonlocal done
        done += n_rows
        reporter.prepared(part.name, done)

    return prepare(
        part.folder / "data",
        hash_json([part.identity, settings.format.model_dump()])[:16],
        sources,
        n_negatives=max(map(count_negatives, stage.data)),
        tell=tell,
        warn=reporter.warned,
    )


def _read_some(data: DataSettings, how: Format, seed: int) -> Iterator[Row]:
    """Read rows of a part of the data, of which there must be some."""
    n_rows = 0
    for row in read_rows(data, how, seed=seed):
        n_rows += 1
        yield row
    if not n_rows:
        raise UserError(
            f"{data.path} has no rows to learn from (as `{data.kind}`). Look at its split and what "
            "it holds."
        )


def _save(model: SentenceTransformer, folder: Path) -> None:
    remove(folder)
    with placed(folder) as temporary:
        model.save(str(temporary), create_model_card=False)


def _place_model(
    made: Path | None, folder: Path, settings: TrainingSettings, plan: Sequence[Part]
) -> None:
    """Put the last stage's model where people look for it, with its card."""
    assert made is not None  # a training file has one stage at least
    logs = {part.name: read_log(part.folder / "log.jsonl") for part in plan}
    last = next((line for line in reversed(logs[plan[-1].name]) if list_figures([line])), {})
    figures = {name: last[name] for name in list_figures([last])}
    remove(folder)
    with placed(folder) as temporary:
        shutil.copytree(made, temporary)
        write_card(temporary, settings, [part.manifest for part in plan], figures)
        draw_curves(temporary / CURVES, logs)
        write_json(temporary / "settings.json", settings.model_dump())
        if figures:
            write_json(temporary / "metrics.json", figures)
