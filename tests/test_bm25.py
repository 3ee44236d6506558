"""BM25: both libraries against the formula and each other, on disk and in many threads."""

import json
import math
import os
import random
import subprocess
import sys
import threading
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beir import Collection
from fret.retrieval import Hit
from fret.retrieval.bm25 import AUTO_RANK_BM25, Formula, choose_backend
from fret.retrieval.bm25_reference import ReferenceBM25
from fret.retrieval.bm25_sparse import SparseBM25, save_index
from fret.retrieval.tokenize import Tokenizer

BACKENDS = ["rank-bm25", "bm25s"]
FORMULAS = [
    Formula(variant, k1, b)
    for variant, (k1, b) in product(
        ("lucene", "robertson"), [(1.5, 0.75), (0.9, 0.4), (2.0, 1.0), (1.2, 0.0), (0.0, 0.75)]
    )
]


class Indexes:
    """Makes indexes of texts without a language, of either library."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._n = folder, 0

    def make(
        self,
        texts: Sequence[str | tuple[str, str]],
        backend: str,
        formula: Formula | None = None,
        tokenizer: Tokenizer | None = None,
    ) -> ReferenceBM25 | SparseBM25:
        pairs = [(text, "") if isinstance(text, str) else text for text in texts]
        formula, tokenizer = formula or Formula(), tokenizer or Tokenizer()
        if backend == "rank-bm25":
            return ReferenceBM25(pairs, formula=formula, tokenizer=tokenizer)
        self._n += 1
        folder = self._folder / str(self._n)
        save_index(folder, pairs, formula=formula, tokenizer=tokenizer)
        return SparseBM25(folder, tokenizer=tokenizer)


@pytest.fixture
def indexes(tmp_path: Path) -> Indexes:
    return Indexes(tmp_path)


def rows_of(found: Sequence[Sequence[Hit]]) -> list[list[int]]:
    return [[hit.row for hit in hits] for hits in found]


# -- the formula


def score_by_the_formula(texts: Sequence[str], query: str, formula: Formula) -> list[float]:
    """BM25 word by word; texts of words between spaces."""
    split = [text.split() or ["an empty text counts as one word"] for text in texts]
    average = sum(len(words) for words in split) / len(split)
    scores = []
    for words in split:
        score = 0.0
        for word in query.split():
            n = sum(word in other for other in split)
            odds = (len(split) - n + 0.5) / (n + 0.5)
            idf = math.log(1 + odds) if formula.variant == "lucene" else max(0, math.log(odds))
            tf = words.count(word)
            norm = formula.k1 * (1 - formula.b + formula.b * len(words) / average)
            score += idf * tf / (tf + norm) if tf else 0.0
        scores.append(score)
    return scores


def draw_corpus(seed: int) -> tuple[list[str], list[str]]:
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
def test_bm25_follows_the_formula(indexes: Indexes, backend: str, seed: int) -> None:
    texts, queries = draw_corpus(seed)
    formula = FORMULAS[seed % len(FORMULAS)]
    index = indexes.make(texts, backend, formula)
    for query, hits in zip(queries, index.search(queries, len(texts)), strict=True):
        expected = score_by_the_formula(texts, query, formula)
        found = {hit.row: hit.score for hit in hits}
        assert found == pytest.approx({i: s for i, s in enumerate(expected) if s > 0}, abs=1e-8)
        scores = [hit.score for hit in hits]
        assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("formula", FORMULAS, ids=str)
def test_both_backends_rank_alike(indexes: Indexes, formula: Formula) -> None:
    for seed in range(6):
        texts, queries = draw_corpus(seed)
        one, other = (indexes.make(texts, b, formula).search(queries, 10) for b in BACKENDS)
        assert rows_of(one) == rows_of(other)
        for first, second in zip(one, other, strict=True):
            assert [h.score for h in first] == pytest.approx([h.score for h in second], abs=1e-9)


def test_the_saved_matrix_is_the_one_that_bm25s_builds_itself(tmp_path: Path) -> None:
    """Built block by block, it must be what others can open with bm25s."""
    import bm25s

    texts, _ = draw_corpus(2)
    tokens = [text.split() or ["\0"] for text in texts]
    own = bm25s.BM25(k1=1.2, b=0.5, method="lucene", dtype="float64")
    own.index(tokens, show_progress=False)
    pairs = [(text, "") for text in texts]
    save_index(tmp_path / "x", pairs, formula=Formula(k1=1.2, b=0.5), tokenizer=Tokenizer())
    saved = bm25s.BM25.load(tmp_path / "x")
    for words in tokens:
        assert saved.get_scores(words) == pytest.approx(own.get_scores(words))


def test_many_blocks_make_the_same_matrix_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [(text, "") for seed in range(5) for text in draw_corpus(seed)[0]]
    for name, size in (("one", 10**6), ("many", 7)):
        monkeypatch.setattr("fret.retrieval.bm25_sparse._WORDS_PER_BLOCK", size)
        save_index(tmp_path / name, pairs, formula=Formula(), tokenizer=Tokenizer())
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "many" / file.name).read_bytes()


@pytest.mark.parametrize("backend", BACKENDS)
def test_without_saturation_a_word_counts_once(indexes: Indexes, backend: str) -> None:
    index = indexes.make(["a a a b", "a c", "d"], backend, Formula(k1=0))
    assert rows_of(index.search(["a", "a c"], 3)) == [[0, 1], [1, 0]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_equal_scores_rank_by_row(indexes: Indexes, backend: str) -> None:
    index = indexes.make(["x", "a b", "c a", "y", "a d", "a e"], backend)
    for k in (1, 2, 3, 4, 6):
        assert rows_of(index.search(["a"], k)) == [[1, 2, 4, 5][:k]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_hundreds_of_equal_scores_rank_by_row(indexes: Indexes, backend: str) -> None:
    """What a heap that does not look at rows gets wrong."""
    draw = random.Random(1)
    kinds = ["a b", "a c", "b c", "a a", "d e"]
    texts = [draw.choice(kinds) for _ in range(1000)]
    found = indexes.make(texts, backend).search(["a", "a b"], 200)
    for query, hits in zip(("a", "a b"), found, strict=True):
        exact = score_by_the_formula(texts, query, Formula())
        order = sorted(range(len(texts)), key=lambda i: (-round(exact[i], 6), i))
        assert [hit.row for hit in hits] == order[:200]


@pytest.mark.parametrize("backend", BACKENDS)
def test_unknown_and_empty_queries_find_nothing(indexes: Indexes, backend: str) -> None:
    index = indexes.make(["a b", "b c"], backend)
    assert rows_of(index.search(["zzz", "", "?!", "\0"], 5)) == [[], [], [], []]
    assert rows_of(index.search(["zzz a"], 5)) == [[0]]
    assert list(index.search([], 5)) == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_empty_texts_are_never_found(indexes: Indexes, backend: str) -> None:
    index = indexes.make(["", "a b", "...", "b"], backend)
    assert rows_of(index.search(["b", "\0"], 5)) == [[3, 1], []]
    for texts in ([], [""], ["", " "]):
        assert rows_of(indexes.make(texts, backend).search(["a"], 5)) == [[]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_text_is_read_in_its_language(indexes: Indexes, backend: str) -> None:
    texts = [("图书馆每天开门", "zh"), ("the running rivers", "en"), ("Häuser", "de")]
    index = indexes.make(texts, backend, tokenizer=Tokenizer(stem=True))
    queries, languages = ["图书馆", "rivers", "Haus", "rivers"], ["zh", "en", "de", "ru"]
    assert rows_of(index.search(queries, 3, languages=languages)) == [[0], [1], [2], []]


# -- real texts


@pytest.fixture(scope="module")
def cranfield() -> Collection:
    return Collection("cranfield", 400)


@pytest.mark.parametrize("stem", [False, True])
def test_both_backends_rank_alike_on_real_texts(
    indexes: Indexes, cranfield: Collection, stem: bool
) -> None:
    queries = list(cranfield.queries.values())
    tokenizer = Tokenizer(stem=stem)
    one, other = (
        indexes.make(cranfield.texts, b, tokenizer=tokenizer).search(
            queries, 100, languages=["en"] * len(queries)
        )
        for b in BACKENDS
    )
    assert rows_of(one) == rows_of(other)
    for first, second in zip(one, other, strict=True):
        assert [hit.score for hit in first] == pytest.approx([hit.score for hit in second])


def test_bm25_finds_what_it_should_on_real_texts(indexes: Indexes) -> None:
    whole = Collection("cranfield")
    queries = list(whole.queries.values())
    index = indexes.make(whole.texts, "bm25s", tokenizer=Tokenizer(stem=True))
    found = index.search(queries, 100, languages=["en"] * len(queries))
    assert whole.measure_ndcg(found) > 0.51 and whole.measure_recall(found) > 0.75
    plain = indexes.make(whole.texts, "bm25s").search(queries, 100)
    assert whole.measure_ndcg(plain) > 0.49


# -- on disk


def test_auto_takes_the_fast_backend_for_many_passages() -> None:
    assert choose_backend("auto", AUTO_RANK_BM25) == "rank-bm25"
    assert choose_backend("auto", AUTO_RANK_BM25 + 1) == "bm25s"
    assert choose_backend("rank-bm25", 10**9) == "rank-bm25"


def test_an_index_is_built_from_a_stream(tmp_path: Path) -> None:
    """Neither texts nor tokens wait for the last one: what is read is let go of."""
    alive: list[Any] = []

    class Text(str):
        def __init__(self, *_: object) -> None:
            alive.append(1)

        def __del__(self) -> None:
            alive.pop()

    most = 0

    def read() -> Any:
        nonlocal most
        for number in range(500):
            yield Text(f"word{number} common"), ""
            most = max(most, len(alive))

    save_index(tmp_path / "x", read(), formula=Formula(), tokenizer=Tokenizer())
    assert most < 5
    assert len(SparseBM25(tmp_path / "x").search(["common"], 1000)[0]) == 500


def test_the_matrix_is_mapped_and_not_loaded(tmp_path: Path) -> None:
    pairs = [(text, "") for text in draw_corpus(2)[0]]
    save_index(tmp_path / "x", pairs, formula=Formula(), tokenizer=Tokenizer())
    assert all(isinstance(part, np.memmap) for part in SparseBM25(tmp_path / "x")._matrix)


def test_threads_share_an_index(tmp_path: Path) -> None:
    texts, _ = draw_corpus(2)
    save_index(tmp_path / "x", [(t, "") for t in texts], formula=Formula(), tokenizer=Tokenizer())
    queries = [f"word{i} word{i * 7 % 11} word{i % 3}" for i in range(300)]
    expected = rows_of(SparseBM25(tmp_path / "x", n_threads=1).search(queries, 10))
    shared = SparseBM25(tmp_path / "x", n_threads=4)
    wrong: list[int] = []

    def work() -> None:
        wrong.extend(rows_of(shared.search(queries, 10)) != expected for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(wrong) == 20 and not any(wrong)


SEARCH = """
import json, sys
from pathlib import Path
from fret.retrieval.bm25_sparse import SparseBM25
found = SparseBM25(Path(sys.argv[1])).search(["word1 word2", "word3"], 5)
print(json.dumps([[hit.row for hit in hits] for hits in found]))
"""


def test_another_process_that_cannot_keep_machine_code_finds_the_same(tmp_path: Path) -> None:
    """As in a package and a home that cannot be written to: the one place allowed is for zips."""
    texts, _ = draw_corpus(2)
    pairs = [(text, "") for text in texts]
    save_index(tmp_path / "x", pairs, formula=Formula(), tokenizer=Tokenizer())
    ended = subprocess.run(
        [sys.executable, "-c", SEARCH, str(tmp_path / "x")],
        env={**os.environ, "NUMBA_CACHE_LOCATOR_CLASSES": "ZipCacheLocator", "PYTHONPATH": "."},
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    expected = SparseBM25(tmp_path / "x").search(["word1 word2", "word3"], 5)
    assert json.loads(ended.stdout) == rows_of(expected)
