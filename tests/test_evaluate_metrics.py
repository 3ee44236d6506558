"""Measures against trec_eval's own code and by hand; intervals and tests against plain ways."""

import numpy as np
import pytest
import pytrec_eval
from numpy.typing import NDArray
from scipy.stats import spearmanr

from fret.evaluation.collection import Collection, Relevant, make_collection
from fret.evaluation.metrics import DEPTH, METRICS, measure_rankings, measure_spearman
from fret.evaluation.rankings import rank_hits
from fret.evaluation.statistics import (
    DRAWS,
    draw_means,
    draw_spearman,
    find_interval,
    find_p,
    flip_signs,
)
from fret.retrieval import Hit, Hits

# -- measures


def measure(
    ranking: list[int], grades: dict[int, int], missing: tuple[int, ...] = ()
) -> list[float]:
    rows = np.full((1, DEPTH), -1, np.int64)
    rows[0, : len(ranking)] = ranking
    pairs = np.array(sorted(grades.items()), np.int64).reshape(-1, 2)
    found = measure_rankings(rows, [Relevant(pairs[:, 0], pairs[:, 1], missing)])
    return [round(float(value), 4) for value in found[0]]


@pytest.mark.parametrize(
    ("ranking", "grades", "missing", "by_hand"),
    [
        # DCG 3/1 + 2/2 = 4; ideal 3/1 + 2/1.58496 + 1/2 = 4.76186; AP (1/1 + 2/3) / 3
        ([0, 8, 1, 9], {0: 3, 1: 2, 2: 1}, (), [0.84, 0.3333, 0.6667, 0.6667, 0.6667, 1, 0.5556]),
        # the same, where the third is not in the corpus
        ([0, 8, 1, 9], {0: 3, 1: 2}, (1,), [0.84, 0.3333, 0.6667, 0.6667, 0.6667, 1, 0.5556]),
        # found at rank 11 only: no nDCG@10 and MRR@10, but MAP 1/11
        ([*range(20, 30), 5], {5: 1}, (), [0, 0, 0, 1, 1, 0, 0.0909]),
        # nothing found at all
        ([], {5: 4}, (), [0, 0, 0, 0, 0, 0, 0]),
        # perfect, with more relevant passages than ten: recall@5 is 5/12
        (list(range(12)), dict.fromkeys(range(12), 1), (), [1, 0.0833, 0.4167, 1, 1, 1, 1]),
    ],
)
def test_measures_are_what_a_hand_works_out(
    ranking: list[int], grades: dict[int, int], missing: tuple[int, ...], by_hand: list[float]
) -> None:
    assert measure(ranking, grades, missing) == pytest.approx(by_hand, abs=1e-9)


IDS = [*map(str, range(1, 120)), "ü1", "z", "Z", "中文", "😀", "a b", "\uffee"]
TREC = {"ndcg_cut.10", "recall.1,5,20,100", "recip_rank", "map"}
TREC_NAMES = ("ndcg_cut_10", "recall_1", "recall_5", "recall_20", "recall_100", "recip_rank", "map")


def draw_collection(rng: np.random.Generator) -> tuple[Collection, dict[str, dict[str, int]]]:
    """Queries with graded judgements, some on unknown passages, some without a relevant one."""
    judged: dict[str, dict[str, int]] = {}
    for query in range(60):
        drawn = rng.choice(len(IDS), rng.integers(1, 40), replace=False)
        judged[f"q{query}"] = {IDS[i]: int(rng.integers(-1, 4)) for i in drawn}
        judged[f"q{query}"][f"unknown {query}"] = int(rng.integers(0, 3))
    judged["q0"] = {IDS[3]: 0, IDS[4]: -1}
    grades = ((q, p, g) for q, found in judged.items() for p, g in found.items())
    passages = [(id_, "", f"text {id_}") for id_ in IDS]
    return make_collection("drawn", passages, [(q, q, "") for q in judged], grades), judged


def search(collection: Collection, scores: NDArray[np.float64], k: int) -> list[Hits]:
    """What an index gives: the k best, ties by row."""
    rows = np.arange(len(collection.passage_ids))
    orders = [np.lexsort((rows, -line))[:k] for line in scores]
    return [Hits(order, line[order]) for order, line in zip(orders, scores, strict=True)]


@pytest.mark.parametrize("seed", range(5))
def test_every_query_has_the_values_of_trec_eval_ties_included(seed: int) -> None:
    rng = np.random.default_rng(seed)
    collection, judged = draw_collection(rng)
    shape = (len(collection.queries), len(IDS))
    # Few different scores, some apart by less than float32 holds: trec_eval ties them.
    scores = rng.integers(0, 12, shape) / 12 + rng.integers(0, 2, shape) * 1e-9
    rankings = rank_hits(search(collection, scores, 100), collection.left_out)
    ours = measure_rankings(rankings, collection.relevant)
    run = {
        query: {collection.passage_ids[hit.row]: hit.score for hit in hits}
        for query, hits in zip(collection.query_ids, search(collection, scores, 100), strict=True)
    }
    theirs = pytrec_eval.RelevanceEvaluator(judged, TREC).evaluate(run)
    # trec_eval cuts no reciprocal rank; a run of ten is cut.
    heads = {
        query: {collection.passage_ids[row]: -rank for rank, row in enumerate(line[:10].tolist())}
        for query, line in zip(collection.query_ids, rankings, strict=True)
    }
    first = pytrec_eval.RelevanceEvaluator(judged, {"recip_rank"}).evaluate(heads)
    assert "q0" not in collection.query_ids and len(collection.query_ids) == 59
    for query, values in zip(collection.query_ids, ours, strict=True):
        expected = theirs[query] | first[query]
        assert values == pytest.approx([expected[name] for name in TREC_NAMES], abs=1e-9)
    assert len(METRICS) == len(TREC_NAMES)


