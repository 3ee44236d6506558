"""The rows of a stage, on disk as the trainer reads them: memory does not grow with the data."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from fret.durable import keep_newest
from fret.training.rows import Row

_ROWS_PER_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Prepared:
    """The rows of all sources, one after the other."""

    rows: Any
    """A `datasets.Dataset`, mapped from the disk: anchor, positive, negative, negative_2 …, which
    are empty where a row has fewer, and `label`, the keys of `fret.training.kin`."""
    sizes: tuple[int, ...]
    """How many rows each source has."""


def prepare(
    folder: Path,
    name: str,
    sources: Sequence[Callable[[], Iterable[Row]]],
    *,
    n_negatives: int,
    tell: Callable[[int], None],
    warn: Callable[[str], None],
) -> list[Path]:
    """Write the rows of the sources below a folder, unless they are there.

    Args:
        name: stands for all that the rows are made from.
        n_negatives: the most that a row has.
        tell: told how many more rows are written.
        warn: told of rows that were damaged, and are written anew.

    Returns:
        A file of each source, for `open_rows`.
    """

    def make(temporary: Path) -> None:
        temporary.mkdir()
        for number, source in enumerate(sources):
            _write(temporary / f"{number}.arrow", source(), n_negatives, tell)

    keep_newest(folder / name, make, warn=warn)
    return [folder / name / f"{number}.arrow" for number in range(len(sources))]


def open_rows(files: Sequence[Path]) -> Prepared:
    """Open what `prepare` wrote."""
    from datasets import Dataset, concatenate_datasets

    tables = [Dataset.from_file(str(file)) for file in files]
    return Prepared(concatenate_datasets(tables), tuple(map(len, tables)))


def _write(path: Path, rows: Iterable[Row], n_negatives: int, tell: Callable[[int], None]) -> None:
    schema = _schema(n_negatives)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
        for some in _by(rows, _ROWS_PER_BATCH):
            lines = [_line(row, schema.names, n_negatives) for row in some]
            writer.write_batch(pa.RecordBatch.from_pylist(lines, schema=schema))
            tell(len(some))


def _schema(n_negatives: int) -> pa.Schema:
    names = ["anchor", "positive", *name_negatives(n_negatives)]
    columns = [(name, pa.string()) for name in names]
    return pa.schema([*columns, ("label", pa.list_(pa.int64()))])


def name_negatives(n: int) -> list[str]:
    """Return the names of n columns of negatives."""
    return ["negative", *(f"negative_{i}" for i in range(2, n + 1))][:n]


def _line(row: Row, names: Sequence[str], n_negatives: int) -> dict[str, Any]:
    missing = n_negatives - len(row.negatives)
    texts = (row.anchor, row.positive, *row.negatives, *[""] * missing)
    keys = [*row.keys, *[0] * missing]
    return dict(zip(names, [*texts, keys], strict=True))


def _by(rows: Iterable[Row], n: int) -> Iterator[list[Row]]:
    some: list[Row] = []
    for row in rows:
        some.append(row)
        if len(some) == n:
            yield some
            some = []
    if some:
        yield some
