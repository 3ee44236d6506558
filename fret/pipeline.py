"""The pipeline: six stages in a line, and the loop that runs them. Read this first.

    source ─► pages ─► passages ─► queries ─► candidates ─► judgements ─► examples ─► dataset

Each stage turns the shards of the one before into its own. A finished shard is never made again; a
finished stage whose fingerprint still fits is skipped; one that was made with other settings stops
the run before any work.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fret.config import PipelineSettings
from fret.dataset import build_dataset
from fret.errors import UserError
from fret.estimate import Ahead, estimate_stage
from fret.llm.batch import Status
from fret.llm.findings import Finding
from fret.llm.stored import Spent
from fret.llm.upkeep import read_spent
from fret.manifest import Manifest
from fret.pipeline_file import load_settings
from fret.plan import gather_questions, make_plan
from fret.products import Products
from fret.records import Dropped, Example, Record
from fret.report import write_report
from fret.shards import make_stage
from fret.stages.base import Observer, Question, Silence, Stage
from fret.stages.candidates import Candidates
from fret.stages.context import Context
from fret.stages.examples import Examples
from fret.stages.judgements import Judgements
from fret.stages.lanes import LANES
from fret.stages.pages import Pages
from fret.stages.passages import Passages
from fret.stages.prices import price_spent
from fret.stages.queries import queries_stage
from fret.store import Run

STAGES: dict[str, Callable[[Context], Stage]] = {
    "pages": Pages,
    "passages": Passages,
    "queries": queries_stage,
    "candidates": Candidates,
    "judgements": Judgements,
    "examples": Examples,
}

# Libraries whose version can change what comes out; noted in run.json.
_LIBRARIES = (
    "fret",
    "trafilatura",
    "sentence-transformers",
    "torch",
    "bm25s",
    "rank-bm25",
    "openai",
    "pyarrow",
)


def load(pipeline: str | Path, *, overrides: Sequence[str] = ()) -> "Pipeline":
    """Load a pipeline file, or a shipped recipe by its name; nothing is run or written.

    Args:
        overrides: `key=value` texts, as after `--set`.

    Raises:
        ConfigError: the file cannot be used; the message names every problem.
    """
    settings, path = load_settings(str(pipeline), overrides)
    return Pipeline(settings, beside=path.parent)


class Pipeline(Products):
    """A checked pipeline file and its run.

    Args:
        beside: the folder in which relative paths of the pipeline file are looked for, after the
            current one.
    """

    def __init__(self, settings: PipelineSettings, *, beside: Path = Path()) -> None:
        self.settings = settings
        self._beside = beside

    @property
    def name(self) -> str:
        return self.settings.run

    def run(
        self,
        stages: Sequence[str] = (),
        *,
        redo: str | None = None,
        lane: str = "live",
        observer: Observer | None = None,
    ) -> Path | None:
        """Run all stages, or those named, and write the dataset.

        Goes on where an earlier call stopped.

        Args:
            redo: a stage to make anew, with all that follow from it.
            lane: how requests to models travel: `live`, `batch` or `file`.

        Returns:
            The dataset's folder; None when `examples` was not among the stages.

        Raises:
            UserError: something to mend before; nothing was done.
            StageError: a stage failed; what is finished is kept.
            ModelError: a model's server stopped us; all answers are kept.
            Waiting: requests are out by batch or file; call again when their answers are there.
        """
        observer = observer or Silence()
        context = Context(
            self.settings,
            beside=self._beside,
            observer=observer,
            ask_failed_again=redo is not None,
            lane=_check_lane(lane),
        )
        try:
            return self._run(context, _check_names(stages, redo), redo, observer)
        finally:
            context.close()

    def probe(self) -> Iterator[tuple[str, list[Finding]]]:
        """Ask every model that the pipeline uses what it can do; yield (name, findings)."""
        context = Context(self.settings, beside=self._beside, observer=Silence())
        try:
            questions = {q for build in STAGES.values() for q in build(context).questions()}
            for name, kinds in _by_model(questions).items():
                yield name, context.models.examine(name, kinds)
        finally:
            context.close()

    def estimate(self) -> list[Ahead]:
        """Count the requests that are still to be sent, without sending any.

        Raises:
            UserError: the passages are not there yet; making them costs nothing.
        """
        run = self.stored
        if not all(run.stage(name).finished for name in ("pages", "passages")):
            raise UserError(
                "An estimate needs the passages, which cost nothing to make: run "
                "`fret run PIPELINE pages passages` first."
            )
        found: list[Ahead] = []
        for build in STAGES.values():
            context = Context(self.settings, beside=self._beside, observer=Silence(), lane="count")
            try:
                stage = build(context)
                context.models.expect(_by_model(stage.questions()))
                found += estimate_stage(run, stage, context)
            finally:
                context.close()
        return found

    def batches(self, action: str = "status", *, observer: Observer | None = None) -> list[Status]:
        """Look after the requests that are out by batch: one status for each batch.

        Args:
            action: `status` looks, `collect` also takes in the answers of batches that have ended,
                `cancel` ends what is out (batches and files) and keeps what was answered.
        """
        observer = observer or Silence()
        with Context(
            self.settings, beside=self._beside, observer=observer, lane="batch"
        ) as context:
            return context.models.lanes.manage_batches(action)

    def spent(self) -> list[tuple[Spent, float | None]]:
        """Return what the run has had from models so far, with its cost where prices are known."""
        path = Path(self.settings.answers)
        return list(price_spent(self.settings, read_spent(path, self.settings.run)))

    def status(self) -> list[Manifest]:
        """Return the manifests of the stages that were begun, in order."""
        manifests = (self.stored.stage(name).manifest for name in STAGES)
        return [manifest for manifest in manifests if manifest is not None]

    def rows(self, record: type[Record]) -> Iterator[Any]:
        """Stream the records of a finished stage, such as `fret.records.Example`."""
        return self.stored.rows(record)

    def _run(
        self, context: Context, wanted: Sequence[str], redo: str | None, observer: Observer
    ) -> Path | None:
        stages = [build(context) for build in STAGES.values()]
        redone = _following(redo) if redo else []
        plan = make_plan(self.stored, stages, wanted, redone)
        for name, kinds in _by_model(gather_questions(plan, wanted, redone)).items():
            context.models.check(name, kinds)
        context.models.lanes.refuse_two_lanes()
        run = self.stored
        with run.locked():
            # Once more: another process may have worked on the run while models were tried out.
            plan = make_plan(run, stages, wanted, redone)
            run.write_settings(
                self.settings.model_dump(),
                _versions(),
                datetime.now(UTC).isoformat(timespec="seconds"),
            )
            for part in reversed(plan):
                if part.stage.name in redone:
                    part.folder.clear()
            for part in plan:
                if part.stage.name in wanted:
                    make_stage(run, part, context, observer)
            if Example.STAGE not in wanted:
                return None
            return build_dataset(
                run, publish=self.settings.publish.model_dump(), illustrate=write_report
            )


def _check_lane(lane: str) -> str:
    if lane not in {"live", *LANES}:
        raise UserError(f"There is no lane {lane!r}; the lanes are live, {', '.join(LANES)}.")
    return lane


def _following(stage: str) -> list[str]:
    names = list(STAGES)
    return names[names.index(stage) :]


def _check_names(stages: Sequence[str], redo: str | None) -> list[str]:
    for name in [*stages, *([redo] if redo else [])]:
        if name not in STAGES:
            raise UserError(f"There is no stage {name!r}; the stages are {', '.join(STAGES)}.")
    return [name for name in STAGES if not stages or name in stages]


def _by_model(questions: Iterable[Question]) -> dict[str, dict[str, int]]:
    """Gather kinds of request, with their longest prompts, by the model that is asked."""
    kinds: dict[str, dict[str, int]] = {}
    for question in sorted(questions):  # the longest of a kind comes last
        kinds.setdefault(question.model, {})[question.kind] = question.longest
    return kinds


def _versions() -> dict[str, str]:
    return {name: version(name) for name in _LIBRARIES}


def dropped_rows(run: Run, stage: str) -> Iterator[Dropped]:
    """Stream what a stage dropped, with the reasons."""
    return run.stage(stage).rows(Dropped, dropped=True)
