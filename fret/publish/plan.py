"""What publishing would do: the files, what the Hub has of them, what goes there, the tag."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fret.publish.folder import LocalFile
from fret.publish.options import Options
from fret.publish.remote import OF_THE_HUB, Remote, RemoteFile


class PlannedFile(NamedTuple):
    """A file of the dataset."""

    name: str
    size: int
    is_there: bool
    """Whether the latest revision has it as it is."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What publishing would do, or did."""

    repo: str
    exists: bool | None
    """Whether the repository is there; None where it could not be looked at."""
    private: bool
    files: tuple[PlannedFile, ...]
    deleted: tuple[str, ...]
    """Files of an earlier revision that fret made."""
    stay: tuple[str, ...]
    """Files of the repository that are not fret's."""
    tag: str
    tagged: str | None
    """The commit that the tag stands for now."""
    head: str | None
    """The latest commit of the repository."""
    message: str
    refusals: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def to_send(self) -> tuple[PlannedFile, ...]:
        return tuple(file for file in self.files if not file.is_there)

    @property
    def changes(self) -> bool:
        """Whether there is anything to commit."""
        return bool(self.to_send or self.deleted)

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def size_to_send(self) -> int:
        return sum(file.size for file in self.to_send)


def make_plan(
    options: Options,
    local: Sequence[LocalFile],
    remote: Remote | None,
    *,
    tag: str,
    message: str,
    refusals: Sequence[str] = (),
    notes: Sequence[str] = (),
    was_seen: bool = True,
) -> Plan:
    """Compare the dataset with the repository.

    Args:
        remote: None where there is none, or where it could not be looked at.
        was_seen: whether it could.
    """
    there = remote.files if remote else {}
    names = {file.name for file in local}
    deleted = find_old(remote, names)
    private = remote.private if remote else options.makes_private
    if private and not options.makes_private:
        notes = [*notes, "The repository is private and stays so: make it public in its settings."]
    return Plan(
        repo=options.repo,
        exists=remote is not None if was_seen else None,
        private=private,
        files=tuple(PlannedFile(f.name, f.size, _is_there(f, there)) for f in local),
        deleted=tuple(deleted),
        stay=tuple(sorted(set(there) - names - set(deleted) - OF_THE_HUB)),
        tag=tag,
        tagged=remote.tags.get(tag) if remote else None,
        head=remote.head if remote else None,
        message=options.message or message,
        refusals=tuple(refusals),
        notes=tuple(notes),
    )


def find_old(remote: Remote | None, names: set[str]) -> list[str]:
    """Return the files that fret once put there and that are no longer part of the dataset."""
    if remote is None or remote.listed is None:
        return []
    ours = set(remote.listed) & set(remote.files)
    return sorted(ours - names - OF_THE_HUB)


def is_done(plan: Plan, local: Sequence[LocalFile], there: dict[str, RemoteFile]) -> bool:
    """Say whether a revision's files are those that the plan is for."""
    return all(_is_there(file, there) for file in local) and not set(plan.deleted) & set(there)


def _is_there(file: LocalFile, there: dict[str, RemoteFile]) -> bool:
    return file.name in there and there[file.name].holds(file)
