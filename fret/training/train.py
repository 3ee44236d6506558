"""Training, as `fret train` does it: stage after stage, each resumed or skipped by its fingerprint.

data/models/<name>/
  <stage>/manifest.json         fingerprint, steps, rows, seconds; written last
  <stage>/log.jsonl             step, loss, learning rate and figures
  <stage>/data/, checkpoints/   removed when the stage is done
  <stage>/model/                what the next stage goes on from
  model/                        the last stage's, with card, curves and settings: what people load
"""

import json
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sentence_transformers import SentenceTransformer

from fret.config.training import DataSettings, FretData, TrainingSettings, TrainingStage
from fret.durable import make_folder, placed, remove, sha256_of, write_json
from fret.errors import DriftError, UserError
from fret.locking import held
from fret.pipeline_file import load_training
from fret.records import hash_json
from fret.retrieval.devices import choose_device, choose_precision
from fret.retrieval.model_files import identify_model
from fret.training.base import open_base
from fret.training.card import CURVES, write_card
from fret.training.checkpoints import find_checkpoint
from fret.training.curves import draw_curves, list_figures
from fret.training.fit import (
    Machine,
    Measure,
    Reporter,
    Silent,
    count_steps,
    fit,
    read_log,
    write_log,
)
from fret.training.format import Format
from fret.training.measure import make_measure
from fret.training.prepared import Prepared, prepare
from fret.training.rows import Row, count_negatives, read_rows

# Raise where the same settings would give another model.
_VERSION = 1


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
    reporter = reporter or Silent()
    measure = measure or make_measure(settings)
    folder = Path(settings.models_dir) / settings.name
    device = choose_device(settings.device)[0]
    with held(folder, "model"):
        plan = _make_plan(settings, folder, redo)
        previous: Path | None = None
        for part in plan:
            if not part.finished:
                _train_stage(settings, part, previous, device, reporter, measure)
            previous = part.folder / "model"
        assert previous is not None
        _place_model(previous, folder / "model", settings, plan)
    return Trained(folder / "model", tuple(part.manifest for part in plan))


def _require_libraries() -> None:
    if find_spec("accelerate") is None:
        raise UserError("Training needs the package accelerate: pip install 'fret[train]'.")


def _hush() -> None:
    """fret shows progress of its own."""
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class _Part:
    """A stage, where it lies, and what it must be made from."""

    stage: TrainingStage
    folder: Path
    identity: dict[str, Any]

    @property
    def manifest(self) -> dict[str, Any]:
        """What was noted when it was done; empty where it was not."""
        try:
            found: dict[str, Any] = json.loads((self.folder / "manifest.json").read_text("utf-8"))
            return found
        except (OSError, ValueError):
            return {}

    @property
    def finished(self) -> bool:
        return self.manifest.get("state") == "done" and (self.folder / "model").is_dir()


def _make_plan(settings: TrainingSettings, folder: Path, redo: str | None) -> list[_Part]:
    names = [stage.name for stage in settings.stages]
    if redo is not None and redo not in names:
        raise UserError(f"There is no stage {redo!r}; the stages are {', '.join(names)}.")
    redone = set(names[names.index(redo) :]) if redo else set()
    plan: list[_Part] = []
    before: Any = {"base": identify_model(settings.base), "version": _VERSION}
    before |= settings.model_dump(
        include={"model", "format", "lora", "precision", "gradient_checkpointing", "seed"}
    )
    for stage in settings.stages:
        identity = {
            "before": before,
            "stage": stage.model_dump(exclude={"data"}),
            "data": [each.model_dump() | {"files": _identify(each)} for each in stage.data],
        }
        part = _Part(stage, folder / stage.name, identity)
        if stage.name in redone:
            remove(part.folder)
        _refuse_drift(part, settings.name)
        plan.append(part)
        before = hash_json(identity)
    return plan


def _refuse_drift(part: _Part, name: str) -> None:
    made = part.manifest.get("identity")
    if made is None or made == part.identity:
        return
    if not part.finished and find_checkpoint(part.folder / "checkpoints") is None:
        remove(part.folder)  # it was begun, and nothing would be lost
        return
    raise DriftError(
        f"The stage {part.stage.name} of the model {name} was trained otherwise:\n"
        + "\n".join(f"  {line}" for line in _list_changes(made, part.identity))
        + "\nGive the new model another `name`, or train anew with "
        f"--redo {part.stage.name}."
    )


