"""Choosing: fusion, ties, positives, negatives, splits; each rule by a case worked by hand."""

import itertools
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from fret.choose import (
    NegativeRules,
    Negatives,
    Option,
    choose_negatives,
    choose_positive,
    rank_fused,
    split_of,
)
from fret.records import make_id
from fret.retrieval.fuse import rank_scores


def fuse(*scores: Sequence[float | None], k: float = 0, seed: int | None = None) -> Any:
    return rank_fused([rank_scores(line) for line in scores], list(scores), k=k, seed=seed)


# -- fusion and its ties


def test_k_0_trusts_a_first_place_most() -> None:
    # Ranks by the first scorer 1 2 3 4, by the second 4 2 3 1: R = 1/r1 + 1/r2.
    scores, ranks = rank_fused(
        [[1, 2, 3, 4], [4, 2, 3, 1]], [[4, 3, 2, 1], [1, 3, 2, 4]], k=0, seed=3
    )
    assert scores == pytest.approx([1 + 1 / 4, 1 / 2 + 1 / 2, 1 / 3 + 1 / 3, 1 / 4 + 1])
    assert ranks == [2, 3, 4, 1]


def test_k_60_trusts_a_good_place_with_both() -> None:
    scores, ranks = rank_fused([[1, 2, 4], [9, 2, 1]], [[3, 2, 1], [1, 2, 3]], k=60, seed=None)
    assert scores == pytest.approx([1 / 61 + 1 / 69, 1 / 62 + 1 / 62, 1 / 64 + 1 / 61])
    assert ranks == [3, 1, 2]
    assert rank_fused([[1, 2, 4], [9, 2, 1]], [[3, 2, 1], [1, 2, 3]], k=0, seed=None)[1] == [
        2,
        3,
        1,
    ]


def test_one_scorer_alone_decides() -> None:
    assert fuse([0.1, 0.9, 0.5])[1] == [3, 1, 2]


def test_a_tie_goes_to_the_seed() -> None:
    first, second = [0.9, 0.8, 0.1], [0.1, 0.2, 0.0]  # ranks 1 2 3 and 2 1 3
    assert fuse(first, second, seed=1)[1] == [2, 1, 3]
    assert fuse(first, second, seed=0)[1] == [1, 2, 3]
    # A lead is no tie: the seed does not win against a better fused score.
    assert fuse(first, second, seed=2)[1][2] == 3


def test_a_tie_without_the_seed_goes_to_the_higher_mean_of_scaled_scores() -> None:
    # Scaled to 0..1 the first scorer gives 1, 0.9, 0 and the second 0, 1, 0.5. Unscaled, the first
    # scorer alone would decide, for its numbers are larger.
    first, second = [100.0, 90.0, 0.0], [-0.4, -0.2, -0.3]
    scores, ranks = rank_fused([[1, 2, 3], [2, 1, 3]], [first, second], k=0, seed=None)
    assert scores[0] == scores[1]
    assert ranks == [2, 1, 3]
    # The same ranks, and the mean of the first is the higher one now: 1 and 0.9 against 0.1 and 1.
    first, second = [10.0, 1.0, 0.0], [0.9, 1.0, 0.0]
    assert rank_fused([[1, 2, 3], [2, 1, 3]], [first, second], k=0, seed=None)[1] == [1, 2, 3]


def test_a_last_tie_goes_to_the_one_that_retrieval_put_first() -> None:
    first, second = [1.0, 0.0], [0.0, 1.0]
    assert fuse(first, second)[1] == [1, 2]
    assert fuse([0.5, 0.5, 0.5])[1] == [1, 2, 3]  # equal scores have no scale


def test_ties_of_three_scorers_are_ties_though_sums_round_in_other_ways() -> None:
    for order in itertools.permutations(range(1, 8), 3):
        ranks = [[order[i], tuple(reversed(order))[i]] for i in range(3)]
        found = rank_fused(ranks, [[0.0, 0.0]] * 3, k=0, seed=1)
        assert found[1] == [2, 1], order


