"""What a person asks of `fret publish`, and who is told how it goes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from fret.config import PublishSettings
from fret.errors import UserError

# As the Hub names repositories: letters, digits, - _ and . inside; at most 96 characters.
_REPO = re.compile(r"(?=.{3,193}$)[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)


class Watcher(Protocol):
    """Told what goes on, so that someone may be shown it."""

    def starts(self, work: str, done: int, total: int, *, unit: str = "") -> None:
        """A long part begins, of `total` units."""

    def advanced(
        self, work: str, usage: Mapping[str, float], *, n: int = 1, note: str = ""
    ) -> None:
        """So many more units are done."""

    def warned(self, message: str) -> None:
        """Something that a person should know, though it goes on."""


class Quiet:
    """A watcher that shows nothing."""

    def starts(self, work: str, done: int, total: int, *, unit: str = "") -> None: ...
    def advanced(
        self, work: str, usage: Mapping[str, float], *, n: int = 1, note: str = ""
    ) -> None: ...
    def warned(self, message: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Options:
    """What is to be published where, and what a person has decided on."""

    repo: str
    private: bool | None = None
    """None: nobody said so at the call, and `private_by_default` counts."""
    private_by_default: bool = True
    licence: str | None = None
    force: bool = False
    message: str | None = None
    accept_contamination: str | None = None
    not_secret: frozenset[str] = frozenset()

    @classmethod
    def choose(cls, settings: PublishSettings, repo: str | None, **said: Any) -> "Options":
        """Return what a call says, and the pipeline file where the call says nothing."""
        if (named := repo or settings.repo) is None:
            raise UserError(
                "Say where to publish: --repo ORG/NAME, or `publish: {repo: ORG/NAME}` in the "
                "pipeline file."
            )
        return cls(
            named,
            private_by_default=settings.private,
            licence=settings.licence,
            accept_contamination=settings.accept_contamination,
            not_secret=frozenset(settings.not_secret),
            **said,
        )

    def __post_init__(self) -> None:
        if not _REPO.fullmatch(self.repo) or "--" in self.repo or ".." in self.repo:
            raise UserError(
                f"{self.repo!r} cannot be the name of a repository: give ORG/NAME, as in "
                "`--repo my-org/my-dataset`; letters, digits, -, _ and . only."
            )

    @property
    def makes_private(self) -> bool:
        """Whether a repository that is made now will be private."""
        return self.private_by_default if self.private is None else self.private