def test_a_list_of_hits_ranks_as_arrays_do() -> None:
    hits = [Hit(4, 1.0), Hit(2, 1.0), Hit(7, 2.0), Hit(9, 0.5)]
    arrays = Hits(np.array([4, 2, 7, 9], np.int32), np.array([1.0, 1.0, 2.0, 0.5], np.float32))
    found = rank_hits([hits, arrays], [-1, 2])
    assert found[0, :5].tolist() == [7, 2, 4, 9, -1]
    assert found[1, :4].tolist() == [7, 4, 9, -1]


def test_no_ranking_is_longer_than_what_counts() -> None:
    rows = np.arange(DEPTH + 1)
    found = rank_hits([Hits(rows, -rows.astype(float))] * 2, [5, -1])
    assert found.shape == (2, DEPTH)
    assert 5 not in found[0] and found[0, -1] == DEPTH and found[1, -1] == DEPTH - 1


def test_spearman_is_scipys_and_undefined_where_nothing_differs() -> None:
    rng = np.random.default_rng(0)
    cosines, scores = rng.random(50), rng.integers(0, 5, 50).astype(float)
    assert measure_spearman(cosines, scores) == pytest.approx(spearmanr(cosines, scores)[0])
    assert np.isnan(measure_spearman(np.ones(50), scores))


# -- intervals and tests


def test_the_interval_of_a_mean_is_that_of_the_normal_distribution_for_many_queries() -> None:
    values = np.random.default_rng(1).random((2000, 2))
    draws = draw_means(values, seed=0)
    assert draws.shape == (DRAWS, 2)
    for column in range(2):
        mean, error = values[:, column].mean(), values[:, column].std() / np.sqrt(2000)
        interval = find_interval(draws[:, column])
        assert interval == pytest.approx((mean - 1.96 * error, mean + 1.96 * error), abs=1e-3)


def test_an_interval_holds_the_true_mean_nearly_as_often_as_it_says() -> None:
    rng, n_held = np.random.default_rng(2), 0
    for seed in range(60):
        interval = find_interval(draw_means(rng.beta(2, 3, (100, 1)), seed=seed)[:, 0])
        assert interval
        n_held += interval[0] <= 0.4 <= interval[1]
    assert 51 <= n_held <= 60


def test_draws_are_paired_so_that_equal_columns_never_differ() -> None:
    column = np.random.default_rng(3).random((50, 1))
    draws = draw_means(np.hstack([column, column]), seed=4)
    assert (draws[:, 0] == draws[:, 1]).all() and draws[:, 0].std() > 0
    assert draw_means(column, seed=4) == pytest.approx(draws[:, :1], abs=1e-12)
    assert (draw_means(column, seed=5) != draws[:, :1]).any()


def test_p_is_the_share_of_all_exchanges_that_differ_as_much() -> None:
    # Of the 32 ways to exchange five equal differences two are as extreme.
    differences = np.full((5, 1), 0.25)
    assert find_p(0.25, flip_signs(differences, seed=0)[:, 0]) == pytest.approx(2 / 32, abs=0.01)
    # 1, 2 and 3 with signs: of eight sums, 6, -6, 4 and -4 are at least as far as 4 from 0.
    uneven = np.array([[1.0], [2.0], [-3.0]])
    flipped = flip_signs(uneven, seed=0)[:, 0]
    assert find_p(4 / 3, flipped) == pytest.approx(0.5, abs=0.02)


def test_p_of_no_difference_is_one_and_of_a_clear_one_the_least_there_can_be() -> None:
    assert find_p(0.0, flip_signs(np.zeros((30, 1)), seed=0)[:, 0]) == 1
    clear = np.random.default_rng(0).random((200, 1)) + 1
    assert find_p(float(clear.mean()), flip_signs(clear, seed=0)[:, 0]) == 1 / (DRAWS + 1)


def test_p_is_even_where_models_are_equal() -> None:
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 1, (40, 200))
    flipped = flip_signs(noise, seed=1)
    found = np.array([find_p(noise[:, i].mean(), flipped[:, i]) for i in range(200)])
    assert 0.01 <= (found < 0.05).mean() <= 0.1 and 0.4 <= found.mean() <= 0.6


def test_draws_of_spearman_are_those_of_resampled_pairs() -> None:
    rng = np.random.default_rng(6)
    scores = rng.integers(0, 4, 30).astype(float)
    cosines = np.round(scores + rng.normal(0, 1, 30), 1)  # with ties on both sides
    draws = draw_spearman(cosines, scores, seed=7)
    again = np.random.default_rng(7).integers(0, 30, (DRAWS, 30))
    for i in range(0, DRAWS, 500):
        expected = spearmanr(cosines[again[i]], scores[again[i]])[0]
        assert draws[i] == pytest.approx(expected, abs=1e-9)


def test_draws_that_are_not_defined_are_left_out_and_most_must_be() -> None:
    scores = np.array([0.0, 1.0])
    assert np.isnan(draw_spearman(np.array([0.1, 0.2]), scores, seed=0)).any()
    assert find_interval(np.array([1.0, np.nan, np.nan])) is None
    assert find_interval(np.array([1.0, 1.0, np.nan])) == (1.0, 1.0)
