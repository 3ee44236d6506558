"""`fret.evaluate`: models on data sets, side by side. The flow; start reading here."""

from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fret.errors import UserError
from fret.evaluation.collection import Collection, PairSet
from fret.evaluation.compare import Compared, compare_means, compare_pairs, compare_rankings
from fret.evaluation.dense_model import DenseModel
from fret.evaluation.find_data import read_data
from fret.evaluation.find_models import ModelName, find_models
from fret.evaluation.metrics import METRICS, NDCG, Rankings, measure_rankings
from fret.evaluation.options import Observer, Options, Silent
from fret.evaluation.results import DataResult, Evaluation, Kind, MeanResult, ShownQuery
from fret.evaluation.showing import show_queries
from fret.evaluation.statistics import DRAWS
from fret.evaluation.word_model import WordModel
from fret.retrieval.encode import forget_models

_TOP = 10

_DEFAULT = Options()

Data = Collection | PairSet
Model = WordModel | DenseModel


def evaluate(
    models: Sequence[ModelName] | Mapping[str, ModelName] | ModelName,
    data: Sequence[str | Path] | str | Path,
    *,
    options: Options = _DEFAULT,
    show: int = 0,
    observer: Observer | None = None,
) -> Evaluation:
    """Measure models on data sets, and how sure the differences between them are.

    Everything is found, read and checked before anything is encoded.

    Args:
        models: folders and Hub names of sentence-transformers models, such models in memory, and
            `bm25`; or a mapping to them from what to call them.
        data: BEIR folders, folders or Hub names of data sets in MTEB's layout (as fret's own),
            files of pairs (STS), names of MTEB's tasks.
        show: of how many queries on either side the first passages are in `shown`.
        observer: who is told how far it is.

    Raises:
        UserError: something of that is not there, or not what it should be.
        StageError: a model gave something else than numbers.
    """
    observer = observer or Silent()
    sets = _read_all(_as_list(data), options, observer)
    named = models if isinstance(models, Mapping) else _as_list(models)
    found = find_models(named, options, observer)
    rows = [name for model in found for name in model.names]
    baseline = _find_baseline(options.baseline, rows)
    if not any(isinstance(each, Collection) for each in sets):
        _refuse_words_alone(found)
    described: dict[str, dict[str, Any]] = {}
    work = [_Work(each, baseline, options.seed + i) for i, each in enumerate(sets)]
    for model in found:
        for each in work:
            each.add(model)
        described |= zip(model.names, model.describe(), strict=True)
        forget_models()
    compared = [each.compare() for each in work]
    return Evaluation(
        models=described,
        baseline=baseline,
        data=[each.result(part) for each, part in zip(work, compared, strict=True)],
        means=_find_means(work, compared),
        settings=_list_settings(options),
        shown=[query for each in work for query in each.show(show)],
    )


class _Work:
    """What models found on one data set."""

    def __init__(self, data: Data, baseline: str, seed: int) -> None:
        self.data, self._baseline, self._seed = data, baseline, seed
        self._values: dict[str, NDArray[np.float64]] = {}
        self._top: dict[str, Rankings] = {}

    def add(self, model: Model) -> None:
        """Let a model do its work."""
        if isinstance(self.data, Collection):
            rankings = model.rank(self.data)
            for name, found in zip(model.names, rankings, strict=True):
                self._values[name] = measure_rankings(found, self.data.relevant)
                self._top[name] = found[:, :_TOP].copy()
        elif isinstance(model, DenseModel):
            self._values |= zip(model.names, model.compare(self.data), strict=True)

    def compare(self) -> Compared:
        if isinstance(self.data, PairSet):
            return compare_pairs(self._values, self.data, self._baseline, seed=self._seed)
        return compare_rankings(self._values, self._baseline, seed=self._seed)

    def result(self, compared: Compared) -> DataResult:
        data, models = self.data, compared.results(self._name_top())
        about: dict[str, Any] = {
            "name": data.name,
            "notes": data.notes,
            "baseline": compared.baseline,
        }
        if isinstance(data, PairSet):
            n = len(data.pairs)
            return DataResult(kind="sts", n_passages=0, n_queries=n, models=models, **about)
        return DataResult(
            kind="retrieval",
            n_passages=len(data.passages),
            n_queries=len(data.queries),
            query_ids=data.query_ids,
            models=models,
            **about,
        )

    def show(self, n: int) -> list[ShownQuery]:
        if isinstance(self.data, PairSet) or not n:
            return []
        column = METRICS.index(NDCG)
        values = {name: each[:, column] for name, each in self._values.items()}
        return show_queries(self.data, values, self._top, baseline=self._baseline, n=n)

    def _name_top(self) -> Mapping[str, list[list[str]]]:
        data = self.data
        if isinstance(data, PairSet):
            return {}
        return {
            name: [[data.passage_ids[row] for row in line if row >= 0] for line in found.tolist()]
            for name, found in self._top.items()
        }


def _as_list(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list | tuple) else [given]


def _read_all(names: Sequence[str | Path], options: Options, observer: Observer) -> list[Data]:
    if not names:
        raise UserError("Name what to evaluate on: a folder with corpus, queries and judgements.")
    sets = [read_data(str(name), split=options.split) for name in names]
    sets = _give_names(sets, [str(name) for name in names])
    for each in sets:
        options.check_tasks(each)
        for note in options.find_notes(each):
            observer.warned(f"{each.name}: {note}")
    return sets


def _give_names(sets: Sequence[Data], names: Sequence[str]) -> list[Data]:
    """Call each by its own name where that is no other's, else by what the user wrote."""
    from dataclasses import replace

    seen = Counter(each.name for each in sets)
    for name, n in Counter(names).items():
        if n > 1:
            raise UserError(f"The data {name} is named twice. Name each once.")
    return [
        each if seen[each.name] == 1 else replace(each, name=name)
        for each, name in zip(sets, names, strict=True)
    ]


def _find_baseline(wanted: str | None, rows: Sequence[str]) -> str:
    if wanted is None:
        return rows[0]
    matching = [row for row in rows if row == wanted] or [
        row for row in rows if row == wanted.rstrip("/").rpartition("/")[2]
    ]
    if not matching:
        raise UserError(f"The baseline {wanted} is none of the rows: {', '.join(rows)}.")
    return matching[0]


def _refuse_words_alone(models: Sequence[Model]) -> None:
    if all(isinstance(model, WordModel) for model in models):
        raise UserError("BM25 gives no similarity of two texts. Name an embedding model for STS.")


def _find_means(work: Sequence[_Work], compared: Sequence[Compared]) -> list[MeanResult]:
    means = []
    for is_pairs in (False, True):
        parts = [
            (each.data.name, part)
            for each, part in zip(work, compared, strict=True)
            if isinstance(each.data, PairSet) == is_pairs
        ]
        if len(parts) > 1:
            mean = compare_means([part for _, part in parts])
            results = [_without_queries(each) for each in mean.results({})]
            names = [name for name, _ in parts]
            kind: Kind = "sts" if is_pairs else "retrieval"
            means.append(MeanResult(kind, names, mean.baseline, results))
    return means


def _without_queries(result: Any) -> Any:
    from dataclasses import replace

    return replace(result, by_query={})


def _list_settings(options: Options) -> dict[str, Any]:
    libraries = ("fret", "sentence-transformers", "transformers", "torch", "bm25s", "numpy")
    return {
        "draws": DRAWS,
        "seed": options.seed,
        "split": options.split,
        "task": options.task,
        "versions": {name: version(name) for name in libraries},
    }
