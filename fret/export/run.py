"""One export from its options to the folder in place."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fret.errors import UserError
from fret.export.base import Format, Job, Options
from fret.export.beir import Beir
from fret.export.flag_embedding import FlagEmbedding
from fret.export.folder import check_folder, replaced_folder, write_manifest
from fret.export.mteb import Mteb
from fret.export.pyserini import Pyserini
from fret.export.readme import write_readme
from fret.export.sentence_transformers import SentenceTransformers
from fret.export.tevatron import Tevatron, TevatronLegacy
from fret.export.texts import FORMS
from fret.records import Example, Passage
from fret.store import Run

FORMATS: dict[str, Format] = {
    made.name: made
    for made in (
        SentenceTransformers(),
        FlagEmbedding(),
        Tevatron(),
        TevatronLegacy(),
        Beir(),
        Mteb(),
        Pyserini(),
    )
}


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote, and what its format could not hold."""

    folder: Path
    format: str
    files: Mapping[str, int]
    """Rows of each file."""
    n_read: int
    """Examples of the chosen splits."""
    left_out: Mapping[str, int]
    """Examples that are not in it, by reason."""
    not_held: Mapping[str, int]
    """What of the others is not in it, or not as it was."""


def export_run(run: Run, to: str, out: Path, options: Options | None = None) -> Exported:
    """Write a finished run's examples in a format; a folder of an earlier export is replaced.

    Raises:
        UserError: the format, an option or the folder will not do; nothing was written.
    """
    options = options or Options()
    if to not in FORMATS:
        raise UserError(f"There is no format {to!r}; the formats are {', '.join(FORMATS)}.")
    made = FORMATS[to]
    _check_options(made, options)
    _check_finished(run)
    _check_names(run, options)
    check_folder(out)
    with replaced_folder(out) as folder:
        job = Job(run, folder, options, options.form or made.form)
        with job.files:
            made.write(job)
        _refuse_nothing(job)
        write_readme(folder, made, job)
        write_manifest(folder, job.files.rows, _facts(run, made, job))
    counts = (dict(sorted(counter.items())) for counter in (job.left_out, job.not_held))
    return Exported(out, to, job.files.rows, job.read, *counts)


def _check_finished(run: Run) -> None:
    for stage in (Passage.STAGE, Example.STAGE):
        if not run.stage(stage).finished:
            raise UserError(
                f"The run {run.name!r} has no finished {stage} yet: run the pipeline to its end "
                "first. Nothing was written."
            )


def _check_options(made: Format, options: Options) -> None:
    given = {name for name, value in asdict(options).items() if value not in (None, ())}
    if odd := sorted(given - made.takes - {"splits"}):
        takers = ", ".join(f.name for f in FORMATS.values() if odd[0] in f.takes)
        raise UserError(
            f"The format {made.name} has no choice of {odd[0]}: leave --{odd[0]} out. "
            f"It is for {takers}."
        )
    choices = {"form": FORMS, "files": ("parquet", "jsonl")}
    for name, known in choices.items():
        value = getattr(options, name)
        if value is not None and value not in known:
            raise UserError(f"--{name} cannot be {value!r}; it is one of {', '.join(known)}.")
    if options.negatives is not None and options.negatives < 0:
        raise UserError("--negatives cannot be below 0.")


def _check_names(run: Run, options: Options) -> None:
    """Refuse splits and scorers that the run does not have."""
    measures = run.stage(Example.STAGE).require().measures["examples"]
    splits = [name for name, n in measures["splits"].items() if n]
    if unknown := [name for name in options.splits if name not in splits]:
        raise UserError(f"The run has no split {unknown[0]!r}; it has {', '.join(splits)}.")
    if options.scores in (None, "none", "fused"):
        return
    first: Example = next(run.rows(Example))
    if options.scores not in first.scorers:
        names = ", ".join([*first.scorers, "fused", "none"])
        raise UserError(f"The run has no scorer {options.scores!r}; --scores is one of {names}.")


def _refuse_nothing(job: Job) -> None:
    if any(job.files.rows.values()) and job.read > sum(job.left_out.values()):
        return
    reasons = ", ".join(f"{n} with {reason}" for reason, n in job.left_out.items())
    raise UserError(f"No example fits: {reasons or 'there are none'}. Nothing was written.")


def _facts(run: Run, made: Format, job: Job) -> dict[str, Any]:
    from importlib.metadata import version

    chosen = {k: v for k, v in asdict(job.options).items() if v not in (None, ())}
    if "splits" in chosen:
        chosen["splits"] = list(chosen["splits"])
    return {
        "format": made.name,
        "run": run.name,
        "examples_fingerprint": run.stage(Example.STAGE).require().fingerprint,
        "fret": version("fret"),
        "form": job.form,
        "options": chosen,
        "examples": job.read,
        "left_out": dict(sorted(job.left_out.items())),
        "not_held": dict(sorted(job.not_held.items())),
    }
