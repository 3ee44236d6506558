"""How well retrievers find the passages that queries were written from."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from fret.checks.measures import OTHERS, find_largest
from fret.records import Candidates, Query

# Where recall of the seed is measured.
_DEPTHS = (1, 5, 20, 100)


def measure_round_trip(rows: Iterable[tuple[Query, Candidates]]) -> dict[str, Any]:
    """Measure how well the retrievers find the seeds: over all, per task type and per language.

    `seed_recall` is the share of queries whose seed is within the first 1, 5, 20 and 100
    (round-trip consistency, Alberti et al. 2019; Promptagator's filter keeps what is at 1); a
    retriever whose pool is smaller finds nothing beyond it. `easiness` is the share where BM25 puts
    the seed first: such queries teach little (NeMo Curator's easiness filter). What
    `checks.round_trip` dropped is not among them. Of task types the 20 largest have figures of
    their own. `pool_overlap` is the mean share of what the retrievers found that both found, over
    all queries; None where there is one retriever.
    """
    overlaps = _Mean()
    found: dict[tuple[str, str], _SeedRanks] = {("", ""): _SeedRanks()}
    for query, record in rows:
        overlaps.add(record.pool_overlap)
        if record.seed_id is None:
            continue
        ranks = _ranks_of_seed(record)
        groups = (("", ""), ("task_types", query.task_type), ("languages", query.language))
        for group in groups:
            found.setdefault(group, _SeedRanks()).add(ranks)
    everything = found.pop(("", ""))
    by: dict[str, dict[str, _SeedRanks]] = {"task_types": {}, "languages": {}}
    types = {name: ranks.n for (kind, name), ranks in found.items() if kind == "task_types"}
    largest = frozenset(find_largest(types))
    for (kind, name), ranks_of_group in sorted(found.items()):
        small = kind == "task_types" and name not in largest
        by[kind].setdefault(OTHERS if small else name, _SeedRanks()).merge(ranks_of_group)
    sums = {kind: {name: g.sum_up() for name, g in groups.items()} for kind, groups in by.items()}
    return {**everything.sum_up(), "seed_recall_by": sums, "pool_overlap": overlaps.value}


class _Mean:
    """The mean of what is there."""

    def __init__(self) -> None:
        self._n, self._sum = 0, 0.0

    def add(self, value: float | None) -> None:
        if value is not None:
            self._n, self._sum = self._n + 1, self._sum + value

    @property
    def value(self) -> float | None:
        return round(self._sum / self._n, 4) if self._n else None


def _ranks_of_seed(record: Candidates) -> dict[str, int | None]:
    place = record.passage_ids.index(record.seed_id or "")
    return {
        "bm25": record.bm25_ranks[place],
        "dense": record.dense_ranks[place],
        "fused": record.seed_rank,
    }


class _SeedRanks:
    """How many seeds are within each depth, per retriever."""

    def __init__(self) -> None:
        self.n = 0
        self._used: set[str] = set()
        self._within: Counter[tuple[str, int]] = Counter()

    def add(self, ranks: Mapping[str, int | None]) -> None:
        self.n += 1
        for name, rank in ranks.items():
            if rank is not None:
                self._used.add(name)
                self._within.update((name, depth) for depth in _DEPTHS if rank <= depth)

    def merge(self, other: "_SeedRanks") -> None:
        self.n += other.n
        self._used |= other._used
        self._within.update(other._within)

    def sum_up(self) -> dict[str, Any]:
        names = [name for name in ("bm25", "dense", "fused") if name in self._used]
        recall = {
            name: {f"@{depth}": round(self._within[name, depth] / self.n, 4) for depth in _DEPTHS}
            for name in names
        }
        easiness = recall["bm25"]["@1"] if "bm25" in recall else None
        return {"n_seeded": self.n, "seed_recall": recall, "easiness": easiness}
