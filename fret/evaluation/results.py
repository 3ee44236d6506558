"""What an evaluation found: figures, intervals, differences, and the rankings behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

Kind = Literal["retrieval", "sts"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over queries (of STS: a correlation over pairs), or a mean of such over data sets."""

    value: float | None
    """None where it is not defined."""
    interval: tuple[float, float] | None
    """95 %; None for fewer than two queries."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more a model has than the baseline, on the same queries."""

    value: float | None
    interval: tuple[float, float] | None
    p: float | None
    """Two-sided; None for correlations, which are no means over queries."""
    wins: int
    """Queries on which the model has more than the baseline."""
    losses: int
    ties: int


@dataclass(frozen=True, slots=True)
class ModelResult:
    """One row on one data set, or over several."""

    model: str
    figures: Mapping[str, Figure]
    """By measure: ndcg@10, recall@1, recall@5, recall@20, recall@100, mrr@10, map; or spearman."""
    differences: Mapping[str, Difference]
    """By measure; none for the baseline."""
    by_query: Mapping[str, Sequence[float]]
    """By measure, in the order of the data set's queries; of STS the cosine of each pair."""
    top: Sequence[Sequence[str]] = ()
    """Ids of the first ten passages for each query."""


@dataclass(frozen=True, slots=True)
class DataResult:
    """All models on one data set."""

    name: str
    kind: Kind
    n_passages: int
    n_queries: int
    """Queries, or pairs of texts."""
    notes: Sequence[str]
    """What the reader should know of the data, in sentences."""
    baseline: str
    """The evaluation's, or the first row where that has no values here (BM25 on pairs)."""
    models: Sequence[ModelResult]
    query_ids: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class MeanResult:
    """The mean over data sets of one kind, each counting the same."""

    kind: Kind
    names: Sequence[str]
    baseline: str
    models: Sequence[ModelResult]


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage in a ranking."""

    id: str
    title: str
    text: str
    grade: int
    """0 where nobody judged it relevant."""


@dataclass(frozen=True, slots=True)
class ShownQuery:
    """A query on which a model differs from the baseline, or does badly where there is none."""

    data: str
    query_id: str
    query: str
    model: str
    value: float
    """Its ndcg@10."""
    baseline: float | None
    """The baseline's; None where the model is alone."""
    tops: Mapping[str, Sequence[Passage]]
    """First passages by model."""
    relevant: Sequence[Passage]
    """Relevant passages, the highest grades first."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Models side by side. `to_json` gives all of it, `write` puts it in a folder."""

    models: Mapping[str, Mapping[str, Any]]
    """By row: what made it (model, prompts, formats, precision, size)."""
    baseline: str
    data: Sequence[DataResult]
    means: Sequence[MeanResult]
    """One for each kind of which there are several data sets."""
    settings: Mapping[str, Any]
    """Draws, seed, and versions of libraries."""
    shown: Sequence[ShownQuery] = ()

    def find(self, model: str, data: str | None = None) -> Mapping[str, Figure]:
        """Return the figures of a row on a data set; of the mean, where none is named.

        Raises:
            KeyError: there is no such row or data set.
        """
        results: Sequence[DataResult | MeanResult] = self.data
        if data is not None:
            results = [each for each in self.data if each.name == data]
        elif self.means:
            results = self.means
        for result in results:
            for each in result.models:
                if each.model == model:
                    return each.figures
        raise KeyError(model if data is None else (model, data))

    def to_json(self) -> dict[str, Any]:
        """Return everything as what JSON can hold, values of single queries included."""
        found: dict[str, Any] = asdict(self)
        return found

    def write(self, folder: str | Path) -> list[Path]:
        """Write evaluation.json, evaluation.md, and the picture as PNG and SVG; return the paths.

        Raises:
            StoreError: the folder cannot be written.
        """
        from fret.evaluation.written import write_all

        return write_all(self, Path(folder))
