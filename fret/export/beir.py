"""BEIR: one held-out split as corpus, queries and qrels.

Read by `beir/datasets/data_loader.py`: `_id` and texts as JSON lines, and a table with a header
whose scores are whole numbers.
"""

from typing import Any, ClassVar

from fret.errors import UserError
from fret.export.base import Job
from fret.export.held_out import check_held_out, passage_fields, query_text
from fret.held_out import HeldOut


class Beir:
    name: ClassVar[str] = "beir"
    takes: ClassVar[frozenset[str]] = frozenset({"form"})
    form: ClassVar[str] = "plain"

    def write(self, job: Job) -> None:
        split = _choose_split(job)
        held_out = HeldOut(job.run, split)
        corpus = job.files.lines("corpus.jsonl")
        for passage in held_out.passages():
            title, text = passage_fields(job.form, passage)
            corpus.write({"_id": passage.id, "title": title, "text": text})
        queries = job.files.lines("queries.jsonl")
        header = ("query-id", "corpus-id", "score")
        qrels = job.files.table(f"qrels/{split}.tsv", header)
        for query in held_out.queries():
            job.read += 1
            row: dict[str, Any] = {"_id": query.id, "text": query_text(job.form, query)}
            queries.write(row | {"metadata": {"task": query.task}})
            for passage_id, score in query.relevant.items():
                qrels.write((query.id, passage_id, score))

    def describe(self, job: Job) -> str:
        split = _choose_split(job)
        return (
            "`corpus.jsonl` has every passage of the pages of this side of the split, and no "
            "other; `qrels` the positives and all that the scorers found relevant. "
            "`metadata.task` of a query is its retrieval task.\n\n"
            "```python\nfrom beir.datasets.data_loader import GenericDataLoader\n\n"
            'corpus, queries, qrels = GenericDataLoader("PATH OF THIS FOLDER").load('
            f'split="{split}")\n```'
        )

    def configs(self, job: Job) -> list[dict[str, Any]]:
        return []


def _choose_split(job: Job) -> str:
    splits = check_held_out(job)
    if len(splits) > 1 and len(job.options.splits) != 1:
        if not job.options.splits and "test" in splits:
            return "test"
        raise UserError(
            f"BEIR has one corpus, and each split has its own: name one of {', '.join(splits)} "
            "with --split."
        )
    return splits[0]
