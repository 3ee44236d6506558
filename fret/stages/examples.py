"""examples: the positive and the negatives of each query, chosen by rules, and its split."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from fret.choosing.choose import NoChoice, Rules, choose
from fret.choosing.explain import Case, make_example
from fret.choosing.grades import gather_grades
from fret.choosing.measures import measure_examples
from fret.choosing.negatives import NegativeRules
from fret.choosing.options import Options
from fret.choosing.positives import PositiveRule, PositiveRules, find_firsts, match_task
from fret.choosing.separability import measure_separability
from fret.choosing.splits import HeldOutPage, Sides
from fret.config import ExamplesSettings, JudgementsSettings
from fret.durable import write_records
from fret.figures import count
from fret.fingerprint import identity_of
from fret.lookup import PassageLookup
from fret.records import Candidates, Dropped, Example, Judgement, Page, Query, Record, Scoring
from fret.scorers.fusing import rank_fused
from fret.stages.base import Stage, Tick
from fret.stages.context import Context
from fret.stages.join import join_queries
from fret.stages.page_groups import PageGroups
from fret.store import Run

Row = tuple[Query, Candidates, Judgement]


class Examples(Stage):
    """Applies the rules of `fret.choosing`; asks no model, so new rules cost nothing."""

    name: ClassVar[str] = "examples"
    version: ClassVar[int] = 4
    record: ClassVar[type[Record]] = Example
    reads: ClassVar[tuple[str, ...]] = ("passages", "queries", "candidates", "judgements")

    def __init__(self, context: Context) -> None:
        self._context, self._seed = context, context.seed
        self._settings: ExamplesSettings = context.settings.examples
        self._splits = {str(name): share for name, share in self._settings.splits.items()}
        self._rules = {
            rule: _make_rules(self._settings, rule) for rule in ("top", "seed", "agreed")
        }
        self._groups = PageGroups(context)
        self._fusion = _Fusion(self._settings, context.settings.judgements)

    def identity(self) -> dict[str, Any]:
        return {**identity_of(self._settings.model_dump()), "seed": self._seed}

    def open(self, run: Run) -> None:
        self._lookup = self._context.lookup(run)
        groups = self._groups.find(run, self._lookup) if self._splits else None
        self._sides = Sides(self._splits, self._seed, groups, n_pages=run.n_rows(Page))
        run.stage(self.name).kept(HeldOutPage.FILE, self._list_held_out)

    def _list_held_out(self, path: Path) -> None:
        write_records(path, HeldOutPage, self._sides.list_held_out(self._lookup.page_ids()))

    def inputs(self, run: Run) -> Iterator[Iterable[Row]]:
        return (_join(run, shard) for shard in range(run.n_shards(Judgement)))

    def n_units(self, run: Run) -> int:
        return run.n_rows(Judgement)

    def process(self, rows: Iterable[Row], tick: Tick) -> Iterator[Example | Dropped]:
        for query, candidates, judgement in rows:
            yield self._choose(query, candidates, judgement)
            tick()

    def measure(self, run: Run) -> dict[str, Any]:
        measures = measure_examples(run.rows(Example))
        self._tell_empty_splits(measures["splits"], run)
        separability = measure_separability(lambda: run.rows(Example), seed=self._seed)
        groups = {"page_groups": self._sides.measure()} if self._groups.are_looked_for else {}
        return {"examples": {**measures, "separability": separability, **groups}}

    def _tell_empty_splits(self, found: Mapping[str, int], run: Run) -> None:
        n_pages = run.n_rows(Page)
        for name, share in self._splits.items():
            if share and not found.get(name):
                self._context.observer.warned(
                    f"No example is in the split {name!r}: {share:.0%} of {count(n_pages, 'page')} "
                    f"were to be. Raise examples.splits.{name}, or add pages."
                )

    def _choose(
        self, query: Query, candidates: Candidates, judgement: Judgement
    ) -> Example | Dropped:
        judgement, deciding = self._fusion.fuse(query, judgement)
        rule = self._rule_for(query) if judgement.seed_id else "top"
        options = _make_options(candidates, judgement, self._lookup, self._sides.of)
        # Looked at by one rule only, and not for nothing.
        firsts = find_firsts(s.scores for s in deciding) if rule == "agreed" else []
        choice = choose(options, self._rules[rule], firsts=firsts, draw=f"{self._seed}\0{query.id}")
        if isinstance(choice, NoChoice):
            return Dropped(self.name, query.id, choice.reason, choice.detail)
        case = Case(query, candidates, judgement, options, choice, rule)
        return make_example(case, self._lookup.get([options.ids[i] for i in case.chosen]))

    def _rule_for(self, query: Query) -> PositiveRule:
        """Return the rule for a query that has a seed."""
        settings = self._settings
        if settings.positive == "top" and match_task(
            settings.cautious_tasks, query.task_type, query.task
        ):
            return "agreed"
        return settings.positive


class _Fusion:
    """The stored ranking, or one made anew from the stored scores."""

    def __init__(self, settings: ExamplesSettings, judgements: JudgementsSettings) -> None:
        self._leave_out = settings.leave_out
        self._is_anew = settings.fusion is not None
        fusion = settings.fusion or judgements.fusion
        self._k = fusion.k
        weights = {scorer.name: judgements.weight_of(scorer) for scorer in judgements.scorers}
        self._weights = {**weights, **fusion.weights}

    def fuse(self, query: Query, judgement: Judgement) -> tuple[Judgement, list[Scoring]]:
        """Return the judgement with the ranking that counts, and the scorers that decide."""
        words = match_task(list(self._leave_out), query.task_type, query.task)
        out = {name for word in words for name in self._leave_out[word]}
        told = [s for s in judgement.scorings if any(score is not None for score in s.scores)]
        heavy = [s for s in told if self._weights[s.scorer] > 0]
        deciding = [s for s in heavy if s.scorer not in out] or heavy
        if not (self._is_anew or len(deciding) < len(heavy)):
            return judgement, deciding
        return self._fuse_anew(judgement, deciding), deciding

    def _fuse_anew(self, judgement: Judgement, deciding: Sequence[Scoring]) -> Judgement:
        ids = judgement.passage_ids
        scores: Sequence[float | None] = (None,) * len(ids)
        ranks: Sequence[int | None] = (None,) * len(ids)
        if deciding:
            scores, ranks = rank_fused(
                [s.ranks for s in deciding],
                [s.scores for s in deciding],
                k=self._k,
                seed=ids.index(judgement.seed_id) if judgement.seed_id else None,
                weights=[self._weights[s.scorer] for s in deciding],
            )
        return replace(judgement, fused_scores=tuple(scores), fused_ranks=tuple(ranks))


def _join(run: Run, shard: int) -> Iterator[Row]:
    judged = join_queries(run, Judgement, shard)
    found = run.rows(Candidates, shard)
    for query, judgement in judged:
        yield query, next(c for c in found if c.query_id == query.id), judgement


def _make_rules(settings: ExamplesSettings, rule: PositiveRule) -> Rules:
    negatives, extra = settings.negatives, settings.extra_positives
    return Rules(
        PositiveRules(
            rule=rule,
            min_relevance=settings.min_relevance,
            relevant_from=settings.relevant_from,
            max_relevant=settings.max_relevant,
            extra_count=extra.max_count if extra else None,
            extra_margin=extra.margin if extra else 0.0,
        ),
        NegativeRules(
            count=negatives.count,
            pick=negatives.pick,
            band=(negatives.band[0], negatives.band[1]),
            max_similarity=negatives.max_similarity,
            min_margin=negatives.min_margin,
            max_relevance=negatives.max_relevance,
            relevant_from=settings.relevant_from,
            unjudged_similarity=negatives.unjudged_similarity,
            same_page=negatives.same_page,
            seed=negatives.seed,
        ),
        at_least=negatives.at_least or negatives.count,
        max_overlap=negatives.max_overlap,
    )


def _make_options(
    candidates: Candidates,
    judgement: Judgement,
    lookup: PassageLookup,
    side_of: Callable[[str], str],
) -> Options:
    rows = lookup.rows_of(candidates.passage_ids)
    means, highs = gather_grades([scoring.grades for scoring in judgement.scorings])
    by_vectors = any(score is not None for score in candidates.dense_scores)
    return Options(
        ids=candidates.passage_ids,
        fused_ranks=judgement.fused_ranks,
        mean_grades=means,
        max_grades=highs,
        similarities=candidates.dense_scores if by_vectors else candidates.bm25_scores,
        page_of=lambda i: lookup.page_of(rows[i]),
        split_of=lambda i: side_of(lookup.page_of(rows[i])),
        text_of=lambda i: lookup.text_of(rows[i]),
        seed=judgement.passage_ids.index(judgement.seed_id) if judgement.seed_id else None,
    )
