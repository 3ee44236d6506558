"""How far scorers agree, from the judgements alone."""

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from fret.records import Judgement, Scoring
from fret.scorers import SKIPPED


def correlate(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Return Kendall's tau-b of two lists of scores, which allows for ties (Kendall 1945).

    tau-b = (concordant - discordant pairs) / sqrt(pairs not tied in one * pairs not tied in the
    other); None where one of the lists is all one value.
    """
    signs = []
    for scores in (first, second):
        values = np.asarray(scores, dtype=np.float64)
        signs.append(np.sign(values[:, None] - values[None, :]))
    n_first, n_second = (float(np.abs(sign).sum()) for sign in signs)
    if not n_first or not n_second:
        return None
    return float((signs[0] * signs[1]).sum()) / math.sqrt(n_first * n_second)


def agree_on_first(first: Scoring, second: Scoring) -> float:
    """Return the probability that both name the same favourite, drawn among their equals."""
    ones, others = (
        {i for i, rank in enumerate(scoring.ranks) if rank == 1} for scoring in (first, second)
    )
    return len(ones & others) / (len(ones) * len(others)) if ones and others else 0.0


class Agreement:
    """Means over queries, for each pair of scorers."""

    def __init__(self) -> None:
        self._taus: dict[str, list[float]] = defaultdict(list)
        self._firsts: dict[str, list[float]] = defaultdict(list)

    def add(self, judgement: Judgement) -> None:
        scorings = [s for s in judgement.scorings if any(r is not None for r in s.ranks)]
        for first, second in itertools.combinations(scorings, 2):
            name = f"{first.scorer} & {second.scorer}"
            pairs = zip(first.scores, second.scores, strict=True)
            both = [(a, b) for a, b in pairs if a is not None and b is not None]
            tau = correlate([a for a, _ in both], [b for _, b in both])
            if tau is not None:
                self._taus[name].append(tau)
            self._firsts[name].append(agree_on_first(first, second))

    def means(self) -> dict[str, dict[str, float | None]]:
        """Return for each pair the mean tau-b and the share of queries with one favourite.

        The mean is over the queries for which tau-b is defined; None for none.
        """
        return {
            name: {
                "tau_b": _mean(self._taus[name]),
                "same_first": _mean(firsts),
            }
            for name, firsts in self._firsts.items()
        }


class Fallbacks:
    """In how many queries each scorer scored a candidate in another way than the proper one."""

    def __init__(self) -> None:
        self.n = self.n_stopped = 0
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)

    def add(self, judgement: Judgement) -> None:
        self.n += 1
        is_skipped = [set(s.fallbacks) == {SKIPPED.fallback} for s in judgement.scorings]
        self.n_stopped += any(is_skipped)
        for scoring, skipped in zip(judgement.scorings, is_skipped, strict=True):
            # Of "bounded labels: 2,3" the kind; of "failed: refused" all, which is its reason.
            kinds = {f.removeprefix("failed: ").partition(":")[0] for f in scoring.fallbacks if f}
            if not skipped:
                self._counts[scoring.scorer].update(kinds)

    def shares(self) -> dict[str, dict[str, float]]:
        """Return by scorer and kind the share of queries."""
        return {
            name: {kind: round(n / self.n, 4) for kind, n in sorted(counts.items())}
            for name, counts in self._counts.items()
            if counts
        }


def measure_judgements(rows: Iterable[tuple[int, Judgement]]) -> dict[str, object]:
    """Return the figures of the stage judgements for its manifest.

    Args:
        rows: judgements, each with the number of candidates that are judged in any case.
    """
    agreement, fallbacks = Agreement(), Fallbacks()
    n_seeded = n_seed_best = n_deeper = 0
    for n_top, judgement in rows:
        agreement.add(judgement)
        fallbacks.add(judgement)
        n_deeper += len(judgement.passage_ids) > n_top
        if judgement.seed_id is not None:
            n_seeded += 1
            best = judgement.passage_ids[judgement.fused_ranks.index(1)]
            n_seed_best += best == judgement.seed_id
    if not fallbacks.n:
        return {}
    return {
        "pairs": agreement.means(),
        "seed_is_best": round(n_seed_best / n_seeded, 4) if n_seeded else None,
        "stopped_early": round(fallbacks.n_stopped / fallbacks.n, 4),
        "went_deeper": round(n_deeper / fallbacks.n, 4),
        "fallbacks": fallbacks.shares(),
    }


def _mean(values: Sequence[float]) -> float | None:
    return round(math.fsum(values) / len(values), 4) if values else None
