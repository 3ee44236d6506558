"""MTEB: the held-out splits as the configs of a retrieval task.

Read by `mteb/abstasks/retrieval_dataset_loaders.py`: configs `corpus`, `queries`, `qrels`, and
`instruction` where a query has a task apart; parquet, so that no reader guesses at types.
"""

from typing import Any, ClassVar

import pyarrow as pa

from fret.export.base import Job
from fret.export.held_out import check_held_out, passage_fields, query_text
from fret.held_out import HeldOut

_TEXT = pa.string()
_SCHEMAS = {
    "corpus": pa.schema([("_id", _TEXT), ("title", _TEXT), ("text", _TEXT)]),
    "queries": pa.schema([("_id", _TEXT), ("text", _TEXT)]),
    "qrels": pa.schema([("query-id", _TEXT), ("corpus-id", _TEXT), ("score", pa.int32())]),
    "instruction": pa.schema([("query-id", _TEXT), ("instruction", _TEXT)]),
}


class Mteb:
    name: ClassVar[str] = "mteb"
    takes: ClassVar[frozenset[str]] = frozenset({"form"})
    form: ClassVar[str] = "plain"

    def write(self, job: Job) -> None:
        for split in check_held_out(job):
            held_out = HeldOut(job.run, split)
            for passage in held_out.passages():
                title, text = passage_fields(job.form, passage)
                _write(job, "corpus", split, (passage.id, title, text))
            for query in held_out.queries():
                job.read += 1
                _write(job, "queries", split, (query.id, query_text(job.form, query)))
                if job.form == "plain":
                    _write(job, "instruction", split, (query.id, query.task))
                for passage_id, score in query.relevant.items():
                    _write(job, "qrels", split, (query.id, passage_id, score))

    def describe(self, job: Job) -> str:
        return (
            "Configs `corpus`, `queries`, `qrels`"
            + (", and `instruction`, the task of each query" if job.form == "plain" else "")
            + ". The corpus of a split has every passage of the pages of its side, and no "
            "other.\n\n```python\nfrom mteb.abstasks.retrieval_dataset_loaders import "
            "RetrievalDatasetLoader\n\n"
            'data = RetrievalDatasetLoader("PATH OF THIS FOLDER", revision=None, '
            f'split="{check_held_out(job)[0]}").load()\n```'
        )

    def configs(self, job: Job) -> list[dict[str, Any]]:
        found: dict[str, list[dict[str, str]]] = {}
        for name in job.files.rows:
            kind, _, file = name.partition("/")
            found.setdefault(kind, []).append({"split": file.partition(".")[0], "path": name})
        return [{"config_name": kind, "data_files": files} for kind, files in found.items()]


def _write(job: Job, kind: str, split: str, values: tuple[Any, ...]) -> None:
    schema = _SCHEMAS[kind]
    row = dict(zip(schema.names, values, strict=True))
    job.files.parquet(f"{kind}/{split}.parquet", schema).write(row)
