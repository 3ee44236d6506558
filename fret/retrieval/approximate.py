"""Indexes that find most of the nearest vectors without looking at all: IVF and HNSW, by FAISS.

IVF puts vectors into cells around the centres of k-means and looks through the cells nearest to a
query (Jégou et al. 2011); HNSW walks a graph of neighbours (Malkov & Yashunin 2018, arXiv
1603.09320). Both hold vectors as float16. What they find is ranked exactly by the caller.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fret.errors import StoreError

VERSION = 1
"""Raised when the same vectors give another index."""

# As FAISS advises: about 4 * sqrt(n) cells, 39 to 256 vectors of the sample for each.
_CELLS_PER_ROOT = 4
_SAMPLE_PER_CELL = 64
_FEWEST_PER_CELL = 39
_NEIGHBOURS = 32
_BUILDING_WIDTH = 200
_NUMBERS_PER_BLOCK = 64_000_000


def build_index(vectors: NDArray[np.float16], path: Path, *, kind: str, seed: int) -> None:
    """Build an index of vectors and write it to a file.

    Memory: one block of 256 MB and the index, which is of 2 bytes for each number of the vectors,
    and 256 more for each vector where it is of HNSW.

    Args:
        vectors: of shape (rows, dimensions), at least one row.
        kind: `ivf` or `hnsw`.
    """
    import faiss

    index = _make_ivf(vectors, seed) if kind == "ivf" else _make_hnsw(vectors)
    step = max(1, _NUMBERS_PER_BLOCK // vectors.shape[1])
    for start in range(0, len(vectors), step):
        index.add(vectors[start : start + step].astype(np.float32))
    faiss.write_index(index, str(path))


def _make_ivf(vectors: NDArray[np.float16], seed: int) -> Any:
    import faiss

    n, width = vectors.shape
    n_cells = max(1, min(round(_CELLS_PER_ROOT * n**0.5), n // _FEWEST_PER_CELL))
    centres = faiss.IndexFlatIP(width)
    index = faiss.IndexIVFScalarQuantizer(
        centres, width, n_cells, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT, False
    )
    index.cp.seed = seed % 2**31
    index.cp.min_points_per_centroid = 1  # fewer than it likes: it would write to the terminal
    n_sample = min(n, n_cells * _SAMPLE_PER_CELL)
    rows = np.sort(np.random.default_rng(seed).choice(n, n_sample, replace=False))
    index.train(vectors[rows].astype(np.float32))
    return index


def _make_hnsw(vectors: NDArray[np.float16]) -> Any:
    import faiss

    kept, metric = faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    index = faiss.IndexHNSWSQ(vectors.shape[1], kept, _NEIGHBOURS, metric)
    index.hnsw.efConstruction = _BUILDING_WIDTH
    index.train(vectors[:1].astype(np.float32))  # float16 has nothing to learn
    return index


class SavedIndex:
    """An index that `build_index` wrote, mapped into memory.

    Args:
        width: ivf: cells looked through; hnsw: passages held in mind, at least as many as wanted.

    Raises:
        StoreError: the file is damaged, or of other vectors.
    """

    def __init__(self, path: Path, *, shape: tuple[int, int], width: int) -> None:
        import faiss

        try:
            self._index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError as error:
            raise StoreError(
                f"{path} is damaged or cannot be read: {str(error)[-200:]}. "
                "Remove it; it is made again."
            ) from error
        if (self._index.ntotal, self._index.d) != shape:
            raise StoreError(
                f"{path} is of {self._index.ntotal} vectors of {self._index.d} numbers, the "
                f"passages have {shape[0]} of {shape[1]}. Remove it; it is made again."
            )
        self._width = width

    def find(self, queries: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """Return k rows for each query, in any order; -1 where fewer were found."""
        import faiss

        if isinstance(self._index, faiss.IndexIVF):
            how = faiss.SearchParametersIVF(nprobe=self._width)
        else:
            how = faiss.SearchParametersHNSW(efSearch=max(self._width, k))
        rows: NDArray[np.int64] = self._index.search(queries, k, params=how)[1]
        return rows
