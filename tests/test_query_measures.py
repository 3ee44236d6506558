"""Measures of queries against cases worked by hand."""

import gzip
import math

import numpy as np
import pytest

from fret.checks.copying import measure_overlap
from fret.checks.measures import class_of_length, measure_queries
from fret.checks.round_trip import measure_round_trip
from fret.checks.variety import (
    compression_ratio,
    distinct_n,
    entropy,
    mean_cosine,
    self_repetition,
    top_share,
    vendi_score,
)
from fret.records import Candidates, Query


def make(text: str, number: int = 0, *, task: str = "t", kind: str = "question") -> Query:
    return Query(
        id=str(number), passage_id="p", task=task, text=text, language="en", task_type=kind,
        writer="", model="", prompt_hash="", sample=0,
    )  # fmt: skip


def test_entropy_and_top_share() -> None:
    assert entropy([1, 1, 1, 1]) == 2.0
    assert entropy([3, 1]) == pytest.approx(0.811278, abs=1e-6)
    assert entropy([5]) == entropy([]) == 0.0
    assert top_share({"a": 5, "b": 3, "c": 2}, 2) == 0.8


def test_distinct_n() -> None:
    texts = ["a b a", "a b c"]
    assert distinct_n(texts, 1) == 3 / 6  # a b c of a b a a b c
    assert distinct_n(texts, 2) == 3 / 4  # ab ba bc of ab ba ab bc
    assert distinct_n([], 1) == 0.0


def test_compression_ratio() -> None:
    texts = ["how to descale a kettle"] * 50
    data = "\n".join(texts).encode()
    assert compression_ratio(texts) == len(data) / len(gzip.compress(data, mtime=0)) > 10


def test_self_repetition() -> None:
    # The two 4-grams of the first are in one other text each, one of the second's in one, …
    texts = ["a b c d e", "a b c d x", "b c d e", "p q r s"]
    expected = (math.log(1 + 2) + math.log(1 + 1) + math.log(1 + 1) + 0.0) / 4
    assert self_repetition(texts) == pytest.approx(expected)
    assert self_repetition(["a b c d a b c d"]) == 0.0  # only other texts count


def test_vendi_score_and_mean_cosine() -> None:
    same = np.tile(np.array([[1.0, 0.0]], np.float32), (3, 1))
    assert vendi_score(same) == pytest.approx(1.0) and mean_cosine(same) == pytest.approx(1.0)
    apart = np.eye(4, dtype=np.float32)
    assert vendi_score(apart) == pytest.approx(4.0) and mean_cosine(apart) == pytest.approx(0.0)
    # Two clusters of one and three: the eigenvalues are 1/4 and 3/4.
    mixed = np.array([[1, 0], [0, 1], [0, 1], [0, 1]], np.float32)
    assert vendi_score(mixed) == pytest.approx(math.exp(0.5623351), abs=1e-5)
    assert mean_cosine(mixed) == pytest.approx(3 / 6)


def test_overlap() -> None:
    coverage, share, size = measure_overlap(
        "why does the old kettle whistle", "The old kettle sings.", "en"
    )
    assert coverage == pytest.approx(2 / 3)  # old kettle, not whistle
    assert (share, size) == (3 / 6, 3)  # the old kettle


@pytest.mark.parametrize(
    ("text", "name"),
    [("a", "1"), ("a b", "2"), ("a b c", "3-4"), ("w " * 33, "33+"), ("普洱茶怎么", "3-4")],
)
def test_class_of_length(text: str, name: str) -> None:
    assert class_of_length(text) == name


def test_measures_of_a_set() -> None:
    queries = [make(f"what is thing {i}", i) for i in range(60)]
    queries += [make(f"thing {i} is blue", i, task="T.", kind="claim") for i in range(100, 160)]

    def find_texts(ids: object) -> list[str]:
        return ["a thing"] * len(ids)  # type: ignore[arg-type]

    found = measure_queries(lambda: queries, find_texts=find_texts)
    assert found["n"] == 120 and found["task_types"] == {"claim": 60, "question": 60}
    assert found["task_type_entropy_bits"] == 1.0 and found["distinct_tasks"] == 1
    assert found["question_words"] == {"what": 60, "-": 60}
    assert found["words"] == {"3-4": 120}
    by = found["by_task_type"]
    assert by["claim"]["variety"]["of"] == by["question"]["variety"]["of"] == 60
    assert found == measure_queries(lambda: reversed(queries), find_texts=find_texts)


def test_only_the_largest_task_types_have_figures_of_their_own() -> None:
    queries = [make(f"q {i} {n}", 100 * i + n, kind=f"t{i}") for i in range(30) for n in range(i)]
    found = measure_queries(lambda: queries, find_texts=lambda ids: ["a thing"] * len(ids))
    names = {f"t{i}" for i in range(10, 30)} | {"others"}
    assert set(found["task_types"]) == set(found["by_task_type"]) == names
    assert found["distinct_task_types"] == 29  # t0 has none
    assert found["task_types"]["others"] == sum(range(10))
    assert found["task_type_entropy_bits"] == pytest.approx(entropy(range(30)), abs=1e-4)
    trips = [
        (
            query,
            Candidates(
                query_id="q", seed_id="p", passage_ids=("p",), bm25_ranks=(1,), bm25_scores=(1.0,),
                dense_ranks=(None,), dense_scores=(None,), seed_rank=1, n_top=1,
            ),
        )
        for query in queries
    ]  # fmt: skip
    by = measure_round_trip(trips)["seed_recall_by"]["task_types"]
    assert set(by) == names and by["others"]["n_seeded"] == sum(range(10))
    assert by["others"]["easiness"] == by["t29"]["easiness"] == 1.0


def test_round_trip_and_easiness() -> None:
    def row(rank: int | None, fused: int | None, kind: str) -> tuple[Query, Candidates]:
        candidates = Candidates(
            query_id="q", seed_id="p", passage_ids=("o", "p"), bm25_ranks=(9, rank),
            bm25_scores=(1.0, 1.0), dense_ranks=(None, None), dense_scores=(None, None),
            seed_rank=fused, n_top=2, pool_overlap=None if rank is None else rank / 100,
        )  # fmt: skip
        return make("x", kind=kind), candidates

    rows = [row(1, 1, "a"), row(3, 2, "a"), row(None, 30, "b"), row(20, 20, "b")]
    found = measure_round_trip(rows)
    assert found["seed_recall"]["bm25"] == {
        "@1": 0.25, "@5": 0.5, "@20": 0.75, "@100": 0.75,
    }  # fmt: skip
    assert found["seed_recall"]["fused"] == {
        "@1": 0.25, "@5": 0.5, "@20": 0.75, "@100": 1.0,
    }  # fmt: skip
    assert found["pool_overlap"] == 0.08  # of the three that both looked for
    assert found["easiness"] == 0.25 and "dense" not in found["seed_recall"]
    assert found["seed_recall_by"]["task_types"]["a"]["easiness"] == 0.5
