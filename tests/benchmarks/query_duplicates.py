"""Near duplicates among many queries: time, peak memory, and how many planted ones are found.

    python tests/benchmarks/query_duplicates.py [N] [words|vectors|both]

Queries are made of a vocabulary with Zipf's frequencies and a few hundred openings, so that many
share words. Every hundredth is a planted double of an earlier one: reworded with function words for
the comparison by words, or its vector moved a little for that by embeddings.
"""

import random
import resource
import sys
import time

import numpy as np

from fret.checks.duplicates import ExactDoubles, NearDoubles, SimilarVectors

_EVERY = 100
_DIMENSIONS = 384  # as of all-MiniLM-L6-v2
_BLOCK = 512


def make_queries(n: int, seed: int = 0) -> tuple[list[str], set[int]]:
    """Return n queries and the places of those planted."""
    rng = random.Random(seed)
    syllables = [a + b for a in "bdfgklmnprstv" for b in ("a", "e", "i", "o", "u", "ai", "or")]
    words = ["".join(rng.choices(syllables, k=rng.randint(2, 4))) for _ in range(50_000)]
    weights = [1 / (rank + 10) for rank in range(len(words))]
    drawn = iter(rng.choices(words, weights, k=n * 9))
    openings = ["how to", "what is the", "why does", "best", "difference between", "how long does"]
    texts: list[str] = []
    planted: set[int] = set()
    for place in range(n):
        if place % _EVERY == _EVERY - 1:
            texts.append(f"{texts[rng.randrange(place)].replace(' ', ' the ', 1)}?")
            planted.add(place)
            continue
        body = " ".join(next(drawn) for _ in range(rng.randint(3, 8)))
        texts.append(f"{rng.choice(openings)} {body}")
    return texts, planted


def by_words(n: int) -> None:
    texts, planted = make_queries(n)
    started = time.perf_counter()
    exact, near, dropped = ExactDoubles(), NearDoubles(threshold=0.8), set()
    for place, text in enumerate(texts):
        if exact.check(text) or near.check(text, "en"):
            dropped.add(place)
        else:
            exact.add(text)
            near.add(text, "en")
    report("by words", n, started, planted, dropped)


def by_vectors(n: int) -> None:
    rng = np.random.default_rng(0)
    similar, dropped, planted = SimilarVectors(threshold=0.95), set(), set()
    started = time.perf_counter()
    last = np.zeros((0, _DIMENSIONS), np.float32)
    for start in range(0, n, _BLOCK):
        vectors = rng.standard_normal((min(_BLOCK, n - start), _DIMENSIONS), dtype=np.float32)
        for row in range(_EVERY - 1, len(vectors), _EVERY):
            # Noise of a fifth of the length: a cosine of about 0.98.
            origin = last[row - 1] if len(last) else vectors[row - 1]
            noise = rng.standard_normal(_DIMENSIONS, dtype=np.float32) * 0.2
            vectors[row] = origin + noise * np.linalg.norm(origin) / np.sqrt(_DIMENSIONS)
            planted.add(start + row)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        names = [str(start + row) for row in range(len(vectors))]
        similar.look_at(names, vectors)
        for name in names:
            if similar.find(name):
                dropped.add(int(name))
            else:
                similar.add(name)
        last = vectors
    report("by vectors", n, started, planted, dropped)


def report(way: str, n: int, started: float, planted: set[int], dropped: set[int]) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{way}: {n} queries in {time.perf_counter() - started:.1f} s, peak memory {peak:.0f} MB; "
        f"{len(planted & dropped)} of {len(planted)} planted found, "
        f"{len(dropped - planted)} others dropped"
    )


if __name__ == "__main__":
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    which = sys.argv[2] if len(sys.argv) > 2 else "both"
    if which in {"words", "both"}:
        by_words(size)
    if which in {"vectors", "both"}:
        by_vectors(size)
