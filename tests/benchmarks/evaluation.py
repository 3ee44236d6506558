"""What `fret evaluate` gives on Cranfield, and what it costs.

python tests/benchmarks/evaluation.py quality     nDCG@10 by grades, and with all grades 1
python tests/benchmarks/evaluation.py rounding    what half precision of kept vectors changes
python tests/benchmarks/evaluation.py cost [N]    processor seconds for N queries (10,000)
"""

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import fret
from fret.evaluation.collection import Collection, Relevant
from fret.evaluation.compare import compare_rankings
from fret.evaluation.find_data import read_data
from fret.evaluation.metrics import DEPTH, METRICS, measure_rankings
from fret.retrieval.encode import Embedder, write_passage
from fret.retrieval.model_files import MINILM, find_model

CRANFIELD = Path(__file__).parents[3] / "shared" / "data" / "retrieval" / "cranfield"


def measure_quality() -> None:
    with tempfile.TemporaryDirectory() as folder:
        ones = write_ones(Path(folder) / "all grades 1")
        found = fret.evaluate([MINILM, "bm25"], [CRANFIELD, ones])
    for data in found.data:
        print(data.name)
        for each in data.models:
            figures = "  ".join(
                f"{name} {figure.value:.3f}" for name, figure in each.figures.items()
            )
            print(f"  {each.model:20} {figures}")


def write_ones(folder: Path) -> Path:
    folder.mkdir()
    for name in ("corpus.jsonl", "queries.jsonl"):
        (folder / name).write_bytes((CRANFIELD / name).read_bytes())
    head, *lines = (CRANFIELD / "qrels.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in lines]
    ones = [f"{query}\t{passage}\t{min(1, int(grade))}" for query, passage, grade in rows]
    (folder / "qrels.tsv").write_text("\n".join([head, *ones]) + "\n")
    return folder


def measure_rounding() -> None:
    """Compare all measures of float32 vectors with those of float16 ones."""
    collection = read_data(str(CRANFIELD))
    path = find_model(MINILM)
    assert path and isinstance(collection, Collection)
    embedder = Embedder(path)
    passages = embedder.encode_texts([write_passage(*each) for each in collection.passages])
    queries = embedder.encode_queries(collection.queries)
    values = []
    for kind in (np.float32, np.float16):
        wide = [each.astype(kind).astype(np.float32) for each in (passages, queries)]
        scores = wide[1] @ wide[0].T
        rankings = np.argsort(-scores, axis=1, kind="stable")[:, :DEPTH]
        values.append(measure_rankings(rankings, collection.relevant))
    for column, name in enumerate(METRICS):
        full, half = (each[:, column] for each in values)
        changed = int((np.abs(full - half) > 1e-9).sum())
        print(f"{name:10} {full.mean():.5f} {half.mean():.5f}, {changed} queries changed")


def measure_cost(n: int = 10_000) -> None:
    rng = np.random.default_rng(0)
    rankings = rng.integers(0, 1_000_000, (n, DEPTH))
    relevant = [
        Relevant(np.sort(rng.integers(0, 1_000_000, 5)), np.ones(5, np.int64)) for _ in range(n)
    ]
    values = {name: rng.random((n, len(METRICS))) for name in "abcd"}
    measured, seconds = timed(lambda: measure_rankings(rankings, relevant))
    print(f"measures of {len(measured)} queries: {seconds:.1f} s")
    compared, seconds = timed(lambda: compare_rankings(values, "a", seed=0))
    print(f"draws and tests of {len(values)} models over {n} queries: {seconds:.1f} s")
    _, seconds = timed(lambda: replace(compared).results({}))
    print(f"figures of them: {seconds:.1f} s")


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.process_time()
    return work(), time.process_time() - started


if __name__ == "__main__":
    parts = {"quality": measure_quality, "rounding": measure_rounding, "cost": measure_cost}
    name, *sizes = sys.argv[1:] or ["quality"]
    parts[name](*map(int, sizes))  # type: ignore[operator]
