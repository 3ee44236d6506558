"""The six sets of rows that an ablation trains on, made from a finished run."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from fret.durable import make_folder, placed
from fret.errors import UserError
from fret.records import Example, Judgement, Passage
from fret.store import Run

Positive = Literal["seed", "relabelled"]
Negative = Literal["none", "random", "lowest"]
POSITIVES: tuple[Positive, ...] = ("seed", "relabelled")
NEGATIVES: tuple[Negative, ...] = ("none", "random", "lowest")

_ROWS_PER_GROUP = 1000


@dataclass(frozen=True, slots=True)
class Cell:
    """One row of the table."""

    positive: Positive
    negative: Negative

    @property
    def name(self) -> str:
        return f"{self.positive}-{self.negative}"


CELLS = tuple(Cell(*each) for each in product(POSITIVES, NEGATIVES))


@dataclass(frozen=True, slots=True)
class Choice:
    """A query, and the passages that the cells choose from, by id."""

    query_id: str
    task: str
    query: str
    seed: str
    relabelled: str
    lowest: str
    random: Mapping[Positive, str]
    """Another candidate than the positive."""


def write_cells(run: Run, folder: Path, *, seed: int) -> dict[str, Any]:
    """Write the rows of each cell below a folder, as a fret dataset has them.

    All cells have the same queries: those of the split `train` that have a seed, and candidates
    enough.

    Returns:
        How many queries there are, and for how many the positive is not the seed.

    Raises:
        UserError: there are none.
    """
    choices = [choice for choice in _read_choices(run, seed)]
    if not choices:
        raise UserError(
            f"The run {run.name} has no training examples with a seed and two other candidates: an "
            "ablation compares the seed with what the scorers chose."
        )
    texts = _read_texts(run, choices)
    for cell in CELLS:
        place = folder / cell.name / "full"
        make_folder(place)
        with placed(place / "train-00000.parquet") as temporary:
            _write(temporary, [_make_row(choice, cell, texts) for choice in choices])
    moved = sum(choice.seed != choice.relabelled for choice in choices)
    return {"queries": len(choices), "moved": moved}


def _read_choices(run: Run, seed: int) -> Iterator[Choice]:
    for shard in range(run.n_shards(Example)):
        examples = {e.query_id: e for e in run.rows(Example, shard) if e.split == "train"}
        for judgement in run.rows(Judgement, shard):
            example = examples.get(judgement.query_id)
            if example is not None and (choice := _choose(example, judgement, seed)):
                yield choice


def _choose(example: Example, judgement: Judgement, seed: int) -> Choice | None:
    ranked = [
        (rank, passage_id)
        for rank, passage_id in zip(judgement.fused_ranks, judgement.passage_ids, strict=True)
        if rank is not None
    ]
    chosen = {example.seed_id, example.positive_id}
    # The lowest must be worse than both positives, or a cell would hold one text as both.
    others = [passage_id for _, passage_id in sorted(ranked) if passage_id not in chosen]
    if example.seed_id is None or len(others) < 2:
        return None
    rng = random.Random(f"ablation\0{seed}\0{example.query_id}")
    neighbours = [passage_id for _, passage_id in ranked]
    positives: dict[Positive, str] = {
        "seed": example.seed_id,
        "relabelled": example.positive_id,
    }
    drawn = {
        name: rng.choice([each for each in neighbours if each != positive])
        for name, positive in positives.items()
    }
    return Choice(
        example.query_id,
        example.task,
        example.query,
        positives["seed"],
        positives["relabelled"],
        others[-1],
        drawn,
    )


def _read_texts(run: Run, choices: list[Choice]) -> dict[str, tuple[str, str]]:
    """Return titles and texts of the passages that occur; memory grows with the queries."""
    wanted = {
        each
        for choice in choices
        for each in (choice.seed, choice.relabelled, choice.lowest, *choice.random.values())
    }
    return {p.id: (p.full_title, p.text) for p in run.rows(Passage) if p.id in wanted}


def _make_row(choice: Choice, cell: Cell, texts: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    positive = choice.seed if cell.positive == "seed" else choice.relabelled
    negatives = {
        "none": [],
        "random": [choice.random[cell.positive]],
        "lowest": [choice.lowest],
    }[cell.negative]
    return {
        "task": choice.task,
        "query": choice.query,
        "positive_title": texts[positive][0],
        "positive": texts[positive][1],
        "positive_id": positive,
        "seed_id": choice.seed,
        "negative_titles": [texts[each][0] for each in negatives],
        "negatives": [texts[each][1] for each in negatives],
        "negative_ids": negatives,
    }


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    texts = ("task", "query", "positive_title", "positive", "positive_id", "seed_id")
    lists = ("negative_titles", "negatives", "negative_ids")
    schema = pa.schema(
        [(name, pa.string()) for name in texts] + [(name, pa.list_(pa.string())) for name in lists]
    )
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, row_group_size=_ROWS_PER_GROUP)
