"""What lies in a dataset folder, as the card is told of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fret.tables import Table

CONFIGS = ("triplets", "scores", "full", "corpus", "queries", "qrels", "instruction")
ALL_SPLITS = ("train", "validation", "test")

Picture = tuple[str, str]
"""Path below the dataset folder, and what it shows."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The data files."""

    folder: Path
    tables: Mapping[str, Mapping[str, Table]]
    """By config and split, in the order in which they are shown."""
    scorer: str | None
    """Whose scores the config `scores` holds; None where no scorer's scores can be learned."""

    def rows(self, config: str) -> dict[str, int]:
        """Rows of each split of a config."""
        return {split: table.rows for split, table in self.tables.get(config, {}).items()}

    @property
    def n_unscored(self) -> int:
        """Examples that `scores` leaves out, since the scorer did not score all their passages."""
        return sum(self.rows("triplets").values()) - sum(self.rows("scores").values())

    @property
    def held_out(self) -> list[str]:
        return list(self.tables.get("corpus", {}))

    def paths(self, table: Table) -> list[str]:
        return [path.relative_to(self.folder).as_posix() for path in table.paths]


def list_splits(splits: Iterable[str]) -> list[str]:
    """Put splits into the order in which they are shown."""
    return sorted(splits, key=ALL_SPLITS.index)