def test_what_a_scorer_could_not_tell_has_no_rank() -> None:
    scores, ranks = fuse([0.9, 0.8, None, 0.7], [0.5, None, 0.9, 0.1])
    assert ranks == [1, None, None, 2]
    assert scores[1] is None and scores[2] is None
    assert scores[0] == pytest.approx(1 + 1 / 2) and scores[3] == pytest.approx(1 / 3 + 1 / 3)
    assert fuse([None, None]) == ([None, None], [None, None])


def test_a_weight_of_2_lets_the_judge_decide_and_the_other_break_its_ties() -> None:
    judge, weak = [3.0, 2.0, 3.0, 0.0], [0.1, 0.9, 0.2, 0.5]
    ranks = [rank_scores(judge), rank_scores(weak)]
    assert ranks[0] == [1, 3, 1, 4]
    found = rank_fused(ranks, [judge, weak], k=0, seed=None, weights=[2, 1])
    assert found[0] == pytest.approx([2 + 1 / 4, 2 / 3 + 1, 2 + 1 / 3, 2 / 4 + 1 / 2])
    assert found[1] == [2, 3, 1, 4]
    for seed in range(4):  # with a judge that has a favourite, no weak scorer moves it
        for line in itertools.permutations([1, 2, 3, 4]):
            weights, lists = [2, 1], [[1, 2, 3, 4], list(line)]
            _, fused = rank_fused(lists, [[0.0] * 4] * 2, k=0, seed=seed, weights=weights)
            assert fused[0] == 1


def test_a_weight_of_0_decides_nothing_and_bars_nothing() -> None:
    judge, shown = [3.0, 2.0, 1.0], [None, 0.9, 0.1]
    lists = [rank_scores(judge), rank_scores(shown)]
    scores, ranks = rank_fused(lists, [judge, shown], k=0, seed=None, weights=[1, 0])
    assert (scores, ranks) == ([1, 1 / 2, 1 / 3], [1, 2, 3])
    tied = rank_fused([[1, 1], [2, 1]], [[1.0, 1.0], [0.0, 1.0]], k=0, seed=None, weights=[1, 0])
    assert tied[1] == [1, 2]


# -- the positive


def options(*ranks: int | None, **fields: Any) -> list[Option]:
    return [Option(f"p{i}", f"text {i}", "train", rank, **fields) for i, rank in enumerate(ranks)]


def test_the_positive_is_the_best_of_the_fused_ranking() -> None:
    assert choose_positive(options(2, 1, 3), "top", seed=0) == 1
    assert choose_positive(options(2, None, 1), "top", seed=None) == 2
    assert choose_positive(options(None, None), "top", seed=0) is None


def test_the_positive_may_be_the_seed_by_rule() -> None:
    assert choose_positive(options(2, 1, 3), "seed", seed=2) == 2
    assert choose_positive(options(2, 1, None), "seed", seed=2) is None
    # A user's own query may have no seed: then the best one serves.
    assert choose_positive(options(2, 1, 3), "seed", seed=None) == 1


# -- negatives


def negatives(
    given: list[Option], positive: int = 0, *, draw: str = "draw", **rules: Any
) -> Negatives:
    return choose_negatives(given, positive, NegativeRules(**rules), draw=draw)


def test_the_lowest_are_taken_from_the_end() -> None:
    given = options(1, 4, 2, 5, 3)
    assert negatives(given, count=1).chosen == (3,)
    assert negatives(given, count=3).chosen == (3, 1, 4)


def test_the_hardest_are_taken_from_right_below_the_positive() -> None:
    given = options(1, 4, 2, 5, 3)
    assert negatives(given, count=2, pick="hardest").chosen == (2, 4)


