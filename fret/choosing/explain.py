"""The example that a choice makes, with everything that explains it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fret.choosing.choose import Choice
from fret.choosing.options import Options
from fret.records import Candidates, Example, Judgement, Passage, Query


@dataclass(frozen=True, slots=True)
class Case:
    """One query with all that was found for it and chosen."""

    query: Query
    candidates: Candidates
    judgement: Judgement
    options: Options
    choice: Choice
    rule: str

    @property
    def chosen(self) -> tuple[int, ...]:
        """The candidates whose passages the example needs, in the order of `make_example`."""
        choice = self.choice
        return (choice.positive, *choice.extra_positives, *choice.negatives)


def make_example(case: Case, passages: Sequence[Passage]) -> Example:
    """Make the example.

    Args:
        passages: those of `case.chosen`.
    """
    query, options, choice = case.query, case.options, case.choice
    refused = sorted(choice.refused)
    n_extra = len(choice.extra_positives)
    parts: dict[str, Any] = {
        **_describe_positive(case, passages[0]),
        **_describe_extra(case, passages[1 : 1 + n_extra]),
        **_describe_negatives(case, passages[1 + n_extra :]),
        **_describe_seed(case),
    }
    return Example(
        query_id=query.id,
        task=query.task,
        query=query.text,
        task_type=query.task_type,
        language=query.language,
        split=options.split_of(choice.positive),
        positive_rule=case.rule,
        scorers=tuple(s.scorer for s in case.judgement.scorings),
        n_relevant=choice.n_relevant,
        refused_ids=tuple(options.ids[i] for i in refused),
        refused_reasons=tuple(str(choice.refused[i]) for i in refused),
        writer=query.writer,
        model=query.model,
        **parts,
    )


def _describe_positive(case: Case, passage: Passage) -> dict[str, Any]:
    i, judgement, options = case.choice.positive, case.judgement, case.options
    return {
        "positive_title": passage.full_title,
        "positive": passage.text,
        "positive_id": passage.id,
        "positive_url": passage.url,
        "positive_scores": tuple(s.scores[i] for s in judgement.scorings),
        "positive_ranks": tuple(s.ranks[i] for s in judgement.scorings),
        "positive_fused_score": judgement.fused_scores[i],
        "positive_grade": options.mean_grades[i],
        "positive_similarity": options.similarities[i],
    }


def _describe_extra(case: Case, passages: Sequence[Passage]) -> dict[str, Any]:
    places = case.choice.extra_positives
    return {
        "extra_positive_titles": tuple(passage.full_title for passage in passages),
        "extra_positives": tuple(passage.text for passage in passages),
        "extra_positive_ids": tuple(passage.id for passage in passages),
        "extra_positive_urls": tuple(passage.url for passage in passages),
        "extra_positive_scores": _scores_of(case.judgement, places),
        "extra_positive_grades": tuple(case.options.mean_grades[i] for i in places),
    }


def _describe_negatives(case: Case, passages: Sequence[Passage]) -> dict[str, Any]:
    places, judgement, options = case.choice.negatives, case.judgement, case.options
    return {
        "negative_titles": tuple(passage.full_title for passage in passages),
        "negatives": tuple(passage.text for passage in passages),
        "negative_ids": tuple(passage.id for passage in passages),
        "negative_picks": case.choice.picks,
        "negative_urls": tuple(passage.url for passage in passages),
        "negative_scores": _scores_of(judgement, places),
        "negative_ranks": tuple(tuple(_at(s.ranks, i) for s in judgement.scorings) for i in places),
        "negative_fused_scores": tuple(_at(judgement.fused_scores, i) for i in places),
        "negative_fused_ranks": tuple(_at(judgement.fused_ranks, i) for i in places),
        "negative_grades": tuple(_at(options.mean_grades, i) for i in places),
        "negative_similarities": tuple(options.similarities[i] for i in places),
    }


def _describe_seed(case: Case) -> dict[str, Any]:
    seed, candidates, judgement = case.options.seed, case.candidates, case.judgement
    if seed is None:
        names = ("positive_is_seed", "seed_rank", "seed_bm25_rank", "seed_dense_rank")
        return {**dict.fromkeys(names), "seed_id": None, "seed_retrieval_rank": None}
    return {
        "seed_id": judgement.seed_id,
        "positive_is_seed": seed == case.choice.positive,
        "seed_rank": judgement.fused_ranks[seed],
        "seed_retrieval_rank": candidates.seed_rank,
        "seed_bm25_rank": candidates.bm25_ranks[seed],
        "seed_dense_rank": candidates.dense_ranks[seed],
    }


def _scores_of(judgement: Judgement, places: Iterable[int]) -> tuple[tuple[float | None, ...], ...]:
    return tuple(tuple(_at(s.scores, i) for s in judgement.scorings) for i in places)


def _at(line: Sequence[Any], i: int) -> Any:
    """What a list over the judged candidates says of one; None for one that nobody judged."""
    return line[i] if i < len(line) else None
