"""A finished run written by hand, of any size, for tests and benchmarks of what reads examples."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fret.choosing.splits import HeldOutPage
from fret.durable import write_records
from fret.manifest import Manifest
from fret.records import Example, Passage, Record, make_id
from fret.store import Run

_NONE = (None, None)
SCORERS = ("unigram", "judge")
# Texts that break tables, quotes, lines and layouts.
ODD = (
    'a "quoted\ttab\nand a line',
    "two\u2028lines\u2029and\x85more\r\nends",
    "مرحبا بالعالم \u200c نص",
    "東京の春は三月の終わりに始まり、桜が一斉に咲く。",
    "<script>alert('x')</script> | --- | 🧑\u200d🚀",
)


@dataclass
class Count:
    read: int
    usage: dict[str, float] = field(default_factory=dict)


def make_passage(number: int) -> Passage:
    title = "" if number % 11 == 0 else f"Title {number}"
    text = f"Passage {number} says {ODD[number % len(ODD)]} and ends."
    page, full = make_id("page", str(number)), make_id("passage", str(number))
    return Passage(full, page, 0, title, text, "en", 9, f"https://a.example/{number}")


def make_example(i: int, n_negatives: int) -> Example:
    """The positive is passage 5i, its negatives follow; every fifth has a further positive."""
    positive, *others = (make_passage(5 * i + k) for k in range(5))
    negatives, extras = others[:n_negatives], others[3:] if i % 5 == 0 else []
    judged = [not (i % 7 == 3 and k == n_negatives - 1) for k in range(n_negatives)]
    return Example(
        query_id=make_id("query", str(i)),
        task=f"Find number {i}.",
        query=f"query {i} {ODD[i % len(ODD)]}",
        task_type="question", language="en",
        positive_title=positive.full_title, positive=positive.text,
        negative_titles=tuple(p.full_title for p in negatives),
        negatives=tuple(p.text for p in negatives),
        split="test" if i % 10 == 9 else "train",
        positive_id=positive.id, negative_ids=tuple(p.id for p in negatives),
        seed_id=positive.id, positive_is_seed=True, positive_rule="top",
        negative_picks=tuple("hardest" if known else "unjudged" for known in judged),
        seed_rank=1, seed_retrieval_rank=2, seed_bm25_rank=3, seed_dense_rank=None,
        scorers=SCORERS, positive_scores=(-1.5, 3.0), positive_ranks=(1, 1),
        negative_scores=tuple((-2.0 - k, k / 2) if j else _NONE for k, j in enumerate(judged)),
        negative_ranks=tuple((k + 2, k + 2) if j else _NONE for k, j in enumerate(judged)),
        positive_fused_score=2.0,
        negative_fused_scores=tuple(0.5 if j else None for j in judged),
        negative_fused_ranks=tuple(k + 2 if j else None for k, j in enumerate(judged)),
        positive_grade=None, negative_grades=(None,) * n_negatives,
        positive_similarity=0.8, negative_similarities=(0.4,) * n_negatives, n_relevant=None,
        extra_positive_titles=tuple(p.full_title for p in extras),
        extra_positives=tuple(p.text for p in extras),
        extra_positive_ids=tuple(p.id for p in extras),
        extra_positive_scores=((-1.6, 2.9),) * len(extras),
        extra_positive_grades=(None,) * len(extras),
        extra_positive_urls=tuple(p.url for p in extras),
        refused_ids=(make_passage(5 * i + 4).id,), refused_reasons=("same_page",),
        positive_url=positive.url, negative_urls=tuple(p.url for p in negatives),
        writer="template", model="",
    )  # fmt: skip


def write_run(
    folder: Path,
    n: int,
    *,
    negatives: Callable[[int], int] = lambda i: 1 + i % 3,
    shard_rows: int = 10_000,
) -> Run:
    """Write a run of n examples over 5n passages; example i has `negatives(i)` of them."""
    run = Run(folder, "written")
    _write(run, Passage, (make_passage(k) for k in range(5 * n)), shard_rows, {})
    splits, counts = {"train": 0, "test": 0}, dict[str, int]()
    for i in range(n):
        splits["test" if i % 10 == 9 else "train"] += 1
        counts[str(negatives(i))] = counts.get(str(negatives(i)), 0) + 1
    examples = (make_example(i, negatives(i)) for i in range(n))
    _write(run, Example, examples, shard_rows, {"splits": splits, "negatives": counts})
    pages = (make_passage(5 * i + k).page_id for i in range(9, n, 10) for k in range(5))
    held_out = [HeldOutPage(page, "test") for page in pages]
    kept = run.path / "examples" / "kept" / HeldOutPage.FILE
    write_records(kept, HeldOutPage, held_out)
    (run.path / "run.json").write_text(json.dumps({"run": "written"}), "utf-8")
    return run


def _write(
    run: Run, record: type[Record], rows: Iterator[Any], shard_rows: int, measures: dict[str, Any]
) -> None:
    folder = run.stage(record.STAGE)
    folder.begin(Manifest(record.STAGE, 1, "f" * 64, {"relevant_from": 2.0}, {}), has_grown=False)
    shard, waiting = 0, list[Any]()
    for row in rows:
        waiting.append(row)
        if len(waiting) == shard_rows:
            folder.write_shard(shard, record, waiting, count=Count(len(waiting)))
            shard, waiting = shard + 1, []
    if waiting or not shard:
        folder.write_shard(shard, record, waiting, count=Count(len(waiting)))
    folder.finish(seconds=1.0, measures={record.STAGE: measures} if measures else {})
