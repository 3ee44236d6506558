"""The checks of the stage queries: each query by itself, then against all that came before it."""

import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from fret.checks import Fault
from fret.checks.copying import CopyLimits, LeakCheck, check_copied
from fret.checks.form import check_form, check_length
from fret.checks.judge import Checked, QueryJudge
from fret.checks.language import check_language
from fret.checks.measures import measure_queries
from fret.checks.standing import check_standing
from fret.checks.task import check_task_copied, check_task_length, check_task_standing
from fret.checks.whole_set import WholeSet
from fret.config import ChecksSettings, FileWriter, JudgeCheck
from fret.fingerprint import identity_of
from fret.prompts import Prompt
from fret.reasons import Reason
from fret.records import Dropped, Passage, Query, Record
from fret.retrieval.encode import Embedder
from fret.retrieval.model_files import identify_model
from fret.stages.base import Question
from fret.stages.context import Context
from fret.stages.evaluation_texts import EvaluationSets
from fret.store import Run
from fret.text.decontaminate import EvaluationTexts

Write = Callable[[Iterable[Passage]], Iterator[Query | Dropped]]
"""Writes queries, in the order of their seeds."""

# Queries encoded together.
_QUERIES_PER_BLOCK = 512


class QueryChecks:
    """What a stage of queries asks of each query; built from the pipeline file.

    Args:
        shown: texts of the writer's prompt that may leak into queries.
    """

    def __init__(self, context: Context, *, shown: Sequence[str] = ()) -> None:
        self._context, self._settings = context, context.settings.queries.active_checks
        self._judge_prompt = self._load_judge_prompt(self._settings.judge)
        self._embedder = self._find_embedder()
        self._judge: QueryJudge | None = None
        self._alone = AloneChecks(self._settings, shown)
        self._whole = self._new_set()
        self._evaluation: EvaluationTexts | None = None

    def identity(self) -> dict[str, Any]:
        """Return what of the checks can change the queries; round_trip is another stage's."""
        settings = self._settings.model_dump(exclude={"round_trip"})
        if self._settings.similar:
            settings["similar"]["model"] = identify_model(self._settings.similar.model)
        identity: dict[str, Any] = identity_of(settings)
        if self._settings.judge and self._judge_prompt:
            identity["judge"]["prompt_hash"] = self._judge_prompt.hash
            identity["judge"]["model"] = self._context.model_identity(self._settings.judge.model)
        return identity

    def questions(self) -> set[Question]:
        if self._settings.judge is None or self._judge_prompt is None:
            return set()
        longest = self._judge_prompt.longest(self._context.settings.passages.max_size)
        return {Question(self._settings.judge.model, "chat", longest)}

    def open(self) -> None:
        """Begin the whole set anew, and build the judge."""
        self._whole = self._new_set()
        self._evaluation = self._load_evaluation()
        settings = self._settings.judge
        if settings and self._judge_prompt:
            self._judge = QueryJudge(
                self._context.llm(settings.model),
                self._judge_prompt,
                least={name: getattr(settings, name) for name in _MARKS},
                max_tokens=settings.max_tokens,
            )

    def write(self, write: Write, passages: Iterable[Passage]) -> Iterator[Query | Dropped]:
        """Let queries be written for passages, and yield those that are fit, and the rest dropped.

        May run for two shards at once: nothing is kept between them.
        """
        seeds = _Seeds(passages)
        return self.check((query, seeds.of(query)) for query in write(seeds))

    def check(
        self, rows: Iterable[tuple[Query | Dropped, Passage | None]]
    ) -> Iterator[Query | Dropped]:
        """Check queries with their seeds."""
        checked = (Checked(self._check_alone(query, seed), seed) for query, seed in rows)
        if self._judge:
            return self._judge.judge(checked)
        return (row.query for row in checked)

    def find_fault(self, query: Query, seed: Passage) -> Fault | None:
        """Return what is wrong first of all that is asked of a query alone, without a model."""
        return self._alone.check(query, seed)

    def admit(self, records: Iterable[Record | Dropped]) -> Iterator[Record | Dropped]:
        """Drop what repeats an earlier query; shards must come in their order."""
        rows = iter(records)
        while block := list(itertools.islice(rows, _QUERIES_PER_BLOCK)):
            queries = [row for row in block if isinstance(row, Query)]
            self._whole.look_at(queries)
            for row in block:
                yield self._admit(row) if isinstance(row, Query) else row

    def remember(self, records: Iterable[Record]) -> None:
        """Take in the queries of a finished shard."""
        rows = (row for row in records if isinstance(row, Query))
        while block := list(itertools.islice(rows, _QUERIES_PER_BLOCK)):
            self._whole.look_at(block)
            for query in block:
                self._whole.add(query)

    def measure(self, run: Run) -> dict[str, Any]:
        """Return figures over all queries, with embeddings where a model is at hand."""
        lookup = self._context.lookup(run)
        embedder = self._find_any_embedder()
        return {
            "queries": measure_queries(
                lambda: run.rows(Query),
                find_texts=lambda ids: [lookup.text_of(row) for row in lookup.rows_of(ids)],
                encode=embedder.encode_queries if embedder else None,
            )
        }

    def _find_any_embedder(self) -> Embedder | None:
        """Return the model of the check, else that of the candidates; None where neither is."""
        dense = self._context.settings.candidates.dense
        if self._embedder or dense is None or not self._context.find_embedding_model(dense.model):
            return self._embedder
        return self._context.embedder(
            dense.model, query_format="{query}", batch_size=dense.batch_size
        )

    def _admit(self, query: Query) -> Query | Dropped:
        fault = self._check_evaluation(query) or self._whole.check(query)
        if fault is None:
            self._whole.add(query)
            return query
        return Dropped("queries", query.id, fault.reason, fault.detail)

    def _check_alone(self, query: Query | Dropped, seed: Passage | None) -> Query | Dropped:
        if isinstance(query, Dropped):
            return query
        fault = self._alone.check(query, seed)
        return query if fault is None else Dropped("queries", query.id, *fault)

    def _load_evaluation(self) -> EvaluationTexts | None:
        """Return the sets from which queries stay away; the fingerprint of the passages, which all
        queries hang on, holds them."""
        against = self._context.settings.passages.decontamination
        own = isinstance(self._context.settings.queries.writer, FileWriter)
        checked = not own or self._settings.own_queries
        if against is None or against.action != "drop" or not checked:
            return None
        return EvaluationSets(self._context, against).load()

    def _check_evaluation(self, query: Query) -> Fault | None:
        found = self._evaluation.find_query(query.text) if self._evaluation else None
        if found is None:
            return None
        shared = found.matched[:120]
        what = f"{query.text[:80]!r} has {shared!r} of the {found.kind} {found.item}"
        return Fault(Reason.IN_EVALUATION_SET, f"{what} in {found.set_name}")

    def _new_set(self) -> WholeSet:
        near, similar = self._settings.near_duplicates, self._settings.similar
        return WholeSet(
            exact=self._settings.duplicates,
            jaccard=near.jaccard if near else None,
            cosine=similar.cosine if similar else None,
            encode=self._embedder.encode_queries if self._embedder else None,
        )

    def _find_embedder(self) -> Embedder | None:
        similar = self._settings.similar
        if similar is None:
            return None
        # Texts alone: what the task says is no part of whether two queries are the same.
        return self._context.embedder(
            similar.model, query_format="{query}", batch_size=similar.batch_size
        )

    def _load_judge_prompt(self, judge: JudgeCheck | None) -> Prompt | None:
        return self._context.prompt(judge.prompt, "judge_query") if judge else None


