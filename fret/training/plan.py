"""What is to be trained, stage by stage, and whether it is there already."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fret.config.training import MntpSettings, TrainingSettings, TrainingStage
from fret.config.training_data import DataSettings, FretData
from fret.durable import remove, sha256_of
from fret.errors import ConfigError, DriftError, UserError
from fret.records import hash_json
from fret.retrieval.model_files import identify_model
from fret.training.checkpoints import find_checkpoint

# Raise where the same settings would give another model.
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Part:
    """A stage, where it lies, and what it must be made from."""

    name: str
    folder: Path
    identity: dict[str, Any]
    stage: TrainingStage | None
    """None for what goes before the stages (`mntp`)."""
    number: int | None
    """Of the stage, as `--set` counts it."""

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


def make_plan(
    settings: TrainingSettings, folder: Path, *, redo: str | None = None, n_processes: int = 1
) -> list[Part]:
    """List the stages, and what each must be made from; those to be made anew are removed.

    Raises:
        ConfigError: so many processes cannot share a batch evenly.
        DriftError: a stage that is there was made from something else.
    """
    require_shares(settings, n_processes)
    wanted = list(_list_identities(settings))
    names = [name for name, *_ in wanted]
    if redo is not None and redo not in names:
        raise UserError(f"There is no stage {redo!r}; the stages are {', '.join(names)}.")
    redone = set(names[names.index(redo) :]) if redo else set()
    plan: list[Part] = []
    before: Any = {"base": identify_model(settings.base), "version": _VERSION}
    before |= settings.model_dump(
        include={"model", "format", "lora", "precision", "gradient_checkpointing", "seed"}
    )
    for name, own, stage in wanted:
        identity = {"before": before, **own}
        number = settings.stages.index(stage) if stage else None
        part = Part(name, folder / name, identity, stage, number)
        if name in redone:
            remove(part.folder)
        _refuse_drift(part, settings.name)
        plan.append(part)
        before = hash_json(identity)
    return plan


def _list_identities(
    settings: TrainingSettings,
) -> Iterator[tuple[str, dict[str, Any], TrainingStage | None]]:
    """Yield each part's name, what it is made from besides the part before, and its stage."""
    if settings.mntp:
        yield (
            "mntp",
            {"mntp": settings.mntp.model_dump() | {"files": _identify(settings.mntp)}},
            None,
        )
    for stage in settings.stages:
        own = {
            "stage": stage.model_dump(exclude={"data"}),
            "data": [each.model_dump() | {"files": _identify(each)} for each in stage.data],
        }
        yield stage.name, own, stage


def require_shares(settings: TrainingSettings, n_processes: int) -> None:
    """See that so many processes can share each batch evenly.

    Raises:
        ConfigError: they cannot.
    """
    for stage in settings.stages:
        if stage.batch_size % n_processes:
            raise ConfigError(
                f"stages.{stage.name}.batch_size is {stage.batch_size}, which {n_processes} "
                "processes cannot share evenly. Name a multiple of their number."
            )


def _refuse_drift(part: Part, name: str) -> None:
    made = part.manifest.get("identity")
    if made is None or made == part.identity:
        return
    if not part.finished and find_checkpoint(part.folder / "checkpoints") is None:
        remove(part.folder)  # it was begun, and nothing would be lost
        return
    raise DriftError(
        f"The stage {part.name} of the model {name} was trained otherwise:\n"
        + "\n".join(f"  {line}" for line in _list_changes(made, part))
        + "\nGive the new model another `name`, or train anew with "
        f"--redo {part.name}."
    )


def _list_changes(old: Any, part: Part) -> Iterator[str]:
    before, after = dict(_leaves(old)), dict(_leaves(part.identity))
    for place in sorted(before.keys() | after.keys()):
        was, now = before.get(place, "absent"), after.get(place, "absent")
        if was == now:
            continue
        if place in _CONTENTS or place.endswith(".files"):
            yield f"{_CONTENTS.get(place, 'the contents of the data')} changed"
        else:
            yield f"{_name_setting(place, part)}: was {was}, is now {now}"


def _name_setting(place: str, part: Part) -> str:
    """Write a place of the identity as `--set` takes it."""
    first, _, rest = place.partition(".")
    own = f"stages.{part.number}."
    return {"before": rest, "stage": own + rest, "data": f"{own}data.{rest}"}.get(first, place)


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


def _identify(data: DataSettings | MntpSettings) -> Any:
    """Return what stands for the rows of local data: the names and hashes of its files."""
    path = Path(data.path)
    if path.is_file():
        return sha256_of(path)
    config = "full" if isinstance(data, FretData) else data.config or ""
    if path.is_dir():  # a dataset of fret's, whose files are named by their content
        return sorted(file.name for file in (path / config).glob(f"{data.split}-*.parquet"))
    return None
