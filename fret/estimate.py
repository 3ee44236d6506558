"""What a run will ask of language models, and what that will cost, before anything is spent."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from fret.config import FileWriter
from fret.llm.budget import Price
from fret.llm.counting import CountingLLM
from fret.llm.types import Usage
from fret.records import Candidates, Passage, Query
from fret.stages.base import Stage
from fret.stages.context import Context
from fret.stages.own_queries import count_rows
from fret.stages.seeds import Seeds
from fret.store import Run

# Queries that are made up where there are none yet, to see how long their requests will be.
_SAMPLE = 100
_TASK = "Given a question about the subject, retrieve a passage that answers it."
_QUERY = "how long does the average query of this kind have to be"


@dataclass(frozen=True, slots=True)
class Ahead:
    """Requests of one stage to one model that are still to be sent."""

    stage: str
    name: str
    """The model's name in the pipeline file."""
    requests: int
    stored: int
    """Requests whose answers are in the store already."""
    low: Usage
    high: Usage
    guessed: bool
    """Whether it follows from a sample, for the stages before are not finished."""
    price: Price | None

    def cost(self, lane: str = "live") -> tuple[float, float] | None:
        """Return the least and the most that it may cost, in USD; None without a price."""
        if self.price is None:
            return None
        return self.price.cost_of(self.low, lane=lane), self.price.cost_of(self.high, lane=lane)


def estimate_stage(run: Run, stage: Stage, context: Context) -> Iterator[Ahead]:
    """Count what a stage will ask; `context` was made for counting."""
    names = sorted({question.model for question in stage.questions()})
    if not names or run.stage(stage.name).finished:
        return
    stage.open(run)
    known = all(run.stage(name).finished for name in stage.reads)
    if known:
        folder, factor = run.stage(stage.name), 1.0
        for index, rows in enumerate(stage.inputs(run)):
            if not folder.has_shard(index):
                stage.gather(rows)
    else:
        rows = list(_make_up(run, context))
        factor = _count_queries(run, context) / max(1, len(rows))
        stage.gather(rows)
    for name in names:
        llm = context.llm(name)
        assert isinstance(llm, CountingLLM)
        low, high = (_scale(usage, factor) for usage in llm.tokens())
        yield Ahead(
            stage=stage.name,
            name=name,
            requests=round(llm.requests * factor),
            stored=llm.stored,
            low=low,
            high=high,
            guessed=not known,
            price=context.models.price(name),
        )


def _scale(usage: Usage, factor: float) -> Usage:
    return Usage(round(usage.input_tokens * factor), round(usage.output_tokens * factor))


def _count_queries(run: Run, context: Context) -> int:
    """Return how many queries there are, or will be at most."""
    if run.stage(Query.STAGE).finished:
        return run.n_rows(Query)
    writer = context.settings.queries.writer
    if isinstance(writer, FileWriter):
        return count_rows(context, writer)
    seeds = Seeds(context)
    seeds.open(run)
    return seeds.count(run) * context.settings.queries.per_passage


def _make_up(run: Run, context: Context) -> Iterator[tuple[Query, Candidates]]:
    """Yield rows as the stage candidates will write them, of the first passages."""
    passages = list(islice(run.rows(Passage), _SAMPLE))
    top_k = min(context.settings.candidates.top_k, run.n_rows(Passage))
    for i in range(len(passages)):
        ids = [passages[(i + j) % len(passages)].id for j in range(top_k)]
        # Each query is another, so that none of its requests equals that of another.
        yield make_row(f"{_QUERY} {i}", ids)


def make_row(text: str, ids: Iterable[str]) -> tuple[Query, Candidates]:
    """Return a made-up query with its candidates."""
    ids = tuple(ids)
    none: tuple[Any, ...] = (None,) * len(ids)
    query = Query(
        id="", passage_id=None, task=_TASK, text=text, language="", task_type="", writer="",
        model="", prompt_hash="", sample=0,
    )  # fmt: skip
    candidates = Candidates(
        query_id="", seed_id=None, passage_ids=ids, bm25_ranks=none, bm25_scores=none,
        dense_ranks=none, dense_scores=none, seed_rank=None, n_top=len(ids),
    )  # fmt: skip
    return query, candidates
