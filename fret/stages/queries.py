"""queries: a task and a query for each seed passage, by a writer."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from fret.config import FileWriter, LlmWriter, TemplateWriter
from fret.config.queries import check_words
from fret.errors import PromptError, UserError
from fret.fingerprint import identity_of
from fret.prompts import Prompt
from fret.records import Dropped, Passage, Query, Record, hash_json
from fret.sources.files import read_lines
from fret.stages.base import Question, Stage, Tick
from fret.stages.checking import QueryChecks
from fret.stages.context import Context
from fret.stages.own_queries import OwnQueries
from fret.stages.seeds import Seeds
from fret.store import Run
from fret.writers import Writer
from fret.writers.llm import LlmWriter as ModelWriter
from fret.writers.llm import Plan
from fret.writers.steering import Choices, Steering, count_quotas, fill_quotas
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
    _seeds: Seeds
    _checks: QueryChecks

    def questions(self) -> set[Question]:
        return self._checks.questions()

    def open(self, run: Run) -> None:
        self._seeds.open(run)
        self._checks.open()

    def inputs(self, run: Run) -> Iterator[Iterable[Passage]]:
        # What is not asked about is no input: rows in = rows out + dropped holds for the rest.
        return (self._seeds.rows(run, shard) for shard in range(run.n_shards(Passage)))

    def n_units(self, run: Run) -> int:
        return self._seeds.count(run) * self.ticks_per_row

    def process(self, rows: Iterable[Passage], tick: Tick) -> Iterator[Query | Dropped]:
        for query in self._checks.write(partial(self._writer.write, tick=tick), rows):
            yield query
            tick()

    def admit(self, records: Iterable[Record | Dropped]) -> Iterable[Record | Dropped]:
        return self._checks.admit(records)

    def remember(self, records: Iterable[Record]) -> None:
        self._checks.remember(records)

    def measure(self, run: Run) -> dict[str, Any]:
        return {**self._seeds.measure(run), **self._checks.measure(run)}


class QueriesByRules(_QueriesFromSeeds):
    """Tasks and queries by rules."""

    def __init__(self, context: Context, writer: TemplateWriter) -> None:
        self._settings, self._seed = context.settings.queries, context.seed
        self._seeds = Seeds(context)
        self.ticks_per_row = self._settings.per_passage
        self._checks = QueryChecks(context)
        rules = RuleWriter(
            task_types=writer.task_types,
            per_passage=self.ticks_per_row,
            seed=self._seed,
            find_fault=self._checks.find_fault,
        )
        self._writer, self._rules_hash = rules, rules.prompt_hash

    def identity(self) -> dict[str, Any]:
        settings: dict[str, Any] = identity_of(self._settings.model_dump())
        settings["seeds"] = self._seeds.identity()
        settings["checks"] = self._checks.identity()
        return {**settings, "seed": self._seed, "rules": self._rules_hash}


class QueriesByModel(_QueriesFromSeeds):
    """Tasks and queries by a language model."""

    def __init__(self, context: Context, writer: LlmWriter) -> None:
        self._context, self._settings = context, context.settings.queries
        self._wanted = writer
        self._seeds = Seeds(context)
        self._prompts = _choose_variants(context.prompt(writer.prompt, "write_query"), writer)
        self._choices = _read_choices(context, writer)
        self._check_wishes()
        two_step, rewrite = writer.two_step, writer.rewrite
        self._plan = Plan(
            self._prompts,
            per_passage=self._settings.per_passage,
            temperature=writer.temperature,
            max_tokens=writer.max_tokens,
            choosing=context.prompt(two_step.prompt, "choose_need") if two_step else None,
            rewriting=context.prompt(rewrite.prompt, "rewrite_query") if rewrite else None,
            more_above_words=self._settings.more_above_words,
        )
        if two_step:
            self._plan = replace(self._plan, n_personas=two_step.n_personas)
        if rewrite:
            self._plan = replace(self._plan, rewrite_above=rewrite.above)
        self.ticks_per_row = self._settings.per_passage * (self._plan.n_steps + 1)
        self._checks = QueryChecks(context, shown=list(_list_shown(self._plan)))

    def identity(self) -> dict[str, Any]:
        identity: dict[str, Any] = identity_of(self._settings.model_dump())
        identity["seeds"] = self._seeds.identity()
        identity["checks"] = self._checks.identity()
        writer = identity["writer"]
        writer["prompt_hash"] = [prompt.hash for prompt in self._prompts]
        # The names decide which passage gets which, and stand in the records.
        writer["variants"] = [prompt.variant for prompt in self._prompts]
        for step, prompt in (("two_step", self._plan.choosing), ("rewrite", self._plan.rewriting)):
            if prompt:
                writer[step]["prompt_hash"] = prompt.hash
        if self._wanted.personas_path:
            writer["personas_sha256"] = hash_json(list(self._choices.personas))
        writer["model"] = self._context.model_identity(self._wanted.model)
        if len(self._prompts) > 1 or not self._choices.is_empty or self._settings.seeds:
            identity["seed"] = self._context.seed
        return identity

    def questions(self) -> set[Question]:
        n_words = self._context.settings.passages.max_size
        prompts = [*self._prompts, self._plan.choosing, self._plan.rewriting]
        longest = max(prompt.longest(n_words) for prompt in prompts if prompt)
        return {Question(self._wanted.model, "chat", longest), *super().questions()}

    def open(self, run: Run) -> None:
        super().open(run)
        weights, seed = self._choices.task_types, self._context.seed
        units = ((p.id, sample) for p in self._seeds.rows(run) for sample in self._free_samples)
        steering = Steering(
            self._choices,
            seed=seed,
            moved=fill_quotas(seed, weights, units) if self._wanted.quotas else None,
            leaves_need=self._wanted.two_step is not None,
        )
        llm = self._context.llm(self._wanted.model)
        self._writer = ModelWriter(llm, self._plan, steering)

    def measure(self, run: Run) -> dict[str, Any]:
        measures = super().measure(run)
        if self._wanted.quotas:
            n = self._seeds.count(run) * len(self._free_samples)
            measures["quotas"] = count_quotas(self._choices.task_types, n)
        return measures

    @property
    def _free_samples(self) -> range:
        """The samples that draw a task type of their own; others take that of the first."""
        return range(1 if self._settings.more_above_words else self._settings.per_passage)

    def _check_wishes(self) -> None:
        """Refuse a prompt that would not tell the model what it is asked for."""
        first = self._prompts[0]
        steers = not self._choices.is_empty or self._wanted.two_step is not None
        if steers and "wanted" not in first.variables:
            raise PromptError(
                f"The prompt file {first.path} does not use {{{{ wanted }}}}, so the model would "
                "not learn which task types, lengths … queries.writer asks for. Add it to `shot`, "
                "after the passage, as prompts/write_query.yaml does."
            )


def _list_shown(plan: Plan) -> Iterator[str]:
    """Yield the texts of the prompts' examples that a model may write instead of its own."""
    prompts = [*plan.prompts, *([plan.rewriting] if plan.rewriting else ())]
    for example in (example for prompt in prompts for example in prompt.examples):
        yield from (str(example[n]) for n in ("task", "query", "rewritten") if example.get(n))


def _choose_variants(prompt: Prompt, writer: LlmWriter) -> tuple[Prompt, ...]:
    found = {variant.variant: variant for variant in prompt.variants}
    for name in writer.variants or ():
        if name not in found:
            names = ", ".join(name for name in found if name) or "none by name"
            raise PromptError(
                f"queries.writer.variants names {name!r}, which the prompt file {prompt.path} does "
                f"not hold (it holds: {names})."
            )
    return tuple(found[name] for name in writer.variants or found)


def _check_persona(line: str, path: Path) -> str:
    try:
        return check_words(line)
    except ValueError as error:
        raise UserError(f"{path} holds a persona that cannot be asked for: {error}.") from error


def _read_choices(context: Context, writer: LlmWriter) -> Choices:
    personas = list(writer.personas)
    if writer.personas_path:
        path = context.find_path(writer.personas_path)
        personas += [_check_persona(line, path) for line in read_lines(path)]
    return Choices(
        task_types=writer.task_types,
        query_types=writer.query_types,
        lengths=writer.lengths,
        difficulties=writer.difficulties,
        languages=writer.languages,
        personas=tuple(dict.fromkeys(personas)),
    )
