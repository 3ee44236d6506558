"""Queries that nearly repeat an earlier one, by embedding: what is found is what comparing all with
all finds."""

import numpy as np
import pytest
from numpy.typing import NDArray

from fret.checks import duplicates
from fret.checks.duplicates import SimilarVectors
from fret.checks.whole_set import WholeSet
from fret.reasons import Reason
from fret.records import Query

DIMENSIONS = 48


def make_vectors(kind: str) -> NDArray[np.float32]:
    """Return unit vectors with doubles among them; `narrow` ones all point nearly one way, so that
    a part of their coordinates rules out little."""
    rng = np.random.default_rng(7)
    vectors = rng.standard_normal((700, DIMENSIONS), dtype=np.float32)
    vectors += 4.0 if kind == "narrow" else 0.0
    for row in range(20, 700, 7):
        vectors[row] = vectors[rng.integers(row)] + 0.1 * vectors[row] / DIMENSIONS**0.5
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float16).astype(np.float32)


def drop_by_comparing_all(vectors: NDArray[np.float32], threshold: float) -> dict[int, int]:
    """Return, for each row that is dropped, the row that it is nearest to."""
    kept: list[int] = []
    dropped: dict[int, int] = {}
    for row, vector in enumerate(vectors):
        cosines = vectors[kept] @ vector
        if len(kept) and cosines.max() >= threshold:
            dropped[row] = kept[int(cosines.argmax())]
        else:
            kept.append(row)
    return dropped


@pytest.mark.parametrize(("kind", "threshold"), [("wide", 0.9), ("narrow", 0.997)])
@pytest.mark.parametrize("size", [1, 50, 700])
def test_what_is_dropped_is_what_comparing_all_with_all_drops(
    kind: str, threshold: float, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "_VECTORS_PER_BLOCK", 64)
    vectors, similar = make_vectors(kind), SimilarVectors(threshold=threshold)
    kept: list[int] = []
    dropped: dict[int, int] = {}
    for start in range(0, len(vectors), size):
        block = vectors[start : start + size]
        similar.look_at([str(start + n) for n in range(len(block))], block)
        for row in range(start, start + len(block)):
            if found := similar.find(str(row)):
                dropped[row] = kept[found[0][1]]
            else:
                similar.add(str(row))
                kept.append(row)
    assert dropped == drop_by_comparing_all(vectors, threshold)
    assert 60 < len(dropped) < 600 and len(similar) == len(kept)


@pytest.mark.parametrize("size", [1, 3])
def test_a_farther_one_over_the_threshold_is_found_behind_one_that_says_not(size: int) -> None:
    def make(number: int, text: str) -> Query:
        return Query(
            id=str(number), passage_id="p", task="", text=text, language="en", task_type="",
            writer="", model="", prompt_hash="", sample=0,
        )  # fmt: skip

    angles = {"cats purr": 0.2, "cats do not purr": 0.05, "a cat purrs": 0.0}

    def encode(pairs: object) -> NDArray[np.float32]:
        turned = [angles[text] for _, text in pairs]  # type: ignore[attr-defined]
        return np.array([[np.cos(a), np.sin(a)] for a in turned], np.float32)

    earlier = WholeSet(exact=True, jaccard=None, cosine=0.95, encode=encode)
    queries = [make(number, text) for number, text in enumerate(angles)]
    faults = []
    for start in range(0, 3, size):
        earlier.look_at(queries[start : start + size])
        for query in queries[start : start + size]:
            faults.append(earlier.check(query))
            if faults[-1] is None:
                earlier.add(query)
    assert faults[:2] == [None, None]
    assert faults[2] is not None and faults[2].reason is Reason.SIMILAR_QUERY


def test_many_near_ones_are_cut_to_the_nearest() -> None:
    similar = SimilarVectors(threshold=0.5)
    angles = np.linspace(0.0, 0.5, 101)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    names = [str(n) for n in range(101)]
    for block in (slice(0, 60), slice(60, 101)):
        similar.look_at(names[block], vectors[block])
        for name in names[block]:
            found = similar.find(name)
            n = len(similar)
            assert len(found) == min(32, n)
            # Half precision mixes up neighbours.
            assert all(place >= n - 40 for _, place in found)
            similar.add(name)
