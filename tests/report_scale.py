"""A run with any number of made-up examples, to see what a report of it takes."""

import hashlib
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from fret.manifest import Manifest
from fret.records import Example, Passage
from fret.store import Run

PER_SHARD = 50_000
_WORDS = [f"word{i}" for i in range(2_000)]


class _Count:
    def __init__(self, read: int) -> None:
        self.read = read
        self.usage: dict[str, float] = {"requests": 3.0 * read, "input_tokens": 900.0 * read}


def write_run(folder: Path, model: Run, n: int) -> Run:
    """Write a run of n examples like those of another run, each with texts of its own."""
    run = Run(folder, "many")
    example = next(iter(model.rows(Example)))
    for stage in ("pages", "passages", "queries", "candidates", "judgements", "examples"):
        known = model.stage(stage).require()
        manifest = Manifest(stage, known.version, "f" * 64, known.identity, reads={})
        run.stage(stage).begin(manifest)
    # Of the stages between only the manifests are read.
    for shard, start in enumerate(range(0, n, PER_SHARD)):
        numbers = range(start, min(start + PER_SHARD, n))
        rows = (_make_example(example, i) for i in numbers)
        run.stage("examples").write_shard(shard, Example, rows, count=_Count(len(numbers)))
    passages = model.rows(Passage)
    run.stage("passages").write_shard(0, Passage, passages, count=_Count(1))
    for stage in ("pages", "passages", "queries", "candidates", "judgements", "examples"):
        measures = dict(model.stage(stage).require().measures)
        if stage == "examples":
            measures = {"examples": {**measures["examples"], **_figures(n)}}
        run.stage(stage).finish(seconds=1.0, measures=measures)
    return Run(folder, "many")


def _figures(n: int) -> dict[str, Any]:
    return {
        "splits": {"train": n},
        "task_types": {f"kind {i}": n // 5_000 for i in range(5_000)},
        "positive_is_not_seed_by_task_type": {f"kind {i}": 0.25 for i in range(5_000)},
        "languages": {f"l{i}": n // 40 for i in range(40)},
    }


def _make_example(example: Example, i: int) -> Example:
    luck = random.Random(i)
    text = " ".join(luck.choices(_WORDS, k=120))
    return replace(
        example,
        query_id=hashlib.sha256(str(i).encode()).hexdigest()[:20],
        query=" ".join(luck.choices(_WORDS, k=8)),
        task_type=f"kind {luck.randrange(5_000)}",
        language=f"l{luck.randrange(40)}",
        positive=text,
        negatives=(text[::-1],) * len(example.negatives),
        positive_url=f"https://site{int(luck.paretovariate(0.5)) % 10**9}.example/{i}",
    )
