"""What a run has to do: each stage beside its folder, and the checks that come before any work."""

from collections.abc import Sequence
from typing import Any

from fret.errors import DriftError, UserError
from fret.fingerprint import differences, fingerprint_of
from fret.manifest import Manifest
from fret.stages.base import Question, Stage
from fret.store import Run, StageFolder


class Part:
    """One stage of a plan: the stage, its folder, and what its manifest must say."""

    def __init__(self, stage: Stage, folder: StageFolder, manifest: Manifest) -> None:
        self.stage, self.folder, self.manifest = stage, folder, manifest

    @property
    def has_grown(self) -> bool:
        """Whether what is there is right, but the stage has more to make than when it was made."""
        old, new = self.folder.manifest, self.manifest
        return (
            old is not None
            and old.fingerprint != new.fingerprint
            and (old.version, old.reads) == (new.version, new.reads)
            and self.stage.has_grown_from(old.identity)
        )

    @property
    def finished(self) -> bool:
        return self.folder.finished and not self.has_grown


def make_plan(
    run: Run, stages: Sequence[Stage], wanted: Sequence[str], redone: Sequence[str]
) -> list[Part]:
    """Say what each stage's manifest must hold, and refuse what does not fit what is there."""
    fingerprints: dict[str, str] = {}
    plan = []
    for stage in stages:
        identity, reads = stage.identity(), {name: fingerprints[name] for name in stage.reads}
        fingerprint = fingerprint_of(stage.name, stage.version, identity, reads)
        fingerprints[stage.name] = fingerprint
        manifest = Manifest(stage.name, stage.version, fingerprint, identity, reads)
        plan.append(Part(stage, run.stage(stage.name), manifest))
    _check_drift(plan, wanted, redone, run.name)
    _check_reads(plan, wanted, redone)
    return plan


def gather_questions(
    plan: Sequence[Part], wanted: Sequence[str], redone: Sequence[str]
) -> set[Question]:
    """Return what the work ahead will ask of language models."""
    return {
        question
        for part in plan
        if part.stage.name in wanted and (part.stage.name in redone or not part.finished)
        for question in part.stage.questions()
    }


def _check_drift(
    plan: Sequence[Part], wanted: Sequence[str], redone: Sequence[str], run_name: str
) -> None:
    """Refuse to go on with stages that were made with other settings, unless they are made anew."""
    grown = {part.stage.name for part in plan if part.has_grown}
    for part in plan:
        old, new = part.folder.manifest, part.manifest
        # A manifest without a shard is of a stage that failed at once: nothing to keep.
        is_empty = old is None or not old.shards
        if old is None or is_empty or old.fingerprint == new.fingerprint or new.stage in redone:
            continue
        if part.has_grown:
            continue
        # A stage that was not asked for may wait until it is, where only what it reads is new.
        is_same = (old.version, old.identity) == (new.version, new.identity)
        if is_same and new.stage not in wanted:
            continue
        changes = differences(
            {"version": old.version, **old.identity}, {"version": new.version, **new.identity}
        )
        lines = "\n".join(
            [f"  - {_describe_change(new.stage, *change)}" for change in changes]
            or [_describe_reads(old, new, grown)]
        )
        raise DriftError(
            f"The run {run_name!r} has finished work that was made with other settings:\n{lines}\n"
            "Nothing was done. Either keep it and start another run (--set run=NAME), "
            f"or make this stage and all after it anew (--redo {new.stage}); "
            "answers of language models are kept and used again."
        )


def _describe_reads(old: Manifest, new: Manifest, grown: set[str]) -> str:
    names = [name for name in new.reads if old.reads.get(name) != new.reads[name]]
    what = "has grown" if set(names) <= grown else "has changed"
    return f"  - {new.stage}: what it reads ({', '.join(names)}) {what} since it was made"


def _describe_change(stage: str, field: str, was: Any, now: Any) -> str:
    if field.endswith("sha256") and was and now:
        return f"{stage}.{field.removesuffix('sha256').rstrip('.')}: its content has changed"
    return f"{stage}.{field}: was {was!r}, is now {now!r}"


def _check_reads(plan: Sequence[Part], wanted: Sequence[str], redone: Sequence[str]) -> None:
    """Refuse a choice of stages that leaves out one which another reads and is not finished."""
    there = {part.stage.name for part in plan if part.finished} - set(redone) | set(wanted)
    for part in plan:
        for name in part.stage.reads:
            if part.stage.name in wanted and name not in there:
                why = "--redo makes anew" if name in redone else "is not finished"
                raise UserError(
                    f"The stage {part.stage.name} reads {name}, which {why}: name {name} among the "
                    "stages too, or run it first."
                )
