"""Figures over finished examples: how far positives moved, how hard the negatives are."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fret.records import Example

# Negatives nearly as similar as the positive are often relevant (NV-Retriever); far ones teach
# little.
_TOO_HARD, _TOO_EASY = 0.95, 0.5


def measure_examples(rows: Iterable[Example]) -> dict[str, Any]:
    """Count examples by split, type, language and what else says how good they may be."""
    figures = _Figures()
    for example in rows:
        figures.add(example)
    return figures.sum_up()


class _Figures:
    def __init__(self) -> None:
        self.splits: Counter[str] = Counter()
        self.types: Counter[str] = Counter()
        self.languages: Counter[str] = Counter()
        self.seeded: Counter[str] = Counter()
        self.moved: Counter[str] = Counter()
        self.rules: Counter[str] = Counter()
        self.picks: Counter[str] = Counter()
        self.seed_ranks: Counter[str] = Counter()
        self.negatives: Counter[str] = Counter()
        self.graded = self.with_extra = self.n_extra = 0
        self.hardness: Counter[float] = Counter()
        self.too_hard = self.too_easy = 0
        self.relevant: Counter[int] = Counter()
        self.refused: Counter[str] = Counter()

    def add(self, example: Example) -> None:
        self.splits[example.split] += 1
        self.types[example.task_type] += 1
        self.languages[example.language] += 1
        self.rules[example.positive_rule] += 1
        self.picks.update(example.negative_picks)
        if example.positive_is_seed is not None:
            self.seeded[example.task_type] += 1
            self.moved[example.task_type] += not example.positive_is_seed
            rank = example.seed_retrieval_rank
            self.seed_ranks["deeper" if rank is None or rank > 20 else str(rank)] += 1
        self.negatives[str(len(example.negatives))] += 1
        for share in shares_of_positive(example):
            self.hardness[min(max(int(share * 10), 0), 10) / 10] += 1
            self.too_hard += share > _TOO_HARD
            self.too_easy += share < _TOO_EASY
        if example.n_relevant is not None:
            self.graded += 1
            self.relevant[example.n_relevant] += 1
        self.with_extra += bool(example.extra_positives)
        self.n_extra += len(example.extra_positives)
        self.refused.update(example.refused_reasons)

    def sum_up(self) -> dict[str, Any]:
        n_seeded, n_compared = self.seeded.total(), self.hardness.total()
        return {
            "splits": _sorted(self.splits),
            "task_types": _sorted(self.types),
            "languages": _sorted(self.languages),
            "positive_is_not_seed": _share(self.moved.total(), n_seeded),
            "positive_is_not_seed_by_task_type": {
                kind: _share(self.moved[kind], n) for kind, n in sorted(self.seeded.items())
            },
            "positive_rules": _sorted(self.rules),
            "seed_ranks": {
                rank: self.seed_ranks[rank]
                for rank in (*map(str, range(1, 21)), "deeper")
                if rank in self.seed_ranks
            },
            "picks": _sorted(self.picks),
            "negatives": _sorted(self.negatives),
            "hardness": {
                "of": n_compared,
                "by_share_of_positive": {str(low): n for low, n in sorted(self.hardness.items())},
                f"over_{_TOO_HARD}": _share(self.too_hard, n_compared),
                f"under_{_TOO_EASY}": _share(self.too_easy, n_compared),
            },
            "relevant_candidates": {str(n): count for n, count in sorted(self.relevant.items())},
            "with_extra_positives": _share(self.with_extra, self.graded),
            "extra_positives": self.n_extra,
            "refused": _sorted(self.refused),
        }


def shares_of_positive(example: Example) -> Iterator[float]:
    """Yield each negative's similarity to the query as a share of the positive's."""
    positive = example.positive_similarity
    if positive is not None and positive > 0:
        for similarity in example.negative_similarities:
            if similarity is not None:
                yield similarity / positive


def _share(n: int, of: int) -> float | None:
    return round(n / of, 4) if of else None


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))
