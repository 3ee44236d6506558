"""Which rows make a batch: drawn from sources by weight, mixed or from one at a time."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sentence_transformers.base.sampler import DefaultBatchSampler
from sentence_transformers.sentence_transformer.data_collator import (
    SentenceTransformerDataCollator,
)

from fret.training.kin import NEGATIVES


def make_sampler(
    sizes: Sequence[int], weights: Sequence[float], *, mixed: bool
) -> Callable[..., DefaultBatchSampler]:
    """Return what sentence-transformers calls for the batches of an epoch.

    An epoch draws from each source its size times its weight; over its parts, each row comes once
    before one comes again. The last batch, where it is not full, is left out, unless it is the only
    one.
    """

    def make(dataset: Any, batch_size: int, **others: Any) -> DefaultBatchSampler:
        return _Sampler(dataset, batch_size, sizes, weights, mixed=mixed, seed=others["seed"])

    return make


class _Sampler(DefaultBatchSampler):
    def __init__(
        self,
        dataset: Any,
        batch_size: int,
        sizes: Sequence[int],
        weights: Sequence[float],
        *,
        mixed: bool,
        seed: int,
    ) -> None:
        super().__init__(dataset, batch_size=batch_size, drop_last=True, seed=seed)
        self._sizes, self._mixed = sizes, mixed
        self._draws = [max(1, round(n * w)) for n, w in zip(sizes, weights, strict=True)]
        self._starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)

    def __len__(self) -> int:
        if self._mixed:
            return max(1, sum(self._draws) // self.batch_size)
        return max(1, sum(n // self.batch_size for n in self._draws))

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng((self.seed, self.epoch))
        drawn = [self._draw(source, rng) for source in range(len(self._sizes))]
        if self._mixed:
            batches = _cut(rng.permutation(np.concatenate(drawn)), self.batch_size)
        else:
            batches = [batch for rows in drawn for batch in _cut(rows, self.batch_size)]
            batches = [batches[i] for i in rng.permutation(len(batches))]
        if not batches:
            batches = [rng.permutation(np.concatenate(drawn))]
        yield from (batch.tolist() for batch in batches)

    def _draw(self, source: int, rng: np.random.Generator) -> NDArray[np.int64]:
        size, n = self._sizes[source], self._draws[source]
        rounds = [rng.permutation(size) for _ in range(-(-n // size))]
        start: int = self._starts[source]
        return np.concatenate(rounds)[:n] + start


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
