"""Tevatron: ids of passages beside a corpus (now), or passages in every row (up to 2024).

Read by `src/tevatron/retriever/dataset.py`. When it trains, it takes only `text` of a passage in
the corpus; when it encodes, `title` and `text`: so the corpus has no titles apart, and both are
equal.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

from fret.export.base import Job, pair_up
from fret.export.texts import write_passage, write_query
from fret.records import Example


class Tevatron:
    name: ClassVar[str] = "tevatron"
    takes: ClassVar[frozenset[str]] = frozenset({"form"})
    form: ClassVar[str] = "gecko"

    def write(self, job: Job) -> None:
        for example in _with_negatives(job):
            job.files.lines(f"{example.split}.jsonl").write(
                {
                    "query_id": example.query_id,
                    "query_text": write_query(job.form, example),
                    "positive_document_ids": [example.positive_id, *example.extra_positive_ids],
                    "negative_document_ids": list(example.negative_ids),
                }
            )
        corpus = job.files.lines("corpus.jsonl")
        for passage in job.passages():
            text = write_passage(job.form, passage.full_title, passage.text)
            corpus.write({"docid": passage.id, "text": text})

    def describe(self, job: Job) -> str:
        return (
            "Rows of ids: `query_id`, `query_text`, `positive_document_ids`, "
            "`negative_document_ids`; `corpus.jsonl` has every passage of the run: `docid`, "
            "`text` (with its title).\n\n```sh\npython -m tevatron.retriever.driver.train … \\\n"
            "  --dataset_name json --dataset_path train.jsonl \\\n"
            "  --corpus_name json --corpus_path corpus.jsonl\n```"
        )

    def configs(self, job: Job) -> list[dict[str, Any]]:
        return []


class TevatronLegacy:
    name: ClassVar[str] = "tevatron-legacy"
    takes: ClassVar[frozenset[str]] = frozenset({"form"})
    form: ClassVar[str] = "gecko"

    def write(self, job: Job) -> None:
        for example in _with_negatives(job):
            positives = pair_up(
                (example.positive_title, *example.extra_positive_titles),
                (example.positive, *example.extra_positives),
            )
            negatives = pair_up(example.negative_titles, example.negatives)
            ids = (example.positive_id, *example.extra_positive_ids)
            job.files.lines(f"{example.split}.jsonl").write(
                {
                    "query_id": example.query_id,
                    "query": write_query(job.form, example),
                    "positive_passages": _list_passages(job.form, ids, positives),
                    "negative_passages": _list_passages(job.form, example.negative_ids, negatives),
                }
            )

    def describe(self, job: Job) -> str:
        parts = "`docid`, `title`, `text`" if job.form == "plain" else "`docid`, `text`"
        return (
            "Passages in every row: `query_id`, `query`, `positive_passages`, `negative_passages` "
            f"({parts}).\n\n```sh\npython -m tevatron.retriever.driver.train … \\\n"
            "  --dataset_name json --dataset_path train.jsonl\n```"
        )

    def configs(self, job: Job) -> list[dict[str, Any]]:
        return []


def _with_negatives(job: Job) -> Iterable[Example]:
    """Yield the examples that have negatives: the trainer fails at others."""
    for example in job.examples():
        if example.negatives:
            yield example
        else:
            job.left_out["no negative"] += 1


def _list_passages(
    form: str, ids: Iterable[str], passages: Iterable[tuple[str, str]]
) -> list[dict[str, str]]:
    if form == "plain":
        pairs = zip(ids, passages, strict=True)
        return [{"docid": i, "title": title, "text": text} for i, (title, text) in pairs]
    texts = (write_passage(form, title, text) for title, text in passages)
    return [{"docid": i, "text": text} for i, text in zip(ids, texts, strict=True)]
