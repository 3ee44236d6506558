"""judgements: every candidate scored by every scorer, and the ranks fused."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from threading import Lock
from typing import Any, ClassVar

from fret.choose import rank_fused
from fret.config import (
    EmbeddingScorer,
    JudgementsSettings,
    QueryLikelihoodScorer,
    RelevanceScorer,
    UnigramScorer,
)
from fret.config import Scorer as ScorerSettings
from fret.errors import ConfigError
from fret.fingerprint import identity_of
from fret.prompts import Prompt
from fret.records import Candidates, Dropped, Judgement, Query, Reason, Record, Scoring
from fret.retrieval.dense import MINILM, Embedder, PassageVectors, identify_model
from fret.retrieval.fuse import rank_scores
from fret.scorers import Group, Score, Scorer
from fret.scorers.embedding import EmbeddingScorer as CosineScorer
from fret.scorers.query_likelihood import QueryLikelihoodScorer as LikelihoodScorer
from fret.scorers.relevance import RelevanceScorer as GradingScorer
from fret.scorers.unigram import UnigramScorer as WordScorer
from fret.stages.base import Question, Stage, Tick
from fret.stages.context import Context
from fret.stages.join import join_queries
from fret.store import Run

Row = tuple[Query, Candidates]

# What each scorer asks of its model.
_KINDS = {"relevance": "labels", "query_likelihood": "likelihood"}


class Judgements(Stage):
    """Runs one scorer after the other over a shard, then fuses their ranks."""

    name: ClassVar[str] = "judgements"
    version: ClassVar[int] = 1
    record: ClassVar[type[Record]] = Judgement
    reads: ClassVar[tuple[str, ...]] = ("passages", "queries", "candidates")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._settings: JudgementsSettings = context.settings.judgements
        self._prompts: dict[str, Prompt] = {
            scorer.kind: context.prompt(scorer.prompt, scorer.kind)
            for scorer in self._settings.scorers
            if isinstance(scorer, RelevanceScorer | QueryLikelihoodScorer)
        }
        self._embedder: Embedder | None = None
        self._usable = [scorer for scorer in self._settings.scorers if self._find_model(scorer)]
        self.ticks_per_row = len(self._usable)

    def identity(self) -> dict[str, Any]:
        return {
            "scorers": [self._identity_of(scorer) for scorer in self._usable],
            "fusion": self._settings.fusion.model_dump(),
        }

    def questions(self) -> set[Question]:
        n_words = self._context.settings.passages.max_words
        return {
            Question(scorer.model, _KINDS[scorer.kind], self._prompts[scorer.kind].longest(n_words))
            for scorer in self._usable
            if isinstance(scorer, RelevanceScorer | QueryLikelihoodScorer)
        }

    def open(self, run: Run) -> None:
        self._lookup = self._context.lookup(run)
        self._scorers = [self._build(scorer, run) for scorer in self._usable]

    def inputs(self, run: Run) -> Iterator[Iterable[Row]]:
        return (join_queries(run, Candidates, shard) for shard in range(run.n_shards(Candidates)))

    def n_units(self, run: Run) -> int:
        return run.n_rows(Candidates) * self.ticks_per_row

    def process(self, rows: Iterable[Row], tick: Tick) -> Iterator[Judgement | Dropped]:
        rows = list(rows)
        by_scorer = [self._run_scorer(scorer, rows, tick) for scorer in self._scorers]
        for i, (_, candidates) in enumerate(rows):
            yield self._judge(candidates, [scores[i] for scores in by_scorer])

    def gather(self, rows: Iterable[Row]) -> None:
        rows = list(rows)
        for scorer in self._scorers:
            if scorer.name in _KINDS:  # the others compute, and ask nobody
                self._run_scorer(scorer, rows, lambda: None)

    def measure(self, run: Run) -> dict[str, Any]:
        return {"agreement": measure_agreement(run.rows(Judgement))}

    def _run_scorer(self, scorer: Scorer, rows: list[Row], tick: Tick) -> list[list[Score]]:
        groups: Iterator[Group] = (
            (query, self._lookup.get(c.passage_ids[: c.n_top])) for query, c in rows
        )
        results = []
        for scores in scorer.score(groups):
            results.append(scores)
            tick()
        return results

    def _judge(
        self, candidates: Candidates, by_scorer: Sequence[list[Score]]
    ) -> Judgement | Dropped:
        scorings = [
            _make_scoring(s, line) for s, line in zip(self._scorers, by_scorer, strict=True)
        ]
        seed = candidates.passage_ids.index(candidates.seed_id) if candidates.seed_id else None
        fused_scores, fused_ranks = rank_fused(
            [s.ranks for s in scorings],
            [s.scores for s in scorings],
            k=self._settings.fusion.k,
            seed=seed,
        )
        n_scored = sum(rank is not None for rank in fused_ranks)
        if n_scored < 2:
            detail = f"{n_scored} of {len(fused_ranks)} candidates have a score from every scorer"
            return Dropped(self.name, candidates.query_id, Reason.TOO_FEW_SCORED, detail)
        return Judgement(
            query_id=candidates.query_id,
            seed_id=candidates.seed_id,
            passage_ids=candidates.passage_ids[: candidates.n_top],
            scorings=tuple(scorings),
            fused_scores=tuple(fused_scores),
            fused_ranks=tuple(fused_ranks),
        )

    def _find_model(self, scorer: ScorerSettings) -> bool:
        """Whether a scorer can be used.

        Only the embedding may be missing, where another scorer stays.
        """
        if not isinstance(scorer, EmbeddingScorer):
            return True
        try:
            self._embedder = self._context.embedder(
                scorer.model, query_format=scorer.query_format, batch_size=scorer.batch_size
            )
        except ConfigError as error:
            if len(self._settings.scorers) == 1 or scorer.model != MINILM:
                raise
            self._context.observer.warned(f"{error} The scorer `embedding` is left out.")
            return False
        return True

    def _identity_of(self, scorer: ScorerSettings) -> dict[str, Any]:
        identity: dict[str, Any] = identity_of(scorer.model_dump())
        if isinstance(scorer, EmbeddingScorer):
            identity["model"] = identify_model(scorer.model)
        elif not isinstance(scorer, UnigramScorer):
            identity["model"] = self._context.model_identity(scorer.model)
            identity["prompt_hash"] = self._prompts[scorer.kind].hash
        return identity

    def _build(self, scorer: ScorerSettings, run: Run) -> Scorer:
        match scorer:
            case UnigramScorer():
                return WordScorer(self._lookup, mu=scorer.mu)
            case RelevanceScorer():
                return GradingScorer(self._context.llm(scorer.model), self._prompts[scorer.kind])
            case QueryLikelihoodScorer():
                return LikelihoodScorer(self._context.llm(scorer.model), self._prompts[scorer.kind])
            case EmbeddingScorer():
                return self._build_cosine(scorer, run)

    def _build_cosine(self, scorer: EmbeddingScorer, run: Run) -> CosineScorer:
        assert self._embedder is not None
        embedder, lookup, opening = self._embedder, self._lookup, Lock()

        @cache
        def open_vectors() -> PassageVectors:
            return self._context.vectors(run, scorer.model, embedder)

        def vectors_of(passage_ids: Sequence[str]) -> Any:
            # Opened when first needed, which may mean to encode all passages: a pass that only
            # asks models does not.
            with opening:
                vectors = open_vectors()
            rows = [lookup.row_of(passage_id) for passage_id in passage_ids]
            return vectors.take([row for row in rows if row is not None])

        return CosineScorer(self._embedder, vectors_of, model=scorer.model)


def _make_scoring(scorer: Scorer, scores: Sequence[Score]) -> Scoring:
    values = [score.value for score in scores]
    return Scoring(
        scorer=scorer.name,
        model=scorer.model,
        fallbacks=tuple(score.fallback for score in scores),
        scores=tuple(values),
        ranks=tuple(rank_scores(values)),
        logprobs=tuple(score.logprob for score in scores),
        n_tokens=tuple(score.n_tokens for score in scores),
        label_logprobs=tuple(score.label_logprobs for score in scores),
        grades=tuple(score.grade for score in scores),
    )


def measure_agreement(rows: Iterable[Judgement]) -> dict[str, float]:
    """Return how often the scorers' favourites agree, and how often the fused one is the seed."""
    n = n_same = n_seeded = n_seed_first = 0
    for judgement in rows:
        favourites = {scoring.ranks.index(1) for scoring in judgement.scorings}
        n += 1
        n_same += len(favourites) == 1
        if judgement.seed_id is not None:
            n_seeded += 1
            n_seed_first += (
                judgement.passage_ids[judgement.fused_ranks.index(1)] == judgement.seed_id
            )
    measures = {"scorers_share_favourite": n_same / n} if n else {}
    if n_seeded:
        measures["seed_is_best"] = n_seed_first / n_seeded
    return {name: round(value, 4) for name, value in measures.items()}
