"""What a stage is: it turns the records of one shard into the next records.

A stage knows no paths, skips nothing and starts no work by itself: `fret.pipeline` decides which
shards are to be made, and `fret.store` writes them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, Protocol

from fret.manifest import Manifest
from fret.records import Dropped, Record
from fret.store import Run

Tick = Callable[[], None]
"""Called once per unit of work done, for progress."""


def _no_tick() -> None:
    return None


class Question(NamedTuple):
    """A kind of request that a stage will ask of a model."""

    model: str
    kind: str
    longest: int
    """Characters of the longest prompt."""


class Observer(Protocol):
    """Told what goes on, so that someone may be shown it."""

    def starts(self, work: str, done: int, total: int) -> None:
        """A stage, or a long part of one, begins; `done` of its `total` units are there already."""

    def advanced(self, work: str, usage: Mapping[str, float]) -> None:
        """One more unit is done; `usage` is what language models gave so far."""

    def stage_ends(self, stage: str, manifest: Manifest, *, skipped: bool) -> None:
        """A stage is done, now or already."""

    def warned(self, message: str) -> None:
        """Something that a person should know, though the run goes on."""


class Silence:
    """An observer that shows nothing."""

    def starts(self, work: str, done: int, total: int) -> None: ...
    def advanced(self, work: str, usage: Mapping[str, float]) -> None: ...
    def stage_ends(self, stage: str, manifest: Manifest, *, skipped: bool) -> None: ...
    def warned(self, message: str) -> None: ...


class Stage(Protocol):
    """One arrow of the picture."""

    name: ClassVar[str]
    version: ClassVar[int]
    """Raised when the code changes what comes out of the same settings."""
    record: ClassVar[type[Record]]
    """What it writes."""
    reads: ClassVar[tuple[str, ...]]
    """The earlier stages whose output it depends on."""
    ticks_per_row: int = 1
    """How many ticks of progress one input row makes."""
    counts_in: str = ""
    """What ticks count where they do not count rows."""

    def identity(self) -> dict[str, Any]:
        """Return all that can change the output: settings, prompt hashes, contents of files."""
        ...

    def has_grown_from(self, identity: dict[str, Any]) -> bool:
        """Whether shards that were made under another identity are the first of this one's."""
        return False

    def questions(self) -> set[Question]:
        """Return what it will ask of language models; tried out before any work."""
        return set()

    def open(self, run: Run) -> None:
        """Prepare what all shards need; called once, when there is a shard to make."""
        return None

    def inputs(self, run: Run) -> Iterator[Iterable[Any]]:
        """Yield the input of each shard in order; iterating over finished ones must cost little."""
        ...

    def n_units(self, run: Run) -> int:
        """Return how many ticks the whole stage makes."""
        ...

    def n_done(self, run: Run) -> int:
        """Return how many ticks the finished shards made."""
        return run.stage(self.name).require().read * self.ticks_per_row

    def process(self, rows: Iterable[Any], tick: Tick) -> Iterator[Record | Dropped]:
        """Make the records of one shard."""
        ...

    def gather(self, rows: Iterable[Any]) -> None:
        """Ask language models all that `process` would ask, and throw the replies away."""
        for _ in self.process(rows, _no_tick):
            pass

    def admit(self, records: Iterable[Record | Dropped]) -> Iterable[Record | Dropped]:
        """Look at what `process` made beside all earlier shards, just before it is written.

        Called in one thread, shard after shard in their order, so what it keeps or drops does not
        hang on how shards overlap.
        """
        return records

    def remember(self, records: Iterable[Record]) -> None:
        """Take in what an earlier process kept of a shard, as if `admit` had just let it pass.

        `records` are read only as they are asked for. What a finished shard dropped is not among
        them, so `admit` may go by kept records alone.
        """
        return None

    def measure(self, run: Run) -> dict[str, Any]:
        """Return figures over the finished stage, for the manifest."""
        return {}

    def close(self) -> None:
        """Let go of what `open` took."""
        return None
