"""examples: the positive and the negatives of each query, chosen by rules, and its split."""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from fret.choose import NegativeRules, Option, choose_negatives, choose_positive, split_of
from fret.config import ExamplesSettings
from fret.fingerprint import identity_of
from fret.records import Candidates, Dropped, Example, Judgement, Passage, Query, Reason, Record
from fret.stages.base import Stage, Tick
from fret.stages.context import Context
from fret.stages.join import join_queries
from fret.store import Run

Row = tuple[Query, Candidates, Judgement]


class Examples(Stage):
    """Applies the rules of `fret.choose`; asks no model, so new rules cost nothing."""

    name: ClassVar[str] = "examples"
    version: ClassVar[int] = 1
    record: ClassVar[type[Record]] = Example
    reads: ClassVar[tuple[str, ...]] = ("passages", "queries", "candidates", "judgements")

    def __init__(self, context: Context) -> None:
        self._context, self._seed = context, context.seed
        self._settings: ExamplesSettings = context.settings.examples
        self._splits = {str(name): share for name, share in self._settings.splits.items()}
        self._rules = NegativeRules(**self._settings.negatives.model_dump())

    def identity(self) -> dict[str, Any]:
        return {**identity_of(self._settings.model_dump()), "seed": self._seed}

    def open(self, run: Run) -> None:
        self._lookup = self._context.lookup(run)

    def inputs(self, run: Run) -> Iterator[Iterable[Row]]:
        return (_join(run, shard) for shard in range(run.n_shards(Judgement)))

    def n_units(self, run: Run) -> int:
        return run.n_rows(Judgement)

    def process(self, rows: Iterable[Row], tick: Tick) -> Iterator[Example | Dropped]:
        for query, candidates, judgement in rows:
            yield self._choose(query, candidates, judgement)
            tick()

    def measure(self, run: Run) -> dict[str, Any]:
        return {"examples": measure_examples(run.rows(Example))}

    def _choose(
        self, query: Query, candidates: Candidates, judgement: Judgement
    ) -> Example | Dropped:
        passages = self._lookup.get(judgement.passage_ids)
        options = self._options(passages, candidates, judgement)
        ids = judgement.passage_ids
        seed = ids.index(judgement.seed_id) if judgement.seed_id else None
        positive = choose_positive(options, self._settings.positive, seed)
        if positive is None:
            return Dropped(self.name, query.id, Reason.TOO_FEW_SCORED, "the seed has no score")
        if seed is not None and options[seed].split != options[positive].split:
            detail = (
                f"the seed is in {options[seed].split}, the positive in {options[positive].split}"
            )
            return Dropped(self.name, query.id, Reason.SPLIT_CONFLICT, detail)
        negatives = choose_negatives(
            options, positive, self._rules, draw=f"{self._seed}\0{query.id}"
        )
        if len(negatives.chosen) < self._rules.count:
            why = (
                ", ".join(f"{n} {reason}" for reason, n in negatives.refused.items()) or "no others"
            )
            detail = f"{len(negatives.chosen)} of {self._rules.count} found; refused: {why}"
            return Dropped(self.name, query.id, Reason.TOO_FEW_NEGATIVES, detail)
        return _make_example(
            query, judgement, passages, positive, negatives.chosen, options[positive].split
        )

    def _options(
        self, passages: list[Passage], candidates: Candidates, judgement: Judgement
    ) -> list[Option]:
        grades = next(
            (s.grades for s in judgement.scorings if s.grades.count(None) < len(s.grades)), None
        )
        return [
            Option(
                passage_id=passage.id,
                text=passage.text,
                split=split_of(passage.page_id, self._splits, self._seed),
                fused_rank=judgement.fused_ranks[i],
                similarity=candidates.dense_scores[i],
                relevance=grades[i] if grades else None,
            )
            for i, passage in enumerate(passages)
        ]


def _join(run: Run, shard: int) -> Iterator[Row]:
    judged = join_queries(run, Judgement, shard)
    found = run.rows(Candidates, shard)
    for query, judgement in judged:
        yield query, next(c for c in found if c.query_id == query.id), judgement


def _make_example(
    query: Query,
    judgement: Judgement,
    passages: list[Passage],
    positive: int,
    negatives: tuple[int, ...],
    split: str,
) -> Example:
    ids, best = judgement.passage_ids, passages[positive]
    worse = [passages[i] for i in negatives]
    seed = ids.index(judgement.seed_id) if judgement.seed_id else None
    scores = [[s.scores[i] or 0.0 for s in judgement.scorings] for i in range(len(ids))]
    ranks = [[s.ranks[i] or 0 for s in judgement.scorings] for i in range(len(ids))]
    return Example(
        query_id=query.id,
        task=query.task,
        query=query.text,
        task_type=query.task_type,
        language=query.language,
        positive_title=best.title,
        positive=best.text,
        negative_titles=tuple(passage.title for passage in worse),
        negatives=tuple(passage.text for passage in worse),
        split=split,
        positive_id=best.id,
        negative_ids=tuple(passage.id for passage in worse),
        seed_id=judgement.seed_id,
        positive_is_seed=None if seed is None else seed == positive,
        seed_rank=None if seed is None else judgement.fused_ranks[seed],
        scorers=tuple(s.scorer for s in judgement.scorings),
        positive_scores=tuple(scores[positive]),
        positive_ranks=tuple(ranks[positive]),
        negative_scores=tuple(tuple(scores[i]) for i in negatives),
        negative_ranks=tuple(tuple(ranks[i]) for i in negatives),
        positive_fused_score=judgement.fused_scores[positive] or 0.0,
        negative_fused_scores=tuple(judgement.fused_scores[i] or 0.0 for i in negatives),
        negative_fused_ranks=tuple(judgement.fused_ranks[i] or 0 for i in negatives),
        positive_url=best.url,
        negative_urls=tuple(passage.url for passage in worse),
        writer=query.writer,
        model=query.model,
    )


def measure_examples(rows: Iterable[Example]) -> dict[str, Any]:
    """Count examples by split, type and language, and the share whose positive is not the seed."""
    splits: dict[str, int] = {}
    types: dict[str, int] = {}
    languages: dict[str, int] = {}
    seeded = moved = 0
    for example in rows:
        for counts, key in (
            (splits, example.split),
            (types, example.task_type),
            (languages, example.language),
        ):
            counts[key] = counts.get(key, 0) + 1
        seeded += example.positive_is_seed is not None
        moved += example.positive_is_seed is False
    return {
        "splits": dict(sorted(splits.items())),
        "task_types": dict(sorted(types.items())),
        "languages": dict(sorted(languages.items())),
        "positive_is_not_seed": round(moved / seeded, 4) if seeded else None,
    }
