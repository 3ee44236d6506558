"""What a report is made from: the manifests of a finished run, and one pass over its examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fret.errors import UserError
from fret.manifest import STAGES, Manifest
from fret.prices import Price, read_prices
from fret.records import Example
from fret.report.gather import Found, gather
from fret.store import Run

# How many examples the page holds to read.
N_TO_READ = 300


@dataclass(frozen=True, slots=True)
class Source:
    """All that charts, checks and tables are made from."""

    name: str
    manifests: tuple[Manifest, ...]
    found: Found
    prices: Mapping[str, Price]
    """By model, where the pipeline file names them."""

    def measures(self, stage: str) -> Mapping[str, Any]:
        """Return the figures of a stage; empty where it noted none."""
        found = self.manifest(stage).measures
        inner: Mapping[str, Any] = found.get(stage, found)
        return inner

    def manifest(self, stage: str) -> Manifest:
        return self.manifests[STAGES.index(stage)]

    @property
    def examples(self) -> Mapping[str, Any]:
        """The figures of the stage examples."""
        return self.measures("examples")

    @property
    def n_graded(self) -> int:
        return self.found.positive_grades.total()

    @property
    def relevant_from(self) -> float:
        return relevant_from(self.manifest("examples"))

    @property
    def models(self) -> list[Mapping[str, Any]]:
        """The language models that took part, as the stages note them."""
        writer = self.manifest("queries").identity.get("writer", {})
        parts = [writer, *self.manifest("judgements").identity.get("scorers", [])]
        return [part["model"] for part in parts if isinstance(part.get("model"), Mapping)]


def read_source(run: Run) -> Source:
    """Gather what the report of a run is made from.

    Raises:
        UserError: a stage is not finished, or the examples do not fit what lies there.
    """
    for stage in STAGES:
        if not run.stage(stage).finished:
            raise UserError(
                f"A report needs a finished run, and in {run.path} the stage {stage} is not done. "
                "Run it first: `fret run PIPELINE`."
            )
    manifests = tuple(run.stage(stage).require() for stage in STAGES)
    _refuse_misfits(run, manifests)
    found = gather(
        run.rows(Example), n_to_read=N_TO_READ, relevant_from=relevant_from(manifests[-1])
    )
    return Source(run.name, manifests, found, read_prices(run.notes().get("settings", {})))


def _refuse_misfits(run: Run, manifests: Sequence[Manifest]) -> None:
    examples, anew = manifests[-1], "Make them anew: `fret run PIPELINE --redo examples`."
    for manifest in manifests:
        if examples.reads.get(manifest.stage, manifest.fingerprint) != manifest.fingerprint:
            raise UserError(
                f"The examples in {run.path} were made from other {manifest.stage} than lie there "
                f"now. {anew}"
            )
    figures = examples.measures.get("examples", {})
    # What this version notes; a version before had other rows, too.
    noted = {"picks", "refused", "separability"} <= figures.keys()
    if not noted or "of" not in figures["hardness"]:
        raise UserError(f"The examples in {run.path} are of another version of fret. {anew}")


def relevant_from(examples: Manifest) -> float:
    """Return the grade from which a passage counts as relevant."""
    return float(examples.identity.get("relevant_from", 2.0))
