"""What stands for a text when texts are compared: hashes alone, so that many fit into memory."""

import hashlib
import re
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fret.language.normal import normalise
from fret.retrieval.tokenize import tokenize
from fret.text.near_duplicates.bands import Bands

Words = NDArray[np.uint32]
Keys = NDArray[np.uint64]

# Shingles of a longer text that are kept: the smallest hashes, which estimate the similarity
# (Broder 1997) with a standard error of 0.025 at 0.8.
MOST_SHINGLES = 256
_SEED = 1
_WORD = re.compile(r"[^\W\d_]+")
_NUMBER_OR_SIGN = re.compile(r"-?\d+(?:[.,:/]\d+)*|[^\w\s']")
# Odd numbers without a pattern: the multipliers of SplitMix64 (Steele et al. 2014).
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_STEP = 0x9E3779B97F4A7C15


class Signs(NamedTuple):
    """The signs of n texts."""

    exact: Keys
    """(n,): equal where the texts are, but for case, punctuation and white space."""
    bands: Keys
    """(n, number of bands), 0 columns where near duplicates are not wanted."""
    shingles: Words
    """The hashed shingles of all texts, one after the other, each text's in rising order."""
    n_shingles: NDArray[np.int64]
    """(n,)"""
    marks: Words
    """Hashes of numbers and names, in the same way."""
    n_marks: NDArray[np.int64]

    def take(self, rows: Sequence[int]) -> "Signs":
        """Return the signs of some of the texts."""
        chosen = np.zeros(len(self.exact), bool)
        chosen[list(rows)] = True
        return Signs(
            self.exact[chosen],
            self.bands[chosen],
            self.shingles[np.repeat(chosen, self.n_shingles)],
            self.n_shingles[chosen],
            self.marks[np.repeat(chosen, self.n_marks)],
            self.n_marks[chosen],
        )


def sign_texts(texts: Sequence[str], *, ngram: int, bands: Bands | None) -> Signs:
    """Make the signs of texts; the same on every machine.

    Shingles are `ngram` words in a row, as in FineWeb (Penedo et al. 2024); where a script writes
    no spaces, so many overlapping pairs of characters. Names are words that begin with a capital.

    Args:
        bands: None: only whole texts are compared.
    """
    normal = [normalise(text) or text for text in texts]
    exact = np.array([_hash_64(text) for text in normal], np.uint64)
    if bands is None:
        nothing, none = np.zeros(0, np.uint32), np.zeros(len(texts), np.int64)
        return Signs(exact, np.zeros((len(texts), 0), np.uint64), nothing, none, nothing, none)
    shingles = list(_list_shingles(texts, exact, ngram))
    marks = [_hash_marks(*pair) for pair in zip(texts, normal, strict=True)]
    return Signs(
        exact,
        _make_bands(shingles, bands),
        _join([each[:MOST_SHINGLES] for each in shingles]),
        np.array([min(MOST_SHINGLES, len(each)) for each in shingles], np.int64),
        _join(marks),
        np.array([len(each) for each in marks], np.int64),
    )


def find_marks(text: str, normal: str) -> list[str]:
    """Return the words of a text that begin with a capital, and its numbers and signs.

    Args:
        normal: the text normalised, which leaves signs that say something (%, +, a minus).
    """
    names = [word.casefold() for word in _WORD.findall(text) if word[0].isupper()]
    return names + _NUMBER_OR_SIGN.findall(normal)


def hash_ngrams(words: Words, ngram: int) -> Keys:
    """Hash each `ngram` words in a row, from the hashes of single words."""
    return hash_runs(words, [ngram])[ngram]


def hash_runs(words: Words, lengths: Sequence[int]) -> dict[int, Keys]:
    """Hash all runs of each of some lengths."""
    mixed = mix(words.astype(np.uint64) + np.uint64(1))
    total = np.zeros(len(words), np.uint64)
    found = {}
    for place in range(max(lengths, default=0)):
        n = max(0, len(words) - place)
        # Odd, and another one for each place, so that the order of words counts.
        total = total[:n] + mixed[place:] * np.uint64((_STEP * (2 * place + 1)) % 2**64)
        if place + 1 in lengths:
            found[place + 1] = mix(total)
    return found


def mix(keys: Keys) -> Keys:
    """Spread the bits of keys: the last step of SplitMix64."""
    keys = (keys ^ (keys >> np.uint64(30))) * _MIX_1
    keys = (keys ^ (keys >> np.uint64(27))) * _MIX_2
    return keys ^ (keys >> np.uint64(31))


def hash_words(words: Sequence[str]) -> Words:
    return np.array([_hash_32(word) for word in words], np.uint32)


def _list_shingles(texts: Sequence[str], exact: Keys, ngram: int) -> Iterator[Words]:
    """Yield each text's shingles; one with fewer words is compared as a whole alone."""
    words = [hash_words(tokenize(text)) for text in texts]
    ends = np.cumsum([0, *map(len, words)])
    hashed = (hash_ngrams(_join(words), ngram) >> np.uint64(32)).astype(np.uint32)
    for whole, (start, end) in zip(exact, pairwise(ends), strict=True):
        if end - start >= ngram:
            yield np.unique(hashed[start : end - ngram + 1])
        else:
            yield np.array([whole >> np.uint64(32)], np.uint32)


def _make_bands(shingles: Sequence[Words], bands: Bands) -> Keys:
    # Loaded here, for it brings scipy. The scheme is named: another one has other numbers.
    from datasketch import MinHash

    signatures = MinHash.generator(
        (each.tolist() for each in shingles),
        num_perm=bands.n * bands.rows,
        seed=_SEED,
        scheme="affine32",
        hashfunc=_keep,
    )
    numbers = np.array([s.hashvalues for s in signatures], np.uint64)
    numbers = numbers.reshape(len(shingles), bands.n, bands.rows)
    total = np.arange(1, bands.n + 1, dtype=np.uint64) * np.uint64(_STEP) + np.zeros_like(
        numbers[:, :, 0]
    )
    for row in range(bands.rows):
        total = mix(total ^ numbers[:, :, row])
    return total


def _keep(hashed: Any) -> Any:
    return hashed


def _hash_marks(text: str, normal: str) -> Words:
    return np.unique(hash_words(find_marks(text, normal)))


def _join(parts: Sequence[Words]) -> Words:
    return np.concatenate(parts) if len(parts) else np.zeros(0, np.uint32)


def _hash_32(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def _hash_64(text: str) -> int:
    data = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")