_MARKS = ("answerable", "natural", "self_contained")


class AloneChecks:
    """What is asked of a query by itself; the first fault counts."""

    def __init__(self, settings: ChecksSettings, shown: Sequence[str]) -> None:
        self._settings = settings
        leaked = settings.leaked
        self._leak = LeakCheck(shown, **leaked.model_dump()) if leaked and shown else None
        self._limits = CopyLimits(**settings.copied.model_dump()) if settings.copied else None

    def check(self, query: Query, seed: Passage | None) -> Fault | None:
        """Return the first fault of a query; without a seed, only what needs none is looked for."""
        return next((fault for fault in self.find_all(query, seed) if fault), None)

    def find_all(self, query: Query, seed: Passage | None) -> Iterator[Fault | None]:
        """Yield what each check says, in the order in which they count."""
        settings, text, language = self._settings, query.text, query.language
        passage = seed.text if seed else ""
        if settings.length:
            limits = settings.length.model_dump()
            yield check_task_length(query.task, max_words=limits.pop("max_task_words"))
            yield check_length(text, **limits)
        if settings.form:
            yield check_form(text, task_type=query.task_type, language=language)
        if settings.language:
            limits = settings.language.model_dump()
            yield check_language(text, passage, language=language, **limits)
        if settings.self_contained:
            yield check_task_standing(query.task)
            yield check_standing(text, language=language)
        if self._leak:
            # A word of the title is the page's own, too.
            known = f"{seed.full_title}\n{passage}" if seed else passage
            yield self._leak.check(text, known, language)
        if self._limits:
            yield check_task_copied(query.task, passage, run_words=self._limits.run_words)
            yield check_copied(
                text,
                passage,
                language=language,
                task_type=query.task_type,
                limits=self._limits,
            )


class _Seeds:
    """Passages on their way to a writer, remembered until their queries have come back."""

    def __init__(self, passages: Iterable[Passage]) -> None:
        self._passages = passages
        self._waiting: OrderedDict[str, Passage] = OrderedDict()

    def __iter__(self) -> Iterator[Passage]:
        for passage in self._passages:
            self._waiting[passage.id] = passage
            yield passage

    def of(self, query: Query | Dropped) -> Passage | None:
        """Return the seed of a query; writers answer in the order of the seeds."""
        seed_id = query.passage_id if isinstance(query, Query) else query.record_id
        if seed_id not in self._waiting:
            return None
        while next(iter(self._waiting)) != seed_id:
            self._waiting.popitem(last=False)
        return self._waiting[seed_id]
