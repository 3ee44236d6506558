"""How various a list of texts is, in figures that papers use. Pure functions.

Figures of variety hang on how many texts there are: compare those of equal numbers only.
"""

import gzip
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fret.retrieval.tokenize import tokenize


def entropy(counts: Iterable[int]) -> float:
    """Return the Shannon entropy of counts in bits: -sum p log2 p with p = count / sum."""
    counts = [n for n in counts if n]
    total = sum(counts)
    return 0.0 - sum(n / total * math.log2(n / total) for n in counts) if total else 0.0


def top_share(counts: Mapping[str, int], k: int) -> float:
    """Return what share of all the k most frequent have (Gecko reports four frequent types)."""
    total = sum(counts.values())
    return sum(sorted(counts.values(), reverse=True)[:k]) / total if total else 0.0


def distinct_n(texts: Sequence[str], n: int) -> float:
    """Return different n-grams of tokens as a share of all (Li et al. 2016, arXiv 1510.03055)."""
    found: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        found.update(_ngrams(tokenize(text), n))
    return len(found) / found.total() if found else 0.0


def compression_ratio(texts: Sequence[str]) -> float:
    """Return bytes of the texts, a line each, per byte of them gzipped: higher is less various.

    Shaib et al. 2024 (arXiv 2403.00553), section 2, which recommends it before all others.
    """
    data = "\n".join(texts).encode("utf-8", "surrogatepass")
    return len(data) / len(gzip.compress(data, mtime=0)) if data else 0.0


def self_repetition(texts: Sequence[str], n: int = 4) -> float:
    """Return how much long n-grams of each text come again in other texts: higher is less various.

    The mean over texts of ln(1 + sum N_i), where N_i is the number of other texts that hold the
    text's i-th different n-gram (Salkar et al. 2022, as used by Shaib et al. 2024, arXiv
    2403.00553, with n = 4).
    """
    grams = [set(_ngrams(tokenize(text), n)) for text in texts]
    holders: Counter[tuple[str, ...]] = Counter(gram for each in grams for gram in each)
    sums = (sum(holders[gram] - 1 for gram in each) for each in grams)
    return math.fsum(math.log1p(total) for total in sums) / len(texts) if texts else 0.0


def vendi_score(vectors: NDArray[np.float32]) -> float:
    """Return the effective number of different vectors, from 1 to how many there are.

    exp(-sum l ln l) over the eigenvalues l of K / n, K the cosines of n unit vectors (Friedman and
    Dieng 2022, arXiv 2210.02410, definition 3.1). K / n has the eigenvalues of the smaller
    product V'V / n.
    """
    if not len(vectors):
        return 0.0
    v = vectors.astype(np.float64)
    kernel = (v @ v.T if len(v) <= v.shape[1] else v.T @ v) / len(v)
    values = np.linalg.eigvalsh(kernel)
    values = values[values > 1e-12]
    return float(np.exp(-np.sum(values * np.log(values))))


def mean_cosine(vectors: NDArray[np.float32]) -> float:
    """Return the mean cosine of all pairs of unit vectors: (|sum v|^2 - n) / (n (n - 1))."""
    n = len(vectors)
    if n < 2:
        return 0.0
    total = vectors.astype(np.float64).sum(axis=0)
    return float((total @ total - n) / (n * (n - 1)))


def _ngrams(tokens: list[str], n: int) -> Iterable[tuple[str, ...]]:
    return pairwise(tokens) if n == 2 else zip(*(tokens[i:] for i in range(n)), strict=False)
