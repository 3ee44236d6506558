"""From values by query to figures and differences with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fret.evaluation.collection import PairSet
from fret.evaluation.metrics import METRICS, SPEARMAN, measure_spearman
from fret.evaluation.results import Difference, Figure, ModelResult
from fret.evaluation.statistics import (
    TIE,
    Values,
    draw_means,
    draw_spearman,
    find_interval,
    find_p,
    flip_signs,
)

_LEAST_QUERIES = 2


@dataclass
class Compared:
    """Values of all models on one data set, or on several together.

    Args:
        names: the rows that have values.
        columns: the measures.
        values: of shape (models, measures).
        draws: bootstrap draws of them, of shape (draws, models, measures).
        flipped: means of differences to the baseline with random signs, likewise; None where a
            test of means has no sense.
        by_query: of shape (models, queries, measures).
    """

    names: Sequence[str]
    columns: Sequence[str]
    baseline: str
    values: Values
    draws: Values
    flipped: Values | None
    by_query: Values

    def results(self, tops: Mapping[str, Sequence[Sequence[str]]]) -> list[ModelResult]:
        """Return the figures of each row."""
        return [self._result(i, tops.get(name, ())) for i, name in enumerate(self.names)]

    def _result(self, model: int, top: Sequence[Sequence[str]]) -> ModelResult:
        name = self.names[model]
        figures = {
            column: Figure(_round(self.values[model, j]), self._interval(self.draws[:, model, j]))
            for j, column in enumerate(self.columns)
        }
        differences = {}
        if name != self.baseline:
            differences = {
                column: self._difference(model, j) for j, column in enumerate(self.columns)
            }
        values = {
            column: [float(v) for v in np.round(self.by_query[model, :, j], 6)]
            for j, column in enumerate(self.columns)
        }
        return ModelResult(name, figures, differences, values, top)

    @cached_property
    def _base(self) -> int:
        return self.names.index(self.baseline)

    def _difference(self, model: int, column: int) -> Difference:
        base = self._base
        value = float(self.values[model, column] - self.values[base, column])
        draws = self.draws[:, model, column] - self.draws[:, base, column]
        if self.flipped is None:
            return Difference(_round(value), self._interval(draws), None, 0, 0, 0)
        by_query = self.by_query[model, :, column] - self.by_query[base, :, column]
        wins, losses = int((by_query > TIE).sum()), int((by_query < -TIE).sum())
        p = find_p(value, self.flipped[:, model, column])
        ties = len(by_query) - wins - losses
        return Difference(_round(value), self._interval(draws), round(p, 5), wins, losses, ties)

    def _interval(self, draws: Values) -> tuple[float, float] | None:
        if self.by_query.shape[1] < _LEAST_QUERIES:
            return None
        found = find_interval(draws)
        return (round(found[0], 6), round(found[1], 6)) if found else None


def compare_rankings(values: Mapping[str, Values], baseline: str, *, seed: int) -> Compared:
    """Compare models by their values of each query.

    Args:
        values: by row, of shape (queries, measures).
    """
    stacked = np.stack(list(values.values()))
    n_models, n_queries, n_columns = stacked.shape
    flat = stacked.transpose(1, 0, 2).reshape(n_queries, -1)
    differences = (stacked - values[baseline]).transpose(1, 0, 2).reshape(n_queries, -1)
    shape = (-1, n_models, n_columns)
    return Compared(
        names=list(values),
        columns=METRICS,
        baseline=baseline,
        values=stacked.mean(axis=1),
        draws=draw_means(flat, seed=seed).reshape(shape),
        flipped=flip_signs(differences, seed=seed).reshape(shape),
        by_query=stacked,
    )


def compare_pairs(
    cosines: Mapping[str, NDArray[np.float64]], pairs: PairSet, baseline: str, *, seed: int
) -> Compared:
    """Compare models by how their cosines correlate with people's scores."""
    draws = [draw_spearman(each, pairs.scores, seed=seed) for each in cosines.values()]
    return Compared(
        names=list(cosines),
        columns=[SPEARMAN],
        baseline=baseline if baseline in cosines else next(iter(cosines)),
        values=np.array([[measure_spearman(each, pairs.scores)] for each in cosines.values()]),
        draws=np.stack(draws, axis=1)[:, :, None],
        flipped=None,
        by_query=np.stack(list(cosines.values()))[:, :, None],
    )


def compare_means(parts: Sequence[Compared]) -> Compared:
    """Compare models by the mean over data sets, each counting the same; draws are within each."""
    first = parts[0]
    flipped = [part.flipped for part in parts if part.flipped is not None]
    return Compared(
        names=first.names,
        columns=first.columns,
        baseline=first.baseline,
        values=np.mean([part.values for part in parts], axis=0),
        draws=np.mean([part.draws for part in parts], axis=0),
        flipped=np.mean(flipped, axis=0) if flipped else None,
        by_query=np.concatenate([part.by_query for part in parts], axis=1),
    )


def _round(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)
