"""The best of one block of vectors for many queries: FAISS on the processor, torch on a GPU."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]
Rows = NDArray[np.int64]
Block = NDArray[np.float16] | NDArray[np.float32]


def best_of_block(queries: Scores, block: Block, k: int, *, device: str) -> tuple[Scores, Rows]:
    """Return the k highest dot products of each query and their rows in the block, best first.

    Fewer where the block is smaller. Which of equal ones is found is not defined.

    Args:
        queries: of shape (queries, dimensions).
        block: of shape (rows, dimensions).
    """
    k = min(k, len(block))
    if device == "cpu":
        import faiss

        found = faiss.knn(queries, widen(block), k, metric=faiss.METRIC_INNER_PRODUCT)
        return found[0], found[1]
    top = _multiply(queries, block, device).topk(k, dim=1)
    return top.values.cpu().numpy(), top.indices.cpu().numpy()


def score_block(queries: Scores, block: Block, *, device: str) -> Scores:
    """Return all dot products, of shape (queries, rows)."""
    if device == "cpu":
        return queries @ widen(block).T
    scores: Scores = _multiply(queries, block, device).cpu().numpy()
    return scores


def multiply_rows(vectors: NDArray[np.float16], queries: Scores) -> Scores:
    """Return the dot products of each query with its own vectors, of shape (queries, rows).

    Summed one by one in one order, which no matrix product grants: equal vectors have equal scores.

    Args:
        vectors: of shape (queries, rows, dimensions).
    """
    scores: Scores = np.einsum("qrd,qd->qr", widen(vectors), queries, optimize=False)
    return scores


def _multiply(queries: Scores, block: Block, device: str) -> Any:
    import torch

    wide = torch.from_numpy(np.array(block)).to(device).float()
    # float32 throughout: in TF32 or float16 the best of a block could be missed.
    return torch.from_numpy(queries).to(device) @ wide.T


def widen(block: Block) -> Scores:
    """Return the block as float32: by torch, which uses all cores, and warns of mapped files."""
    if block.dtype == np.float32:
        return block.astype(np.float32, copy=False)
    import warnings

    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # nothing writes to the block
        wide: Scores = torch.from_numpy(block).float().numpy()
    return wide
