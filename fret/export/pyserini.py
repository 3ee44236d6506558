"""Pyserini and other readers of MS MARCO's files: plain tables of ids, a folder for each split.

Pyserini makes numbers of ids that have only digits (`pyserini/search/_base.py`), and of ids of
twenty hexadecimal digits one in twelve thousand has: so queries have a q before theirs, passages a
p.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from fret.export.base import Job
from fret.export.held_out import query_text
from fret.export.texts import on_one_line, write_passage, write_query
from fret.held_out import HeldOut, list_held_out
from fret.records import Example, Passage


class Pyserini:
    name: ClassVar[str] = "pyserini"
    takes: ClassVar[frozenset[str]] = frozenset({"form"})
    form: ClassVar[str] = "plain"

    def write(self, job: Job) -> None:
        held_out = list_held_out(job.run)
        splits: set[str] = set()
        for example in job.examples():
            if example.split not in splits:
                splits.add(example.split)
            _write_triples(job, example)
            if example.split not in held_out:
                _write_topic(job, example.split, example.query_id, write_query(job.form, example))
                relevant = dict.fromkeys((example.positive_id, *example.extra_positive_ids), 1)
                _write_qrels(job, example.split, example.query_id, relevant)
        for split in sorted(splits & set(held_out)):
            self._write_held_out(job, split)
        for split in sorted(splits - set(held_out)):
            _write_collection(job, split, job.passages())

    def _write_held_out(self, job: Job, split: str) -> None:
        retrieval = HeldOut(job.run, split)
        _write_collection(job, split, retrieval.passages())
        for query in retrieval.queries():
            _write_topic(job, split, query.id, query_text(job.form, query))
            _write_qrels(job, split, query.id, query.relevant)

    def describe(self, job: Job) -> str:
        return (
            "A folder for each split, with `collection.tsv` (id, text; every passage of the run "
            "for `train`, those of its own pages for a held-out split), `topics.tsv` (id, query), "
            "`qrels.txt` (TREC's) and `triples.tsv` (ids of query, positive, negative). Ids are "
            "fret's with a q or p before them. There are tabs between the values and no quotes "
            "around them. `collection/passages.jsonl` has the same passages with their line ends, "
            "for Pyserini's index:\n\n```sh\npython -m pyserini.index.lucene --collection "
            "JsonCollection --generator DefaultLuceneDocumentGenerator \\\n"
            "  --input test/collection --index index --storePositions --storeDocvectors\n"
            "python -m pyserini.search.lucene --index index --topics test/topics.tsv \\\n"
            "  --output run.txt --bm25\n```"
        )

    def configs(self, job: Job) -> list[dict[str, Any]]:
        return []


def _write_triples(job: Job, example: Example) -> None:
    if not example.negatives:
        job.note("examples without a negative: not in triples.tsv", 1)
    triples = job.files.table(f"{example.split}/triples.tsv")
    for positive in (example.positive_id, *example.extra_positive_ids):
        for negative in example.negative_ids:
            triples.write((f"q{example.query_id}", f"p{positive}", f"p{negative}"))


def _write_topic(job: Job, split: str, query_id: str, text: str) -> None:
    line = _flatten(job, "queries with tabs or ends of lines, now blanks", text)
    job.files.table(f"{split}/topics.tsv").write((f"q{query_id}", line))


def _write_qrels(job: Job, split: str, query_id: str, relevant: Mapping[str, int]) -> None:
    qrels = job.files.trec(f"{split}/qrels.txt")
    for passage_id, score in relevant.items():
        qrels.write((f"q{query_id}", 0, f"p{passage_id}", score))


def _write_collection(job: Job, split: str, passages: Iterable[Passage]) -> None:
    table = job.files.table(f"{split}/collection.tsv")
    lines = job.files.lines(f"{split}/collection/passages.jsonl")
    for passage in passages:
        text = write_passage(job.form, passage.full_title, passage.text)
        lines.write({"id": f"p{passage.id}", "contents": text})
        line = _flatten(job, f"passages of {split} with tabs or ends of lines, now blanks", text)
        table.write((f"p{passage.id}", line))


def _flatten(job: Job, what: str, text: str) -> str:
    line = on_one_line(text)
    job.note(what, int(line != text))
    return line
