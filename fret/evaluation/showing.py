"""The queries to look at: where a model wins or loses most, with what it and the baseline found."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fret.evaluation.collection import Collection
from fret.evaluation.metrics import Rankings
from fret.evaluation.results import Passage, ShownQuery
from fret.evaluation.statistics import TIE

_PASSAGES = 3


def show_queries(
    data: Collection,
    values: Mapping[str, NDArray[np.float64]],
    top: Mapping[str, Rankings],
    *,
    baseline: str,
    n: int,
) -> list[ShownQuery]:
    """Return for each model its n largest wins and n largest losses; of one alone, its n lowest.

    Args:
        values: nDCG@10 of each query, by row.
        top: rows of the first passages of each query, by row.
    """
    if len(values) == 1:
        lowest = np.argsort(values[baseline], kind="stable")[:n].tolist()
        return [_show(data, query, baseline, values, top, None) for query in lowest]
    shown = []
    for name, each in values.items():
        if name != baseline:
            queries = _find_extremes(each - values[baseline], n)
            shown += [_show(data, query, name, values, top, baseline) for query in queries]
    return shown


def _find_extremes(differences: NDArray[np.float64], n: int) -> list[int]:
    order = np.argsort(-differences, kind="stable")
    wins = [i for i in order[:n].tolist() if differences[i] > TIE]
    losses = [i for i in order[::-1][:n].tolist() if differences[i] < -TIE]
    return wins + losses


def _show(
    data: Collection,
    query: int,
    model: str,
    values: Mapping[str, NDArray[np.float64]],
    top: Mapping[str, Rankings],
    baseline: str | None,
) -> ShownQuery:
    relevant = data.relevant[query]
    grades = dict(zip(relevant.rows.tolist(), relevant.grades.tolist(), strict=True))
    best = sorted(grades, key=lambda row: (-grades[row], row))[:_PASSAGES]
    tops = {
        name: _describe(data, top[name][query, :_PASSAGES].tolist(), grades)
        for name in dict.fromkeys([model, baseline or model])
    }
    return ShownQuery(
        data=data.name,
        query_id=data.query_ids[query],
        query=data.queries[query][1],
        model=model,
        value=float(values[model][query]),
        baseline=None if baseline is None else float(values[baseline][query]),
        tops=tops,
        relevant=_describe(data, best, grades),
    )


def _describe(data: Collection, rows: Sequence[int], grades: Mapping[int, int]) -> list[Passage]:
    return [
        Passage(data.passage_ids[row], *data.passages[row], grades.get(row, 0))
        for row in rows
        if row >= 0
    ]
