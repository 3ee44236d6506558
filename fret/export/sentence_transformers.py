"""sentence-transformers: pairs, triplets or more negatives, in the order that its losses expect.

Every column but `score` or `scores` is text that is trained on, so nothing else is in the rows.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import pyarrow as pa

from fret.export.base import Job, list_scores, pair_up
from fret.export.texts import write_passage, write_query
from fret.figures import count
from fret.records import Example


class SentenceTransformers:
    name: ClassVar[str] = "sentence-transformers"
    takes: ClassVar[frozenset[str]] = frozenset({"form", "negatives", "scores", "files"})
    form: ClassVar[str] = "gecko"

    def write(self, job: Job) -> None:
        n, schema = _count(job), _schema(job)
        for example in job.examples():
            if len(example.negatives) < n:
                job.left_out[f"fewer than {count(n, 'negative')}"] += 1
                continue
            row = _make_row(example, job, n)
            if row is None:
                job.left_out["a text without a score"] += 1
                continue
            job.note(f"negatives beyond the first {n}", len(example.negatives) - n)
            job.note("further positives", len(example.extra_positives))
            name = f"{example.split}.{_files(job)}"
            if _files(job) == "parquet":
                job.files.parquet(name, schema).write(row)
            else:
                job.files.lines(name).write(row)

    def describe(self, job: Job) -> str:
        columns = ", ".join(f"`{name}`" for name in _schema(job).names)
        loss = "MarginMSELoss" if job.scorer else "MultipleNegativesRankingLoss"
        return (
            f"Columns: {columns}, in the order that the losses of sentence-transformers expect; "
            f"all but scores are texts. For {loss} and its kin:\n\n"
            "```python\nfrom datasets import load_dataset\n\n"
            'train = load_dataset("PATH OF THIS FOLDER", split="train")\n```'
        )

    def configs(self, job: Job) -> list[dict[str, Any]]:
        files = [{"split": name.partition(".")[0], "path": name} for name in job.files.rows]
        return [{"config_name": "default", "data_files": files}]


def _count(job: Job) -> int:
    """Return how many negatives a row has: by default as many as all examples have."""
    return job.fewest_negatives if job.options.negatives is None else job.options.negatives


def _files(job: Job) -> str:
    return job.options.files or "parquet"


def _schema(job: Job) -> pa.Schema:
    n = _count(job)
    names = ["anchor", "positive", *(["negative"] if n == 1 else [])]
    names += [f"negative_{i}" for i in range(1, n + 1)] if n > 1 else []
    columns = [(name, pa.string()) for name in names]
    if job.scorer:
        columns.append(("scores", pa.list_(pa.float64())) if n else ("score", pa.float64()))
    return pa.schema(columns)


def _make_row(example: Example, job: Job, n: int) -> Mapping[str, Any] | None:
    """Return the row of an example; None where a score of it is missing."""
    passages = pair_up(example.negative_titles[:n], example.negatives[:n])
    passages.insert(0, (example.positive_title, example.positive))
    values: list[Any] = [
        write_query(job.form, example),
        *(write_passage(job.form, title, text) for title, text in passages),
    ]
    if scorer := job.scorer:
        positive, negatives = list_scores(example, scorer)
        scores = [positive, *negatives[:n]]
        if None in scores:
            return None
        values.append(scores if n else positive)
    return dict(zip(_schema(job).names, values, strict=True))
