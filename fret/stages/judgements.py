"""judgements: every candidate scored by every scorer, and the ranks fused."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

from fret.config import JudgementsSettings
from fret.fingerprint import identity_of
from fret.reasons import Reason
from fret.records import Candidates, Dropped, Judgement, Query, Record, Scoring
from fret.retrieval.fuse import rank_scores
from fret.scorers import Score, Scorer
from fret.scorers.agreement import measure_judgements
from fret.scorers.fusing import rank_fused
from fret.scorers.rounds import Deeper, Rounds, Sheet
from fret.stages.base import Question, Stage, Tick
from fret.stages.context import Context
from fret.stages.join import join_queries
from fret.stages.panel import Panel
from fret.store import Run

Row = tuple[Query, Candidates]


class Judgements(Stage):
    """Runs the scorers over a shard, then fuses their ranks."""

    name: ClassVar[str] = "judgements"
    version: ClassVar[int] = 2
    record: ClassVar[type[Record]] = Judgement
    reads: ClassVar[tuple[str, ...]] = ("passages", "queries", "candidates")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._settings: JudgementsSettings = context.settings.judgements
        self._panel = Panel(context)
        self.ticks_per_row = len(self._panel.usable)

    def identity(self) -> dict[str, Any]:
        weights = zip(self._panel.usable, self._panel.weights, strict=True)
        return {
            "scorers": self._panel.identity(),
            "fusion": {
                "k": self._settings.fusion.k,
                "weights": {scorer.name: weight for scorer, weight in weights},
            },
            **identity_of(self._settings.model_dump(include={"early_stop", "deeper"})),
        }

    def questions(self) -> set[Question]:
        return self._panel.questions(self._context.settings.passages.max_size)

    def open(self, run: Run) -> None:
        self._lookup = self._context.lookup(run)
        self._scorers = self._panel.build(run, self._lookup)

    def inputs(self, run: Run) -> Iterator[Iterable[Row]]:
        return (join_queries(run, Candidates, shard) for shard in range(run.n_shards(Candidates)))

    def n_units(self, run: Run) -> int:
        return run.n_rows(Candidates) * self.ticks_per_row

    def process(self, rows: Iterable[Row], tick: Tick) -> Iterator[Judgement | Dropped]:
        rows = list(rows)
        sheets = self._fill_sheets(rows, tick=tick)
        for (_, candidates), sheet in zip(rows, sheets, strict=True):
            yield self._judge(candidates, sheet)

    def gather(self, rows: Iterable[Row]) -> None:
        self._fill_sheets(rows, asks_only=True)

    def measure(self, run: Run) -> dict[str, Any]:
        return {"judgements": measure_judgements(_join_depths(run))}

    def _fill_sheets(self, rows: Iterable[Row], **options: Any) -> list[Sheet]:
        sheets = [
            Sheet(query, c.passage_ids, n_top=c.n_top, n_scorers=len(self._scorers))
            for query, c in rows
        ]
        stop, deeper = self._settings.early_stop, self._settings.deeper
        grader = next((i for i, s in enumerate(self._scorers) if s.kind == "relevance"), None)
        rounds = Rounds(
            self._scorers,
            self._lookup.get,
            lead=stop.lead if stop else None,
            deeper=(grader, Deeper(**deeper.model_dump()))
            if deeper and grader is not None
            else None,
            **options,
        )
        rounds.run(sheets)
        return sheets

    def _judge(self, candidates: Candidates, sheet: Sheet) -> Judgement | Dropped:
        scorings = [_make_scoring(s, sheet.finish(i)) for i, s in enumerate(self._scorers)]
        seed = candidates.passage_ids.index(candidates.seed_id) if candidates.seed_id else None
        asked = [i for i in range(len(scorings)) if not sheet.is_spared(i)]
        fused_scores, fused_ranks = rank_fused(
            [scorings[i].ranks for i in asked],
            [scorings[i].scores for i in asked],
            k=self._settings.fusion.k,
            seed=seed,
            weights=[self._panel.weights[i] for i in asked],
        )
        n_scored = sum(rank is not None for rank in fused_ranks)
        if n_scored < 2:
            detail = f"{n_scored} of {len(fused_ranks)} candidates have a score from every scorer"
            return Dropped(self.name, candidates.query_id, Reason.TOO_FEW_SCORED, detail)
        return Judgement(
            query_id=candidates.query_id,
            seed_id=candidates.seed_id,
            passage_ids=sheet.judged_ids,
            scorings=tuple(scorings),
            fused_scores=tuple(fused_scores),
            fused_ranks=tuple(fused_ranks),
        )


def _make_scoring(scorer: Scorer, scores: Sequence[Score]) -> Scoring:
    values = [score.value for score in scores]
    return Scoring(
        scorer=scorer.name,
        kind=scorer.kind,
        model=scorer.model,
        fallbacks=tuple(score.fallback for score in scores),
        scores=tuple(values),
        ranks=tuple(rank_scores(values)),
        logprobs=tuple(score.logprob for score in scores),
        n_tokens=tuple(score.n_tokens for score in scores),
        label_logprobs=tuple(score.label_logprobs for score in scores),
        grades=tuple(score.grade for score in scores),
    )


def _join_depths(run: Run) -> Iterator[tuple[int, Judgement]]:
    """Yield each judgement with the number of candidates that were to be judged in any case."""
    found = run.rows(Candidates)
    for judgement in run.rows(Judgement):
        yield next(c.n_top for c in found if c.query_id == judgement.query_id), judgement
