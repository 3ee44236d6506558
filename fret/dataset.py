"""The dataset folder: what would be published, and what trainers load.

Two configs over the same rows in the same order: `triplets` holds only the texts that a trainer
reads, in its order; `full` holds every field of the examples, with ids, scores and addresses.
Trainers want full columns: where examples have different numbers of negatives, `triplets` has as
many as all of them have, the first ones, and `full` has the rest.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fret.arrow import schema_of
from fret.card import write_card
from fret.durable import sha256_of, size_of, write_json
from fret.manifest import Manifest
from fret.records import Example, hash_json
from fret.store import Run

ROWS_PER_FILE = 100_000
_ROWS_PER_GROUP = 1_000


def build_dataset(run: Run, *, publish: Mapping[str, Any]) -> Path:
    """Write the dataset folder from the finished examples, unless it is there already.

    Args:
        publish: the pipeline file's section of that name, for the card.
    """
    manifest = run.stage(Example.STAGE).require()
    made_from = identify_dataset(manifest, publish)
    if run.dataset_made_from() == made_from:
        return run.dataset_dir
    triplet_schema = _triplet_schema(_count_negatives(manifest))
    with run.replaced_dataset() as folder:
        with _Writers(folder) as writers:
            for example in run.rows(Example):
                writers.add(
                    "triplets", example.split, _triplet(example, triplet_schema), triplet_schema
                )
                writers.add("full", example.split, example.to_row(), schema_of(Example))
        write_card(folder, run, files=writers.files, columns=triplet_schema.names, publish=publish)
        files = {p.relative_to(folder).as_posix(): p for p in _files_below(folder)}
        sizes = {name: size_of(path) for name, path in files.items()}
        sums = {name: sha256_of(path) for name, path in files.items()}
        facts = {"made_from": made_from, "sizes": sizes, "sha256": sums}
        write_json(folder / "manifest.json", facts)
    return run.dataset_dir


def identify_dataset(examples: Manifest, publish: Mapping[str, Any]) -> str:
    """Return what stands in a dataset folder's manifest for all that it is made from."""
    return hash_json(
        [examples.fingerprint, [asdict(shard) for shard in examples.shards], dict(publish)]
    )


def format_anchor(task: str, query: str) -> str:
    """Return a query in Gecko's form (arXiv 2403.20327, appendix B)."""
    return f"task: {task} | query: {query}"


def format_passage(title: str, text: str) -> str:
    """Return a passage in Gecko's form; a passage without a title says so."""
    return f"title: {title or 'none'} | text: {text}"


def _files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _count_negatives(manifest: Manifest) -> int:
    """Return how many negatives every example has."""
    return min(map(int, manifest.measures["examples"]["negatives"]), default=1)


def _triplet_schema(n_negatives: int) -> pa.Schema:
    negatives = ["negative", *(f"negative_{i}" for i in range(2, n_negatives + 1))]
    return pa.schema([(name, pa.string()) for name in ("anchor", "positive", *negatives)])


def _triplet(example: Example, schema: pa.Schema) -> dict[str, str]:
    pairs = zip(example.negative_titles, example.negatives, strict=True)
    texts = [
        format_anchor(example.task, example.query),
        format_passage(example.positive_title, example.positive),
        *(format_passage(title, text) for title, text in pairs),
    ]
    return dict(zip(schema.names, texts, strict=False))


class _Writers:
    """One open parquet file per config and split; a new one every `ROWS_PER_FILE` rows."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tables: dict[tuple[str, str], _Table] = {}

    def __enter__(self) -> "_Writers":
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as stack:
            for table in self._tables.values():
                stack.callback(table.close)

    @property
    def files(self) -> dict[str, dict[str, list[str]]]:
        """Paths of the files below the folder, by config and split."""
        found: dict[str, dict[str, list[str]]] = {}
        for (config, split), table in self._tables.items():
            paths = [path.relative_to(self._folder).as_posix() for path in table.paths]
            found.setdefault(config, {})[split] = paths
        return found

    def add(self, config: str, split: str, row: dict[str, Any], schema: pa.Schema) -> None:
        key = (config, split)
        if key not in self._tables:
            (self._folder / config).mkdir(exist_ok=True)
            self._tables[key] = _Table(self._folder / config, split, schema)
        self._tables[key].add(row)


class _Table:
    def __init__(self, folder: Path, split: str, schema: pa.Schema) -> None:
        self.paths: list[Path] = []
        self._folder, self._split, self._schema = folder, split, schema
        self._waiting: list[dict[str, Any]] = []
        self._writer: pq.ParquetWriter | None = None
        self._open_path = folder / f".{split}.tmp"
        self._n_rows = 0

    def add(self, row: dict[str, Any]) -> None:
        self._waiting.append(row)
        self._n_rows += 1
        if len(self._waiting) == _ROWS_PER_GROUP:
            self._flush()
        if self._n_rows % ROWS_PER_FILE == 0:
            self.close()

    def close(self) -> None:
        """End the file and name it after its content.

        `datasets` caches a local folder by what its card says, not by what its files hold: with
        equal names, people would be given the rows of an older dataset.
        """
        self._flush()
        if self._writer is None:
            return
        self._writer.close()
        self._writer = None
        number, digest = len(self.paths), sha256_of(self._open_path)[:12]
        path = self._folder / f"{self._split}-{number:05d}-{digest}.parquet"
        self.paths.append(self._open_path.replace(path))

    def _flush(self) -> None:
        if not self._waiting:
            return
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._open_path, self._schema, compression="zstd")
        self._writer.write_table(pa.Table.from_pylist(self._waiting, schema=self._schema))
        self._waiting = []
