"""Groups of passages that are near in meaning, by k-means over their embeddings."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def cluster_vectors(
    take: Any, n_rows: int, *, sample: Sequence[int], n_clusters: int, seed: int
) -> NDArray[np.int32]:
    """Return the number of the nearest of `n_clusters` centres for each row.

    The centres are found by mini-batch k-means (Sculley 2010) from a sample, so memory grows with
    the sample alone; vectors have length one, so near is by cosine.

    Args:
        take: returns the vectors of a list of rows, as float32 of shape (rows, dimensions).
        sample: rows from which the centres are found.
    """
    from sklearn.cluster import MiniBatchKMeans

    n_clusters = min(n_clusters, len(sample))
    means = MiniBatchKMeans(n_clusters, random_state=seed, n_init=3, batch_size=4096)
    means.fit(np.asarray(take(list(sample)), np.float32))
    found = np.zeros(n_rows, np.int32)
    for rows in _blocks(n_rows):
        found[rows] = means.predict(np.asarray(take(rows), np.float32))
    return found


def _blocks(n_rows: int, size: int = 10_000) -> Iterable[list[int]]:
    return (list(range(i, min(i + size, n_rows))) for i in range(0, n_rows, size))
