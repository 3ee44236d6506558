"""What a stage has finished, as its manifest says."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from fret.errors import StoreError

STAGES: Final = ("pages", "passages", "queries", "candidates", "judgements", "examples")
"""In the order in which data flows."""


@dataclass(slots=True)
class Shard:
    """One finished shard, as the manifest names it."""

    name: str
    read: int
    """Records that went in."""
    rows: int
    dropped: int
    bytes: int
    sha256: str
    dropped_bytes: int = 0


@dataclass(slots=True)
class Manifest:
    """What a stage has finished, and what it was made from."""

    stage: str
    version: int
    fingerprint: str
    identity: dict[str, Any]
    """What was hashed into the fingerprint."""
    reads: dict[str, str]
    """Fingerprints of the stages that this one read."""
    state: str = "running"
    shards: list[Shard] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    usage: dict[str, float] = field(default_factory=dict)
    """Requests and tokens behind the finished rows, whether asked now or answered before."""
    measures: dict[str, Any] = field(default_factory=dict)
    """Figures over all rows of the stage, such as recall of the seed."""
    seconds: float = 0.0

    @property
    def rows(self) -> int:
        return sum(shard.rows for shard in self.shards)

    @property
    def read(self) -> int:
        return sum(shard.read for shard in self.shards)

    @property
    def dropped(self) -> int:
        return sum(shard.dropped for shard in self.shards)

    @classmethod
    def load(cls, path: Path) -> "Manifest":
        try:
            data = json.loads(path.read_text("utf-8"))
            return cls(**{**data, "shards": [Shard(**shard) for shard in data["shards"]]})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{path} cannot be read ({error}). It was damaged, or written by another version "
                f"of fret. Remove the folder {path.parent} to make this stage again."
            ) from error


def count_lost(manifests: Iterable[Manifest]) -> tuple[dict[str, int], int]:
    """Return how many queries fell at which stage, and of how many that were asked for."""
    stages = {manifest.stage: manifest for manifest in manifests}
    asked_for = stages["queries"].rows + stages["queries"].dropped
    later = STAGES[STAGES.index("queries") :]
    return {name: n for name in later if (n := stages[name].dropped)}, asked_for
