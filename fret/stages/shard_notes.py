"""What a stage counts and lists beside its records, kept shard by shard so that a run can go on."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fret.store import StageFolder


class ShardNotes:
    """Counts and rows of the shard that is in work; earlier shards' lie in files.

    A file is written before its shard is noted as finished, and holds what it would hold again:
    after a kill it stays as it is.
    """

    def __init__(self, folder: StageFolder) -> None:
        self._folder = folder
        self._shard = 0
        self._counts: Counter[str] = Counter()
        self._rows: list[Mapping[str, Any]] = []

    def count(self, what: str, n: int) -> None:
        if n:
            self._counts[what] += n

    def add(self, row: Mapping[str, Any]) -> None:
        self._rows.append(row)

    def pass_over(self) -> None:
        """Go on to the next shard: this one was finished by an earlier process."""
        self._shard += 1

    def finish_shard(self) -> None:
        """Write down what came together, and go on to the next shard."""
        data = {"counts": dict(sorted(self._counts.items())), "rows": self._rows}
        text = json.dumps(data, ensure_ascii=False) + "\n"
        self._folder.kept(self._name(self._shard), lambda path: _write(path, text))
        self._counts, self._rows = Counter(), []
        self._shard += 1

    def total(self) -> Counter[str]:
        """Add up the counts of all finished shards."""
        counts: Counter[str] = Counter()
        for data in self._read():
            counts.update(data["counts"])
        return counts

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of all finished shards in order."""
        for data in self._read():
            yield from data["rows"]

    def _read(self) -> Iterator[dict[str, Any]]:
        for number, _ in enumerate(self._folder.require().shards):
            if self._folder.has_kept(self._name(number)):
                path = self._folder.path / "kept" / self._name(number)
                yield json.loads(path.read_text("utf-8"))

    def _name(self, shard: int) -> str:
        return f"notes/part-{shard:05d}.json"


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
