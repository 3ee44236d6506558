"""A repository of the Hub as it is: its files, its tags, and what fret put there."""

from typing import NamedTuple

from fret.publish.folder import LocalFile

# What the Hub itself puts into a new repository.
OF_THE_HUB = {".gitattributes"}


class RemoteFile(NamedTuple):
    """A file of a revision, as the Hub lists it."""

    size: int
    blob: str
    """Its hash as a blob of git; of a large file that of a pointer."""
    sha256: str | None
    """Of large files only."""

    def holds(self, file: LocalFile) -> bool:
        same = self.sha256 == file.sha256 if self.sha256 else self.blob == file.git_sha1
        return same and self.size == file.size


class Remote(NamedTuple):
    """A repository as it is."""

    head: str
    private: bool
    files: dict[str, RemoteFile]
    listed: list[str] | None
    """What the manifest of fret in it lists; None where fret did not make it."""
    tags: dict[str, str]
    """The commit of each tag."""

    @property
    def is_empty(self) -> bool:
        """Whether it holds but what the Hub itself puts into a new one."""
        return not set(self.files) - OF_THE_HUB
