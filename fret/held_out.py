"""The held-out splits as retrieval sets: a corpus, queries, and what is relevant to each.

The corpus of a split is every passage of the pages on that side, and nothing else: no passage of
it was trained on, and no two splits share one. So a query is searched for among fewer passages than
the run has, and figures on it compare models, not this task with others.

Relevant to a query are the example's positive, its further positives, and every other candidate of
that side that the scorers graded as relevant (their mean, from `examples.relevant_from` on). The
score is the mean grade, rounded, at least 1; it is 1 where no scorer grades. Candidates that nobody
judged count as not relevant, as they do in every such set.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from fret.arrow import schema_of
from fret.choosing.grades import gather_grades
from fret.choosing.splits import HeldOutPage
from fret.durable import read_records
from fret.errors import StoreError
from fret.records import Example, Judgement, Passage
from fret.store import Run

SPLITS = ("validation", "test")
"""All there can be, in the order in which they are shown."""

Kind = Literal["corpus", "queries", "qrels", "instruction"]
Row = dict[str, Any]

_EXAMPLE = ["query_id", "task", "query", "split", "positive_id", "positive_grade"]
_EXAMPLE += ["extra_positive_ids", "extra_positive_grades", "n_relevant"]
_JUDGEMENT = ["query_id", "passage_ids", "scorings.list.element.grades"]


@dataclass(frozen=True, slots=True)
class HeldOutQuery:
    """A query of a held-out split."""

    id: str
    task: str
    """What the query is asked for: the instruction to the model. Empty where there is none."""
    text: str
    relevant: Mapping[str, int]
    """Scores of the relevant passages by id, the positive first."""


class HeldOut:
    """One held-out split of a finished run; every method streams.

    Memory holds the ids of the split's passages, some hundred bytes each.
    """

    def __init__(self, run: Run, split: str) -> None:
        self._run, self._split = run, split
        self._pages = {page for page, side in _read_pages(run).items() if side == split}
        self._ids: set[bytes] | None = None
        self._relevant_from: float = run.stage("examples").require().identity["relevant_from"]

    def passages(self) -> Iterator[Passage]:
        """Yield the passages of the split's corpus; of equal ones the first."""
        seen: set[bytes] = set()
        for batch in self._run.stage(Passage.STAGE).batches(schema_of(Passage).names):
            for row in _take(batch, "page_id", self._pages):
                if (packed := _pack(row["id"])) not in seen:
                    seen.add(packed)
                    yield Passage.from_row(row)
        self._ids = seen

    def queries(self) -> Iterator[HeldOutQuery]:
        """Yield the split's queries with what is relevant, in the order of the examples."""
        for shard in range(self._run.n_shards(Example)):
            rows = {row["query_id"]: row for row in self._read_examples(shard)}
            graded = {name for name, row in rows.items() if row["n_relevant"] is not None}
            judged = dict(self._read_relevant(shard, graded)) if graded else {}
            for name, row in rows.items():
                relevant = _score_positives(row)
                for passage, score in judged.get(name, {}).items():
                    relevant.setdefault(passage, score)
                yield HeldOutQuery(name, row["task"], row["query"], relevant)

    def rows(self, kind: Kind) -> Iterator[Row]:
        """Yield the rows of one file of the set, as BEIR and MTEB have them; see `ROWS`."""
        for each in self.passages() if kind == "corpus" else self.queries():
            yield from ROWS[kind](each)

    def _read_examples(self, shard: int) -> Iterator[Row]:
        for batch in self._run.stage(Example.STAGE).batches(_EXAMPLE, shard):
            yield from _take(batch, "split", {self._split})

    def _read_relevant(self, shard: int, queries: set[str]) -> Iterator[tuple[str, dict[str, int]]]:
        """Yield (query, scores by passage) from what the scorers said of its candidates."""
        ids = self._find_ids()
        for batch in self._run.stage(Judgement.STAGE).batches(_JUDGEMENT, shard):
            for row in _take(batch, "query_id", queries):
                means, _ = gather_grades([scoring["grades"] for scoring in row["scorings"]])
                yield (
                    row["query_id"],
                    {
                        passage: _round(grade)
                        for passage, grade in _best_first(row["passage_ids"], means)
                        if grade >= self._relevant_from and _pack(passage) in ids
                    },
                )

    def _find_ids(self) -> set[bytes]:
        """Return the ids of the corpus, from an earlier pass over it where there was one."""
        if self._ids is None:
            self._ids = set()
            for batch in self._run.stage(Passage.STAGE).batches(["id", "page_id"]):
                self._ids.update(_pack(row["id"]) for row in _take(batch, "page_id", self._pages))
        return self._ids


def list_held_out(run: Run) -> list[str]:
    """Return the held-out splits that have examples."""
    splits = run.stage(Example.STAGE).require().measures["examples"]["splits"]
    return [split for split in SPLITS if splits.get(split)]


def _corpus_row(passage: Passage) -> Iterator[Row]:
    yield {"_id": passage.id, "title": passage.full_title, "text": passage.text}


def _query_row(query: HeldOutQuery) -> Iterator[Row]:
    yield {"_id": query.id, "text": query.text}


def _instruction_row(query: HeldOutQuery) -> Iterator[Row]:
    yield {"query-id": query.id, "instruction": query.task}


def _qrels_rows(query: HeldOutQuery) -> Iterator[Row]:
    for passage, score in query.relevant.items():
        yield {"query-id": query.id, "corpus-id": passage, "score": score}


ROWS: Mapping[Kind, Callable[[Any], Iterator[Row]]] = {
    "corpus": _corpus_row,
    "queries": _query_row,
    "qrels": _qrels_rows,
    "instruction": _instruction_row,
}
"""Rows of each kind, from a passage (`corpus`) or a query (all others).

    corpus       _id, title, text
    queries      _id, text
    qrels        query-id, corpus-id, score (a whole number)
    instruction  query-id, instruction: the task; empty where there is none
"""


def _take(batch: Any, column: str, wanted: Collection[str]) -> list[Row]:
    """Return the rows of a batch that have one of these values in a column."""
    values = batch.column(column).to_pylist()
    places = [place for place, value in enumerate(values) if value in wanted]
    return cast(list[Row], batch.take(places).to_pylist()) if places else []


def _read_pages(run: Run) -> dict[str, str]:
    def refuse(path: Any) -> None:
        raise StoreError(
            f"{path.parent.parent} does not say which pages are held out. Make the stage anew: "
            "`fret run PIPELINE --redo examples`; no model is asked for that."
        )

    path = run.stage(HeldOutPage.STAGE).kept(HeldOutPage.FILE, refuse)
    return {page.page_id: page.split for page in read_records(path, HeldOutPage)}


def _score_positives(row: Row) -> dict[str, int]:
    ids = [row["positive_id"], *row["extra_positive_ids"]]
    grades = [row["positive_grade"], *row["extra_positive_grades"]]
    return {
        passage: 1 if grade is None else _round(grade)
        for passage, grade in zip(ids, grades, strict=True)
    }


def _best_first(ids: Sequence[str], grades: Sequence[float | None]) -> Iterator[tuple[str, float]]:
    known = [(name, grade) for name, grade in zip(ids, grades, strict=True) if grade is not None]
    yield from sorted(known, key=lambda pair: -pair[1])


def _round(grade: float) -> int:
    return max(1, int(grade + 0.5))  # halves go up, not to the even number


def _pack(passage_id: str) -> bytes:
    return bytes.fromhex(passage_id)