def _list_changes(old: Any, new: Any) -> Iterator[str]:
    before, after = dict(_leaves(old)), dict(_leaves(new))
    for place in sorted(before.keys() | after.keys()):
        was, now = before.get(place, "absent"), after.get(place, "absent")
        if was == now:
            continue
        if place in _CONTENTS or place.endswith(".files"):
            yield f"{_CONTENTS.get(place, 'the contents of the data')} changed"
        else:
            yield f"{place.removeprefix('before.')}: was {was}, is now {now}"


_CONTENTS = {"before": "what the stage before it made"}


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list) and not place.endswith(".files")
        else None
    )
    if items is None:
        yield place, value
        return
    for key, each in items:
        yield from _leaves(each, f"{place}.{key}" if place else str(key))


def _identify(data: DataSettings) -> Any:
    """Return what stands for the rows of local data: the names and hashes of its files."""
    path = Path(data.path)
    if path.is_file():
        return sha256_of(path)
    if isinstance(data, FretData) and path.is_dir():  # whose files are named by their content
        return sorted(file.name for file in (path / "full").glob(f"{data.split}-*.parquet"))
    return None


def _train_stage(
    settings: TrainingSettings,
    part: _Part,
    previous: Path | None,
    device: str,
    reporter: Reporter,
    measure: Callable[[SentenceTransformer], dict[str, float]] | None,
) -> None:
    started = time.monotonic()
    make_folder(part.folder)
    data = _prepare(settings, part, reporter)
    _note(part, {"state": "running"})
    model = _open(str(previous or settings.base), settings, device, reporter)
    model.prompts = {**_format_of(settings).prompts}
    log = fit(
        model,
        data,
        part.stage,
        part.folder,
        machine=Machine(
            device,
            choose_precision(settings.precision, device),
            settings.gradient_checkpointing,
            settings.save_every,
        ),
        seed=settings.seed,
        reporter=reporter,
        lora=settings.lora,
        measure=Measure(measure, settings.evaluate.every) if measure else None,
    )
    write_log(part.folder / "log.jsonl", log)
    _save(model, part.folder / "model")
    figures = {"rows": list(data.sizes), "steps": count_steps(part.stage, data)}
    _note(part, {"state": "done", **figures, "seconds": round(time.monotonic() - started, 1)})
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


def _note(part: _Part, what: dict[str, Any]) -> None:
    versions = {name: version(name) for name in ("fret", "sentence-transformers", "torch")}
    data = {"stage": part.stage.name, "identity": part.identity, "versions": versions, **what}
    write_json(part.folder / "manifest.json", data)


def _format_of(settings: TrainingSettings) -> Format:
    return Format(**settings.format.model_dump())


def _prepare(settings: TrainingSettings, part: _Part, reporter: Reporter) -> Prepared:
    how = _format_of(settings)
    sources: list[Callable[[], Iterator[Row]]] = [
        partial(read_rows, each, how, seed=settings.seed) for each in part.stage.data
    ]
    done = 0

    def tell(n_rows: int) -> None:
        nonlocal done
        done += n_rows
        reporter.prepared(part.stage.name, done)

    return prepare(
        part.folder / "data",
        hash_json([part.identity, settings.format.model_dump()])[:16],
        sources,
        n_negatives=max(map(count_negatives, part.stage.data)),
        tell=tell,
        warn=reporter.warned,
    )


def _save(model: SentenceTransformer, folder: Path) -> None:
    remove(folder)
    with placed(folder) as temporary:
        model.save(str(temporary), create_model_card=False)


def _place_model(
    made: Path, folder: Path, settings: TrainingSettings, plan: Sequence[_Part]
) -> None:
    """Put the last stage's model where people look for it, with its card."""
    logs = {part.stage.name: read_log(part.folder / "log.jsonl") for part in plan}
    last = next((line for line in reversed(logs[plan[-1].stage.name]) if list_figures([line])), {})
    figures = {name: last[name] for name in list_figures([last])}
    remove(folder)
    with placed(folder) as temporary:
        shutil.copytree(made, temporary)
        write_card(temporary, settings, [part.manifest for part in plan], figures)
        draw_curves(temporary / CURVES, logs)
        write_json(temporary / "settings.json", settings.model_dump())
        write_json(temporary / "metrics.json", figures)
