"""Which rows make a batch: drawn from sources by weight, mixed or from one at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sentence_transformers.base.sampler import DefaultBatchSampler
from sentence_transformers.sentence_transformer.data_collator import (
    SentenceTransformerDataCollator,
)

from fret.training.kin import NEGATIVES


@dataclass(frozen=True, slots=True)
class Drawing:
    """How batches are drawn from the rows of several sources, which lie one after the other.

    An epoch draws from each source its size times its weight; over its parts, each row comes once
    before one comes again. The last batch, where it is not full, is left out, unless it is the only
    one.
    """

    sizes: Sequence[int]
    weights: Sequence[float]
    mixed: bool
    """Whether a batch has rows of all sources, or of one at a time."""

    def count_batches(self, batch_size: int) -> int:
        """Return how many batches an epoch has."""
        draws = self._count_draws()
        n_full = sum(draws) // batch_size if self.mixed else sum(n // batch_size for n in draws)
        return max(1, n_full)

    def draw_epoch(self, batch_size: int, seed: tuple[int, int]) -> list[NDArray[np.int64]]:
        """Return the batches of an epoch, as numbers of rows."""
        rng = np.random.default_rng(seed)
        starts = np.concatenate([[0], np.cumsum(self.sizes)[:-1]]).astype(np.int64)
        drawn = [
            _draw(size, n, rng) + start
            for size, n, start in zip(self.sizes, self._count_draws(), starts, strict=True)
        ]
        if self.mixed:
            batches = _cut(rng.permutation(np.concatenate(drawn)), batch_size)
        else:
            batches = [batch for rows in drawn for batch in _cut(rows, batch_size)]
            batches = [batches[i] for i in rng.permutation(len(batches))]
        return batches or [rng.permutation(np.concatenate(drawn))]

    def _count_draws(self) -> list[int]:
        return [max(1, round(n * w)) for n, w in zip(self.sizes, self.weights, strict=True)]


def make_sampler(drawing: Drawing, n_steps: int) -> Callable[..., DefaultBatchSampler]:
    """Return what sentence-transformers calls for the batches of all steps of a training.

    To the trainer they are one epoch: where it goes on from a checkpoint with several processes, it
    does not tell a sampler which epoch it is in.
    """

    def make(dataset: Any, batch_size: int, **others: Any) -> DefaultBatchSampler:
        return _Sampler(dataset, batch_size, drawing, n_steps, seed=others["seed"])

    return make


class _Sampler(DefaultBatchSampler):
    def __init__(
        self, dataset: Any, batch_size: int, drawing: Drawing, n_steps: int, *, seed: int
    ) -> None:
        super().__init__(dataset, batch_size=batch_size, drop_last=True, seed=seed)
        self._drawing, self._n_steps = drawing, n_steps

    def __len__(self) -> int:
        return self._n_steps

    def __iter__(self) -> Iterator[list[int]]:
        return islice(self._draw(), self._n_steps)

    def _draw(self) -> Iterator[list[int]]:
        for epoch in count():
            for batch in self._drawing.draw_epoch(self.batch_size, (self.seed, epoch)):
                yield batch.tolist()


def _draw(size: int, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    rounds = [rng.permutation(size) for _ in range(-(-n // size))]
    drawn: NDArray[np.int64] = np.concatenate(rounds)[:n]
    return drawn


def _cut(rows: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    return [rows[i : i + size] for i in range(0, len(rows) - size + 1, size)]


class Collator(SentenceTransformerDataCollator):
    """As sentence-transformers' own, without columns of negatives that no row of a batch has."""

    def __call__(self, features: list[dict[str, Any]]) -> dict[str, Any]:
        names = [name for name in features[0] if name.startswith("negative")]
        empty = {name for name in names if not any(row[name] for row in features)}
        if not empty:
            return super().__call__(features)
        kept = [NEGATIVES + i for i, name in enumerate(names) if name not in empty]
        fewer = [
            {name: value for name, value in row.items() if name not in empty}
            | {"label": [row["label"][i] for i in (*range(NEGATIVES), *kept)]}
            for row in features
        ]
        return super().__call__(fewer)
