"""Small collections for evaluations, in each layout."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

THINGS = ["kettle", "stove", "fridge", "oven", "toaster", "lamp", "clock", "sofa"]
CARE = ["clean", "buy", "repair", "store", "sell"]
CORPUS = [
    (f"{thing}-{care}", f"{thing} {care}", f"How to {care} a {thing}: the {care} guide for it.")
    for thing in THINGS
    for care in CARE
]
QUERIES = [(f"q-{thing}", f"how do i {CARE[i % 5]} my {thing}") for i, thing in enumerate(THINGS)]
GRADES = [
    grade
    for i, thing in enumerate(THINGS)
    for grade in (
        (f"q-{thing}", f"{thing}-{CARE[i % 5]}", 2),
        (f"q-{thing}", f"{thing}-{CARE[(i + 1) % 5]}", 1),
        (f"q-{thing}", f"{thing}-{CARE[(i + 2) % 5]}", 0),
    )
]
PAIRS = [
    (f"the {one} is clean", f"a {other} looks clean", 5.0 if one == other else float(i % 4))
    for i, one in enumerate(THINGS)
    for other in (one, THINGS[(i + 3) % 8])
]


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def write_beir(
    folder: Path,
    corpus: Iterable[tuple[str, str, str]] = CORPUS,
    queries: Iterable[tuple[str, str]] = QUERIES,
    grades: Iterable[tuple[str, str, Any]] = GRADES,
    qrels: str = "qrels/test.tsv",
) -> Path:
    write_jsonl(folder / "corpus.jsonl", ({"_id": i, "title": t, "text": x} for i, t, x in corpus))
    write_jsonl(folder / "queries.jsonl", ({"_id": i, "text": x} for i, x in queries))
    lines = ["query-id\tcorpus-id\tscore", *("\t".join(map(str, grade)) for grade in grades)]
    (folder / qrels).parent.mkdir(exist_ok=True)
    (folder / qrels).write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def write_tables(folder: Path, *, tasks: bool = True, prefix: str = "") -> Path:
    """The same collection as fret publishes held-out splits, and MTEB its data sets."""
    tables = {
        "corpus": [{"_id": i, "title": t, "text": x} for i, t, x in CORPUS],
        "queries": [{"_id": i, "text": x} for i, x in QUERIES],
        "qrels": [{"query-id": q, "corpus-id": p, "score": g} for q, p, g in GRADES],
    }
    if tasks:
        tables["instruction"] = [
            {"query-id": i, "instruction": f"Find the guide. {i}"} for i, _ in QUERIES
        ]
    card = ["---", "configs:", "- config_name: triplets", "  data_files:"]
    card += ["  - split: train", "    path: triplets/train-*.parquet"]
    (folder / "triplets").mkdir(parents=True)
    triplets = pa.table({"anchor": ["a"], "positive": ["b"], "negative": ["c"]})
    pq.write_table(triplets, folder / "triplets" / "train-00000-abc.parquet")
    for config, rows in tables.items():
        name = f"{prefix}{config}"
        (folder / name).mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), folder / name / "test-00000-abc.parquet")
        card += [f"- config_name: {name}", "  data_files:"]
        card += ["  - split: test", f"    path: {name}/test-*.parquet"]
    (folder / "README.md").write_text("\n".join([*card, "---", "# Held out"]) + "\n", "utf-8")
    return folder
