"""Retrieval: BM25 against the formula, fusion by hand."""

import itertools
import math
import random
from collections.abc import Sequence

import numpy as np
import pytest

from cranfield import Cranfield
from fret.retrieval import Hit
from fret.retrieval.bm25 import AUTO_RANK_BM25, BM25Index, top_rows
from fret.retrieval.fuse import fuse_ranks, rank_scores
from fret.retrieval.tokenize import tokenize

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


def test_the_measure_of_these_floors_is_1_for_a_perfect_ranking(cranfield: Cranfield) -> None:
    perfect = [[Hit(row, 1.0) for row in cranfield.relevant[query]] for query in cranfield.queries]
    assert cranfield.measure_ndcg(perfect) == pytest.approx(1.0)
    assert cranfield.measure_ndcg([[] for _ in cranfield.queries]) == 0
