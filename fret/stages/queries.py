"""queries: a task and a query for each seed passage, by a writer."""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from fret.config import FileWriter, LlmWriter, TemplateWriter
from fret.fingerprint import identity_of
from fret.llm.types import LLM
from fret.prompts import Prompt
from fret.records import Dropped, Passage, Query, Record
from fret.stages.base import Question, Stage, Tick
from fret.stages.checking import QueryChecks
from fret.stages.context import Context
from fret.stages.own_queries import OwnQueries
from fret.store import Run
from fret.writers import Writer
from fret.writers.llm import LlmWriter as ModelWriter
from fret.writers.template import TemplateWriter as RuleWriter


def queries_stage(context: Context) -> Stage:
    """Return the stage for the writer that the pipeline file names."""
    match context.settings.queries.writer:
        case FileWriter() as writer:
            return OwnQueries(context, writer)
        case LlmWriter() as writer:
            return QueriesByModel(context, writer)
        case TemplateWriter() as writer:
            return QueriesByRules(context, writer)


class _QueriesFromSeeds(Stage):
    """Asks a writer for queries, one shard of passages at a time."""

    name: ClassVar[str] = "queries"
    version: ClassVar[int] = 2
    record: ClassVar[type[Record]] = Query
    reads: ClassVar[tuple[str, ...]] = ("passages",)

    _writer: Writer
    _checks: QueryChecks

    def inputs(self, run: Run) -> Iterator[Iterable[Passage]]:
        return (run.rows(Passage, shard) for shard in range(run.n_shards(Passage)))

    def n_units(self, run: Run) -> int:
        return run.n_rows(Passage) * self.ticks_per_row

    def process(self, rows: Iterable[Passage], tick: Tick) -> Iterator[Query | Dropped]:
        for query in self._checks.write(self._writer, rows):
            yield query
            tick()

    def questions(self) -> set[Question]:
        return self._checks.questions()

    def open(self, run: Run) -> None:
        self._checks.open()

    def admit(self, records: Iterable[Record | Dropped]) -> Iterable[Record | Dropped]:
        return self._checks.admit(records)

    def remember(self, records: Iterable[Record]) -> None:
        self._checks.remember(records)

    def measure(self, run: Run) -> dict[str, Any]:
        return self._checks.measure(run)


class QueriesByRules(_QueriesFromSeeds):
    """Tasks and queries by rules."""

    def __init__(self, context: Context, writer: TemplateWriter) -> None:
        self._settings, self._seed = context.settings.queries, context.seed
        self.ticks_per_row = self._settings.per_passage
        self._checks = QueryChecks(context)
        self._writer = RuleWriter(
            task_types=writer.task_types, per_passage=self.ticks_per_row, seed=self._seed
        )

    def identity(self) -> dict[str, Any]:
        settings: dict[str, Any] = identity_of(self._settings.model_dump())
        settings["checks"] = self._checks.identity()
        return {**settings, "seed": self._seed, "rules": self._writer.prompt_hash}


class QueriesByModel(_QueriesFromSeeds):
    """Tasks and queries by a language model."""

    def __init__(self, context: Context, writer: LlmWriter) -> None:
        self._context, self._settings = context, context.settings.queries
        self.ticks_per_row = self._settings.per_passage
        self._prompt = context.prompt(writer.prompt, "write_query")
        self._checks = QueryChecks(context, shown=list(_shown_by(self._prompt)))
        self._wanted = writer

    def identity(self) -> dict[str, Any]:
        identity: dict[str, Any] = identity_of(self._settings.model_dump())
        identity["checks"] = self._checks.identity()
        identity["writer"]["prompt_hash"] = self._prompt.hash
        identity["writer"]["model"] = self._context.model_identity(self._wanted.model)
        return identity

    def questions(self) -> set[Question]:
        longest = self._prompt.longest(self._context.settings.passages.max_words)
        return {Question(self._wanted.model, "chat", longest), *super().questions()}

    def open(self, run: Run) -> None:
        super().open(run)
        llm: LLM = self._context.llm(self._wanted.model)
        self._writer = ModelWriter(
            llm,
            self._prompt,
            per_passage=self.ticks_per_row,
            temperature=self._wanted.temperature,
            max_tokens=self._wanted.max_tokens,
        )


def _shown_by(prompt: Prompt) -> Iterator[str]:
    """Yield the texts of a prompt's examples that a model may write instead of its own."""
    for example in prompt.examples:
        yield from (str(example[name]) for name in ("query", "task") if example.get(name))
