"""Build the dataset folder from a finished run.

    triplets     texts only, in trainers' order
    scores       the same texts and one scorer's scores of the passages, for distillation
    full         every field of the examples
    corpus, queries, qrels, instruction    the held-out splits as retrieval sets

`triplets` and `full` have the same rows in the same order. Trainers want full columns: where
examples have different numbers of negatives, `triplets` and `scores` have as many as all of them
have, the first ones, and `full` has the rest.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from fret.arrow import schema_of
from fret.card import ALL_SPLITS, CONFIGS, Contents, Picture, write_card
from fret.dataset import rows
from fret.dataset.teacher import choose_scorer
from fret.durable import ROWS_PER_WRITE, sha256_of, size_of, write_json
from fret.held_out import ROWS, HeldOut, Kind, list_held_out
from fret.manifest import Manifest
from fret.records import Example, Judgement, hash_json
from fret.store import Run
from fret.tables import Table, TableWriter

Illustrate = Callable[[Path, Run], Sequence[Picture]]
"""Draws what the card shows into the dataset folder; names the pictures below it."""

_HELD_OUT: dict[Kind, pa.Schema] = {
    "corpus": pa.schema([(name, pa.string()) for name in ("_id", "title", "text")]),
    "queries": pa.schema([(name, pa.string()) for name in ("_id", "text")]),
    "qrels": pa.schema(
        [("query-id", pa.string()), ("corpus-id", pa.string()), ("score", pa.int32())]
    ),
    "instruction": pa.schema([(name, pa.string()) for name in ("query-id", "instruction")]),
}
_LIST = "manifest.json"
# What of the section `publish` the folder depends on; where it goes does not change it.
_SAID = ("repo", "licence", "pretty_name", "contact", "scorer")


def build_dataset(
    run: Run, *, publish: Mapping[str, Any], illustrate: Illustrate | None = None
) -> Path:
    """Write the dataset folder from the finished examples, unless it is there already.

    Args:
        publish: the pipeline file's section of that name, for the card.
        illustrate: adds a report and pictures to the folder.
    """
    manifest = run.stage(Example.STAGE).require()
    made_from = identify_dataset(manifest, publish)
    if run.dataset_made_from() == made_from:
        return run.dataset_dir
    with run.replaced_dataset() as folder:
        contents = _Tables(folder, run, publish.get("scorer")).write()
        pictures = illustrate(folder, run) if illustrate else ()
        said = _choose_said(publish)
        write_card(folder, run, contents=contents, publish=said, pictures=pictures)
        list_files(folder, made_from)
    return run.dataset_dir


def list_files(folder: Path, made_from: str) -> None:
    """Write down what lies in a dataset folder: sizes and hashes of all its files."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in files}
    names.pop(_LIST, None)
    sizes = {name: size_of(path) for name, path in names.items()}
    sums = {name: sha256_of(path) for name, path in names.items()}
    write_json(folder / _LIST, {"made_from": made_from, "sizes": sizes, "sha256": sums})


def identify_dataset(examples: Manifest, publish: Mapping[str, Any]) -> str:
    """Return what stands in a dataset folder's manifest for all that it is made from."""
    shards = [asdict(shard) for shard in examples.shards]
    return hash_json([examples.fingerprint, shards, _choose_said(publish)])


def _choose_said(publish: Mapping[str, Any]) -> dict[str, Any]:
    return {name: publish.get(name) for name in _SAID}


class _Tables:
    """Writes the data files of all configs."""

    def __init__(self, folder: Path, run: Run, scorer: str | None) -> None:
        self._folder, self._run = folder, run
        n_negatives = _count_negatives(run.stage(Example.STAGE).require())
        self._triplets = rows.triplet_schema(n_negatives)
        self._scores = rows.scores_schema(n_negatives)
        self._scorer = choose_scorer(run.stage(Judgement.STAGE).require(), scorer)
        self._writers: dict[tuple[str, str], TableWriter] = {}

    def write(self) -> Contents:
        with ExitStack() as stack:
            stack.callback(self._abandon)
            for batch in self._run.stage(Example.STAGE).batches(schema_of(Example).names):
                self._add_examples(batch)
            for split in list_held_out(self._run):
                self._add_held_out(split)
            for writer in self._writers.values():
                writer.close()
        tables: dict[str, dict[str, Table]] = {}
        for (config, split), writer in sorted(self._writers.items(), key=_shown_order):
            tables.setdefault(config, {})[split] = writer.table
        return Contents(self._folder, tables, self._scorer)

    def _add_examples(self, batch: pa.RecordBatch) -> None:
        splits = batch.column("split").to_pylist()
        for split in sorted(set(splits)):
            part = batch.take([place for place, each in enumerate(splits) if each == split])
            columns = {
                name: part.column(name).to_pylist() for name in (*rows.COLUMNS, *rows.SCORES)
            }
            triplets = rows.make_triplets(columns, self._triplets)
            self._add("triplets", split, triplets)
            if self._scorer is not None:
                scores = rows.make_scores(triplets, columns, self._scorer, self._scores)
                self._add("scores", split, scores)
            self._add("full", split, rows.without_paths(part))

    def _add_held_out(self, split: str) -> None:
        held_out = HeldOut(self._run, split)
        # The corpus comes first: its ids are then known to the rest.
        for passages in _batched(held_out.passages(), ROWS_PER_WRITE):
            self._add_rows(["corpus"], split, passages)
        for queries in _batched(held_out.queries(), ROWS_PER_WRITE):
            self._add_rows(["queries", "qrels", "instruction"], split, queries)

    def _add_rows(self, kinds: Sequence[Kind], split: str, found: Sequence[Any]) -> None:
        for kind in kinds:
            made = [row for each in found for row in ROWS[kind](each)]
            self._add(kind, split, pa.Table.from_pylist(made, schema=_HELD_OUT[kind]))

    def _add(self, config: str, split: str, table: pa.Table) -> None:
        if not table.num_rows:
            return
        key = (config, split)
        if key not in self._writers:
            self._writers[key] = TableWriter(self._folder / config, split, table.schema)
        self._writers[key].add(table)

    def _abandon(self) -> None:
        for writer in self._writers.values():
            writer.abandon()


def _count_negatives(manifest: Manifest) -> int:
    """Return how many negatives every example has."""
    return min(map(int, manifest.measures["examples"]["negatives"]), default=1)


def _shown_order(item: tuple[tuple[str, str], TableWriter]) -> tuple[int, int]:
    config, split = item[0]
    return CONFIGS.index(config), ALL_SPLITS.index(split)


def _batched(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while part := list(islice(items, size)):
        yield part