def test_random_ones_hang_on_the_draw_alone() -> None:
    given = options(*range(1, 31))
    picks = {draw: negatives(given, count=3, pick="random", draw=draw) for draw in "abcdefgh"}
    for draw, pick in picks.items():
        assert negatives(given, count=3, pick="random", draw=draw) == pick
        assert len(set(pick.chosen)) == 3 and 0 not in pick.chosen
        assert negatives(given, count=5, pick="random", draw=draw).chosen[:3] == pick.chosen
    assert len({pick.chosen for pick in picks.values()}) == 8
    # Which one is drawn hangs on the passages, not on their order among the candidates.
    turned = [given[0], *given[:0:-1]]
    ids = [given[i].passage_id for i in picks["a"].chosen]
    again = negatives(turned, count=3, pick="random", draw="a").chosen
    assert [turned[i].passage_id for i in again] == ids


def test_random_ones_are_drawn_evenly() -> None:
    given = options(1, 2, 3, 4, 5)
    drawn = Counter(
        negatives(given, pick="random", draw=f"query {i}").chosen[0] for i in range(4000)
    )
    assert set(drawn) == {1, 2, 3, 4}
    assert all(900 < count < 1100 for count in drawn.values())


def test_candidates_without_a_score_are_never_chosen() -> None:
    for pick in ("lowest", "hardest", "random"):
        found = negatives(options(1, None, 2, None), count=4, pick=pick)
        assert found.chosen == (2,)
        assert found.refused == {"not_scored": 2}


def test_what_ranks_above_the_positive_is_no_negative() -> None:
    found = negatives(options(1, 2, 3, 4), positive=2, count=4)
    assert found.chosen == (3,)
    assert found.refused == {"above_positive": 2}


def test_a_passage_of_another_split_is_no_negative() -> None:
    given = options(1, 2, 3)
    given[1] = replace(given[1], split="test")
    found = negatives(given, count=3)
    assert (found.chosen, found.refused) == ((2,), {"other_split": 1})


@pytest.mark.parametrize("text", ["text 0", "TEXT 0", " text\n\t0 ", "Text  0"])
def test_the_text_of_the_positive_is_no_negative_whatever_its_id(text: str) -> None:
    given = options(1, 2, 3)
    given[2] = replace(given[2], text=text)
    found = negatives(given, count=2)
    assert (found.chosen, found.refused) == ((1,), {"same_text": 1})


def test_one_text_is_a_negative_once() -> None:
    given = options(1, 2, 3, 4)
    given[3] = replace(given[3], text="Text 1")
    found = negatives(given, count=3)
    assert (found.chosen, found.refused) == ((2, 1), {"same_text": 1})


def test_what_is_too_similar_beside_the_positive_is_refused() -> None:
    given = options(1, 2, 3, 4)
    cosines = [0.8, 0.77, 0.76, 0.1]
    given = [replace(o, similarity=c) for o, c in zip(given, cosines, strict=True)]
    found = negatives(given, count=3, max_similarity=0.95)  # 0.95 of 0.8 is 0.76, which may be
    assert (found.chosen, found.refused) == ((3, 2), {"too_similar": 1})
    assert negatives(given, count=3, max_similarity=None).chosen == (3, 2, 1)
    assert negatives(given, count=3, max_similarity=1.0).chosen == (3, 2, 1)
    assert negatives(given, count=3, max_similarity=0.1).refused == {"too_similar": 3}


@pytest.mark.parametrize("positive", [None, 0.0, -0.2])
def test_similarity_says_nothing_beside_a_positive_that_has_none(positive: float | None) -> None:
    given = [replace(o, similarity=0.9) for o in options(1, 2)]
    given[0] = replace(given[0], similarity=positive)
    assert negatives(given, max_similarity=0.95).chosen == (1,)


def test_a_candidate_without_a_cosine_is_not_too_similar() -> None:
    given = options(1, 2)
    given[0] = replace(given[0], similarity=0.5)
    assert negatives(given, max_similarity=0.95).chosen == (1,)


