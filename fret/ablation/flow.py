"""`fret ablate`: six models trained and measured side by side. The flow; start reading here."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fret.ablation.cells import CELLS, Cell, write_cells
from fret.config.training import TrainingSettings
from fret.config.training_data import FretData
from fret.errors import UserError
from fret.evaluation import Evaluation, evaluate
from fret.evaluation.options import Observer
from fret.figures import count
from fret.store import Run
from fret.training.measure import reading_options
from fret.training.train import train
from fret.training.watch import Reporter, Silent

BASE = "untrained"


@dataclass(frozen=True, slots=True)
class Ablation:
    """What `ablate` found."""

    folder: Path
    queries: int
    """Of each cell."""
    moved: int
    """Those whose positive is not the seed."""
    cells: tuple[Cell, ...]
    evaluation: Evaluation
    """Rows named by the cells, after the base as it was, with which all are compared."""


def ablate(
    run: Run,
    settings: TrainingSettings,
    data: Sequence[str | Path] = (),
    *,
    reporter: Reporter | None = None,
    observer: Observer | None = None,
) -> Ablation:
    """Train six models on a run's queries, and measure them and their base.

    Goes on where an earlier call stopped: models that are done are not trained again.

    Args:
        settings: a training file of one stage; its data and its name give way to the cells'.
        data: what is measured on, as `fret.evaluate` takes it; of the run's own dataset the
            held-out split.

    Raises:
        UserError: the run is not finished, or something else to mend.
        StageError: training failed.
    """
    if len(settings.stages) != 1:
        raise UserError("An ablation takes a training file of one stage.")
    folder = run.path / "ablation"
    counts = write_cells(run, folder / "data", seed=settings.seed)
    reporter = reporter or Silent()
    reporter.warned(f"{len(CELLS)} models are trained, one after the other, then measured.")
    models = {}
    for number, cell in enumerate(CELLS, 1):
        trained = train(_settings_of(cell, settings, folder), reporter=reporter)
        models[cell.name] = trained.model
        if number < len(CELLS):
            seconds = trained.stages[-1]["seconds"]
            reporter.warned(
                f"{cell.name} is trained, in {count(seconds, 'second')}; "
                f"{count(len(CELLS) - number, 'model')} to go."
            )
    found = evaluate(
        {BASE: settings.base, **models},
        list(data) or [run.dataset_dir],
        options=reading_options(settings),
        observer=observer,
    )
    return Ablation(folder, counts["queries"], counts["moved"], CELLS, found)


def _settings_of(cell: Cell, settings: TrainingSettings, folder: Path) -> TrainingSettings:
    data = FretData(kind="fret", path=str(folder / "data" / cell.name), negatives=1)
    stage = settings.stages[0].model_copy(update={"data": [data], "name": cell.name})
    changes = {"name": cell.name, "models_dir": str(folder / "models"), "stages": [stage]}
    return settings.model_copy(update=changes)