def test_what_is_too_relevant_is_refused() -> None:
    given = [replace(o, relevance=r) for o, r in zip(options(1, 2, 3), [3, 1.01, 1], strict=True)]
    found = negatives(given, count=2, max_relevance=1.0)
    assert (found.chosen, found.refused) == ((2,), {"too_relevant": 1})
    assert negatives(given, count=2, max_relevance=None).chosen == (2, 1)
    assert negatives(options(1, 2), max_relevance=0.0).chosen == (1,)  # nothing was graded


def test_every_candidate_is_the_positive_chosen_or_refused_for_one_reason() -> None:
    draw = random.Random(5)
    for _ in range(200):
        ranks: list[int | None] = [*range(1, 9), None, None]
        draw.shuffle(ranks)
        given = [
            Option(
                f"p{i}",
                f"text {draw.randint(0, 6)}",
                draw.choice(["train", "train", "test"]),
                rank,
                draw.choice([None, draw.random()]),
                draw.choice([None, draw.random() * 3]),
            )
            for i, rank in enumerate(ranks)
        ]
        positive = ranks.index(draw.randint(1, 3))
        pick = draw.choice(["lowest", "hardest", "random"])
        found = negatives(
            given, positive, count=10, pick=pick, max_similarity=0.9, max_relevance=1.0
        )
        assert 1 + len(found.chosen) + sum(found.refused.values()) == len(given)
        assert positive not in found.chosen and len(set(found.chosen)) == len(found.chosen)
        for i in found.chosen:
            rank = given[i].fused_rank
            assert rank is not None and rank > (given[positive].fused_rank or 0)
            assert given[i].split == given[positive].split
            assert given[i].text != given[positive].text
            assert (given[i].relevance or 0) <= 1.0


def test_fewer_are_chosen_where_fewer_pass() -> None:
    assert negatives(options(1, 2), count=5).chosen == (1,)
    assert negatives(options(1), count=5) == Negatives((), {})


# -- splits

PAGES = [make_id("page", str(i)) for i in range(20_000)]


def test_splits_have_the_shares_asked_for() -> None:
    shares = {"test": 0.05, "validation": 0.1}
    counts = Counter(split_of(page, shares, seed=0) for page in PAGES)
    for split, share in {**shares, "train": 0.85}.items():
        assert abs(counts[split] / len(PAGES) - share) < 0.01
    assert sum(counts.values()) == len(PAGES)


def test_a_page_keeps_its_side_whatever_the_others_are() -> None:
    shares = {"test": 0.3, "validation": 0.2}
    sides = {page: split_of(page, shares, seed=0) for page in PAGES[:100]}
    assert {page: split_of(page, shares, seed=0) for page in reversed(PAGES[:100])} == sides
    turned = dict(reversed(shares.items()))  # the order in the file does not matter
    assert {page: split_of(page, turned, seed=0) for page in PAGES[:100]} == sides
    # For ever: sha256sum of "split", 0 and the page, with NUL between: 4bad… is 0.296 of 1, 947d…
    # is 0.58, 6c1b… is 0.42.
    known = {"a": "test", "d": "train", "g": "validation"}
    assert {page: split_of(page, shares, seed=0) for page in known} == known


def test_a_larger_test_split_only_takes_pages_in() -> None:
    small, large = ({"test": share} for share in (0.05, 0.2))
    for page in PAGES[:2000]:
        if split_of(page, small, seed=0) == "test":
            assert split_of(page, large, seed=0) == "test"


def test_another_seed_gives_other_splits() -> None:
    shares = {"test": 0.5}
    same = sum(split_of(p, shares, seed=0) == split_of(p, shares, seed=1) for p in PAGES)
    assert 0.48 < same / len(PAGES) < 0.52


def test_without_shares_all_is_for_training() -> None:
    assert {split_of(page, {}, seed=0) for page in PAGES[:100]} == {"train"}
    assert {split_of(page, {"test": 0.0}, seed=0) for page in PAGES[:1000]} == {"train"}
