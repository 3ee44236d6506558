"""Choosing: positives, negatives, guards, splits; each rule by a case worked by hand."""

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from fret.choosing.choose import Choice, NoChoice, Rules, choose
from fret.choosing.negatives import NegativeRules, Negatives, Refusal, choose_negatives
from fret.choosing.options import Options
from fret.choosing.positives import (
    PositiveRules,
    choose_positive,
    find_as_relevant,
    find_firsts,
    match_task,
)
from fret.choosing.sameness import Sameness, shingle
from fret.choosing.splits import split_of
from fret.reasons import Reason
from fret.records import make_id

WORDS = [f"word{i}" for i in range(20)]


def options(
    *ranks: int | None,
    grades: Sequence[float | None] = (),
    highs: Sequence[float | None] = (),
    cosines: Sequence[float | None] = (),
    pages: Sequence[str] = (),
    splits: Sequence[str] = (),
    texts: Sequence[str] = (),
    seed: int | None = None,
    deeper: int = 0,
) -> Options:
    """Candidates p0, p1 … with these fused ranks, and further ones that nobody judged."""
    n = len(ranks) + deeper
    return Options(
        ids=[f"p{i}" for i in range(n)],
        fused_ranks=ranks,
        mean_grades=grades or [None] * len(ranks),
        max_grades=highs or grades or [None] * len(ranks),
        similarities=cosines or [None] * n,
        page_of=(pages or [f"page {i}" for i in range(n)]).__getitem__,
        split_of=(splits or ["train"] * n).__getitem__,
        text_of=(texts or [f"text {i}" for i in range(n)]).__getitem__,
        seed=seed,
    )


# -- the positive


def test_the_positive_is_the_best_of_the_fused_ranking() -> None:
    assert choose_positive(options(2, 1, 3, seed=0), "top") == 1
    assert choose_positive(options(2, None, 1), "top") == 2
    assert choose_positive(options(None, None, seed=0), "top") is None


def test_the_positive_may_be_the_seed_by_rule() -> None:
    assert choose_positive(options(2, 1, 3, seed=2), "seed") == 2
    assert choose_positive(options(2, 1, None, seed=2), "seed") is None
    # A user's own query may have no seed: then the best one serves.
    assert choose_positive(options(2, 1, 3), "seed") == 1


def test_agreement_of_all_scorers_moves_the_positive_from_the_seed() -> None:
    given = options(2, 1, 3, seed=0)
    assert choose_positive(given, "agreed", [{1}, {1}]) == 1
    assert choose_positive(given, "agreed", [{1}, {0}]) == 0
    assert choose_positive(given, "agreed", [{0, 1, 2}, {1}]) == 1  # the first cannot tell them
    assert choose_positive(options(2, 1, 3), "agreed", [{1}, {0}]) == 1  # no seed to fall back on
    assert choose_positive(options(None, 1, seed=0), "agreed", [{1}, {0}]) is None


def test_firsts_are_all_with_the_highest_score() -> None:
    assert find_firsts([[1.0, 3.0, 3.0], [None, -2.0, -1.0], [None, None]]) == [{1, 2}, {2}, set()]


def test_words_of_cautious_tasks_are_whole_words() -> None:
    words = ["claim", "fact-checking", "counter argument"]
    assert match_task(words, "claim", "Find it.") == ["claim"]
    assert match_task(words, "", "Given a CLAIM, find support.") == ["claim"]
    assert match_task(words, "fact_checking", "") == ["fact-checking"]
    assert match_task(words, "", "Given text, find a counter-argument or a claim") == [
        "claim",
        "counter argument",
    ]
    assert match_task(words, "question", "He claimed and proclaims facts; check it") == []


def rules(**changes: Any) -> Rules:
    """Rules without guards but those that are named."""
    positives = {k: changes.pop(k) for k in list(changes) if k in PositiveRules.__slots__}
    outer = {k: changes.pop(k) for k in list(changes) if k in ("at_least", "max_overlap")}
    return Rules(PositiveRules(**positives), NegativeRules(**changes), **outer)


def chosen(given: Options, **changes: Any) -> Choice | NoChoice:
    return choose(given, rules(**changes), firsts=[], draw="draw")


def reason(choice: Choice | NoChoice) -> Reason:
    assert isinstance(choice, NoChoice)
    return choice.reason


def test_a_positive_under_the_floor_drops_the_query() -> None:
    given = options(1, 2, grades=[1.49, 0.0])
    no = chosen(given, min_relevance=1.5)
    assert no == NoChoice(
        Reason.NO_RELEVANT_CANDIDATE, "the best has an expected relevance of 1.49, under 1.5"
    )
    assert isinstance(chosen(given, min_relevance=1.49), Choice)
    assert isinstance(chosen(given, min_relevance=None), Choice)
    # Nothing was graded, so nothing is known of it.
    assert isinstance(chosen(options(1, 2), min_relevance=3.0), Choice)


def test_a_query_with_many_relevant_candidates_is_ambiguous_if_the_user_says_so() -> None:
    given = options(1, 2, 3, 4, grades=[3.0, 2.0, 2.0, 1.9])
    choice = chosen(given, pick="lowest")
    assert isinstance(choice, Choice) and choice.n_relevant == 3
    assert reason(chosen(given, max_relevant=2)) is Reason.AMBIGUOUS
    assert isinstance(chosen(given, max_relevant=3, pick="lowest"), Choice)
    assert isinstance(chosen(given, max_relevant=2, relevant_from=2.5, pick="lowest"), Choice)


def test_the_positive_and_the_seed_are_on_one_side() -> None:
    given = options(1, 2, splits=["train", "test"], seed=1)
    assert reason(chosen(given)) is Reason.SPLIT_CONFLICT


# -- further positives


def test_what_is_as_relevant_as_the_positive_is_a_positive_too() -> None:
    given = options(1, 3, 2, 5, 4, grades=[2.6, 2.4, 2.0, 2.9, 0.0])
    found = find_as_relevant(given, 0, PositiveRules(extra_count=0, extra_margin=0.25))
    assert found == [1, 3]  # best first by the fused ranking; 2.0 is too far below 2.6
    assert find_as_relevant(given, 0, PositiveRules(extra_count=0, extra_margin=0.0)) == [3]
    assert find_as_relevant(given, 0, PositiveRules(extra_count=0, extra_margin=3.0)) == [2, 1, 3]
    assert find_as_relevant(
        given, 0, PositiveRules(extra_count=0, extra_margin=3, relevant_from=2.5)
    ) == [3]
    assert find_as_relevant(options(1, 2), 0, PositiveRules(extra_count=0)) == []
    assert find_as_relevant(given, 0, PositiveRules()) == []  # not asked for


def test_further_positives_are_never_negatives_though_no_guard_is_on() -> None:
    given = options(1, 2, 3, 4, grades=[3.0, 3.0, 3.0, 2.5])
    choice = chosen(given, count=3, extra_count=1, pick="hardest")
    assert isinstance(choice, Choice)
    assert (choice.positive, choice.extra_positives, choice.negatives) == (0, (1,), (3,))
    assert choice.refused == {2: Refusal.AS_RELEVANT}


def test_a_further_positive_has_a_text_and_a_side_like_the_positive() -> None:
    given = options(
        1, 2, 3, 4, grades=[3.0] * 4, texts=["one", "ONE", "two", "x"],
        splits=["train", "train", "train", "test"],
    )  # fmt: skip
    choice = chosen(given, extra_count=3, pick="hardest", at_least=0)
    assert isinstance(choice, Choice) and choice.extra_positives == (2,)
    assert choice.refused == {1: Refusal.AS_RELEVANT, 3: Refusal.OTHER_SPLIT}


# -- negatives


def negatives(given: Options, positive: int = 0, *, draw: str = "draw", **given_rules: Any) -> Any:
    limit = given_rules.pop("max_overlap", None)
    found = NegativeRules(**given_rules)
    return choose_negatives(given, [positive], found, Sameness(limit), draw=draw)


def test_the_lowest_are_taken_from_the_end() -> None:
    given = options(1, 4, 2, 5, 3)
    assert negatives(given, count=1).chosen == (3,)
    assert negatives(given, count=3).chosen == (3, 1, 4)


def test_the_hardest_are_what_the_retriever_finds_most_similar() -> None:
    given = options(1, 4, 2, 5, 3, cosines=[0.9, 0.5, 0.6, 0.8, None])
    assert negatives(given, count=4, pick="hardest").chosen == (3, 2, 1, 4)
    # Without similarities they are what it put first.
    assert negatives(options(1, 4, 2, 5, 3), count=2, pick="hardest").chosen == (1, 2)


def test_auto_is_hardest_only_where_grades_guard_it() -> None:
    cosines = [0.9, 0.8, 0.1]
    graded = options(1, 2, 3, cosines=cosines, grades=[3.0, 0.2, 0.1])
    assert negatives(graded, max_relevance=0.5).chosen == (1,)
    assert negatives(graded, max_relevance=None).chosen == (2,)
    assert negatives(options(1, 2, 3, cosines=cosines), max_relevance=0.5).chosen == (2,)


def test_random_ones_hang_on_the_draw_alone() -> None:
    given = options(*range(1, 31))
    picks = {draw: negatives(given, count=3, pick="random", draw=draw) for draw in "abcdefgh"}
    for draw, pick in picks.items():
        assert negatives(given, count=3, pick="random", draw=draw) == pick
        assert len(set(pick.chosen)) == 3 and 0 not in pick.chosen
        assert negatives(given, count=5, pick="random", draw=draw).chosen[:3] == pick.chosen
    assert len({pick.chosen for pick in picks.values()}) == 8
    # Which one is drawn hangs on the passages, not on their ranks.
    turned = options(1, *range(30, 1, -1))
    assert negatives(turned, count=3, pick="random", draw="a").chosen == picks["a"].chosen


def test_random_ones_are_drawn_evenly() -> None:
    given = options(1, 2, 3, 4, 5)
    drawn = Counter(
        negatives(given, pick="random", draw=f"query {i}").chosen[0] for i in range(4000)
    )
    assert set(drawn) == {1, 2, 3, 4}
    assert all(900 < count < 1100 for count in drawn.values())


def test_a_band_is_drawn_from_at_random() -> None:
    given = options(1, 2, 3, 4, 5, cosines=[0.8, 0.73, 0.72, 0.4, 0.39])
    drawn = {negatives(given, pick="band", draw=str(i)).chosen for i in range(50)}
    assert drawn == {(2,), (3,)}  # half of 0.8 is 0.4 and nine tenths are 0.72
    found = negatives(given, pick="band", count=4)
    assert found.refused == {1: Refusal.OUTSIDE_BAND, 4: Refusal.OUTSIDE_BAND}
    assert set(negatives(given, pick="band", band=(0.0, 0.5), count=4).chosen) == {3, 4}


def test_candidates_without_a_score_are_never_chosen() -> None:
    for pick in ("lowest", "hardest", "random"):
        found = negatives(options(1, None, 2, None), count=4, pick=pick)
        assert found.chosen == (2,)
        assert found.refused == {1: Refusal.NOT_SCORED, 3: Refusal.NOT_SCORED}


def test_what_was_not_graded_is_not_chosen_beside_graded_ones() -> None:
    given = options(1, 2, 3, grades=[3.0, None, 0.0])
    found = negatives(given, count=2, max_relevance=0.5)
    assert (found.chosen, found.refused) == ((2,), {1: Refusal.NOT_SCORED})
    assert negatives(given, count=2).chosen == (2, 1)


def test_what_ranks_above_the_positive_is_no_negative() -> None:
    found = negatives(options(1, 2, 3, 4), positive=2, count=4)
    assert found.chosen == (3,)
    assert found.refused == {0: Refusal.ABOVE_POSITIVE, 1: Refusal.ABOVE_POSITIVE}


def test_a_passage_of_another_split_is_no_negative() -> None:
    given = options(1, 2, 3, splits=["train", "test", "train"])
    found = negatives(given, count=3)
    assert (found.chosen, found.refused) == ((2,), {1: Refusal.OTHER_SPLIT})


def test_a_passage_of_the_positives_page_is_no_negative_by_policy() -> None:
    given = options(1, 2, 3, pages=["a", "b", "a"])
    found = negatives(given, count=3, same_page="refuse")
    assert (found.chosen, found.refused) == ((1,), {2: Refusal.SAME_PAGE})
    assert negatives(given, count=3).chosen == (2, 1)


def test_the_seed_is_no_negative_by_policy() -> None:
    given = options(1, 2, 3, seed=2)
    found = negatives(given, count=3, seed="refuse")
    assert (found.chosen, found.refused) == ((1,), {2: Refusal.SEED})
    assert negatives(given, count=3).chosen == (2, 1)


@pytest.mark.parametrize("text", ["text 0", "TEXT 0", " text\n\t0 ", "Text  0"])
def test_the_text_of_the_positive_is_no_negative_whatever_its_id(text: str) -> None:
    given = options(1, 2, 3, texts=["text 0", "text 1", text])
    found = negatives(given, count=2)
    assert (found.chosen, found.refused) == ((1,), {2: Refusal.SAME_TEXT})


def test_one_text_is_a_negative_once() -> None:
    given = options(1, 2, 3, 4, texts=["a", "b", "c", "B"])
    found = negatives(given, count=3)
    assert (found.chosen, found.refused) == ((3, 2), {1: Refusal.SAME_TEXT})


def test_shingles_are_runs_of_three_words() -> None:
    assert shingle("A b, c D!") == {("a", "b", "c"), ("b", "c", "d")}
    assert shingle("Two words") == {("two", "words")}
    assert shingle("…") == frozenset()


def test_near_equal_texts_share_their_shingles() -> None:
    whole = " ".join(WORDS)  # 20 words: 18 runs of three
    part = " ".join(WORDS[:12])  # 10 runs, all of them in the whole
    changed = " ".join([*WORDS[:18], "other", "end"])  # 16 of its 18 runs: 0.889
    assert Sameness(1.0).is_same(whole, part) and Sameness(1.0).is_same(part, whole)
    assert Sameness(16 / 18).is_same(whole, changed)
    assert not Sameness(16 / 18 + 1e-9).is_same(whole, changed)
    assert not Sameness(None).is_same(whole, part)
    assert Sameness(None).is_same(whole, whole.upper())
    assert not Sameness(0.1).is_same("", whole) and not Sameness(0.1).is_same("…", "!")


def test_near_equal_texts_are_no_negatives_and_are_looked_at_only_where_needed() -> None:
    texts = [" ".join(WORDS), "a", " ".join(WORDS[:15]), "b", " ".join([*WORDS[:15], "b"])]
    read: list[int] = []

    def text_of(i: int) -> str:
        read.append(i)
        return texts[i]

    given = options(1, 2, 3, 4, 5, texts=texts)
    given = Options(**{**{f: getattr(given, f) for f in Options.__slots__}, "text_of": text_of})
    found = negatives(given, count=1, max_overlap=0.8)
    assert (found.chosen, found.refused) == ((3,), {4: Refusal.SAME_TEXT})
    assert sorted(set(read)) == [0, 3, 4]


def test_what_is_too_similar_beside_the_positive_is_refused() -> None:
    given = options(1, 2, 3, 4, cosines=[0.8, 0.77, 0.76, 0.1])
    found = negatives(given, count=3, max_similarity=0.95)  # 0.95 of 0.8 is 0.76, which may be
    assert (found.chosen, found.refused) == ((3, 2), {1: Refusal.TOO_SIMILAR})
    assert negatives(given, count=3, max_similarity=None).chosen == (3, 2, 1)
    assert negatives(given, count=3, max_similarity=1.0).chosen == (3, 2, 1)
    assert set(negatives(given, count=3, max_similarity=0.1).refused) == {1, 2, 3}


@pytest.mark.parametrize("positive", [0.0, -0.2])
def test_beside_a_positive_without_similarity_nothing_more_similar_is_taken(
    positive: float,
) -> None:
    given = options(1, 2, 3, 4, cosines=[positive, positive + 0.01, positive, positive - 0.1])
    found = negatives(given, count=3, pick="hardest", max_similarity=0.95)
    assert (found.chosen, found.refused) == ((2, 3), {1: Refusal.TOO_SIMILAR})
    assert negatives(given, count=3, pick="hardest").chosen == (1, 2, 3)


def test_a_margin_below_the_positive_may_be_asked_for() -> None:
    given = options(1, 2, 3, cosines=[0.75, 0.71, 0.5])
    assert negatives(given, count=2, min_margin=0.05).refused == {1: Refusal.TOO_SIMILAR}
    assert negatives(given, count=2, min_margin=0.03).chosen == (2, 1)
    # The stricter of both rules counts.
    found = negatives(given, count=2, min_margin=0.03, max_similarity=0.5)
    assert set(found.refused) == {1, 2}


def test_similarity_says_nothing_beside_a_positive_that_has_none() -> None:
    given = options(1, 2, cosines=[None, 0.9])
    assert negatives(given, max_similarity=0.95).chosen == (1,)


def test_a_candidate_without_a_cosine_is_not_too_similar() -> None:
    given = options(1, 2, cosines=[0.5, None])
    assert negatives(given, max_similarity=0.95).chosen == (1,)


def test_what_is_too_relevant_is_refused() -> None:
    given = options(1, 2, 3, grades=[3.0, 0.51, 0.5])
    found = negatives(given, count=2, max_relevance=0.5)
    assert (found.chosen, found.refused) == ((2,), {1: Refusal.TOO_RELEVANT})
    assert negatives(given, count=2, max_relevance=None).chosen == (2, 1)
    assert negatives(options(1, 2), max_relevance=0.0).chosen == (1,)  # nothing was graded
    # Of several scorers that grade, the most generous one counts.
    given = options(1, 2, 3, grades=[3.0, 0.3, 0.3], highs=[3.0, 0.6, 0.3])
    assert negatives(given, count=2, max_relevance=0.5).chosen == (2,)


# -- the deeper pool


def test_too_few_left_are_made_up_from_beyond_the_judged_ones() -> None:
    cosines = [0.9, 0.8, 0.7, 0.75, 0.6, 0.71, 0.5]
    given = options(1, 2, 3, grades=[3.0, 2.0, 0.0], cosines=cosines, deeper=4)
    found = negatives(given, count=1, max_relevance=0.5, unjudged_similarity=0.9)
    assert (found.chosen, found.refused) == ((2,), {1: Refusal.TOO_RELEVANT})
    # The least similar relevant one has 0.8; nine tenths of that are 0.72.
    found = negatives(given, count=3, max_relevance=0.5, unjudged_similarity=0.9)
    assert found.chosen == (2, 5, 4)
    assert found.refused == {1: Refusal.TOO_RELEVANT, 3: Refusal.TOO_SIMILAR}
    assert negatives(given, count=3, max_relevance=0.5).chosen == (2,)
    # By the positive's own bound the first one would not be refused.
    found = negatives(
        options(1, cosines=cosines[:1] + cosines[3:], deeper=4), unjudged_similarity=0.9
    )
    assert found.chosen == (4,)  # the lowest


def test_each_negative_says_how_it_was_picked() -> None:
    given = options(1, 2, grades=[3.0, 0.0], cosines=[0.9, 0.8, 0.7], deeper=1)
    choice = chosen(given, count=2, max_relevance=0.5, unjudged_similarity=0.9)
    assert isinstance(choice, Choice)
    assert (choice.negatives, choice.picks) == ((1, 2), ("hardest", "unjudged"))


def test_the_deeper_pool_has_the_same_other_guards() -> None:
    given = options(
        1, grades=[3.0], cosines=[0.9, 0.3, 0.3, 0.3, 0.3, None], deeper=5,
        pages=list("aabcde"), splits=["train", "train", "test", "train", "train", "train"],
        texts=["one", "x", "x", "ONE", "y", "z"],
    )  # fmt: skip
    found = negatives(
        given, count=5, max_relevance=0.5, unjudged_similarity=0.9, same_page="refuse"
    )
    assert found.chosen == (4,)
    assert found.refused == {
        1: Refusal.SAME_PAGE,
        2: Refusal.OTHER_SPLIT,
        3: Refusal.SAME_TEXT,
        5: Refusal.TOO_SIMILAR,  # nothing is known of its similarity, so it is not trusted
    }


def test_unjudged_passages_are_not_trusted_where_no_similarity_is_known() -> None:
    for positive in (None, 0.0, -0.1):
        given = options(1, cosines=[positive, 0.1], deeper=1)
        assert negatives(given, unjudged_similarity=0.9).chosen == ()


def test_fewer_negatives_are_accepted_down_to_the_number_that_is_set() -> None:
    given = options(1, 2, 3, None)
    choice = chosen(given, count=4, at_least=2)
    assert isinstance(choice, Choice) and len(choice.negatives) == 2
    no = chosen(given, count=4, at_least=3)
    assert no == NoChoice(Reason.TOO_FEW_NEGATIVES, "2 of 3 found; refused: 1 not_scored")
    assert negatives(options(1, 2), count=5).chosen == (1,)
    assert negatives(options(1), count=5) == Negatives((), {})


def make_random(draw: random.Random) -> Options:
    ranks: list[int | None] = [*range(1, 9), None, None]
    draw.shuffle(ranks)
    n = len(ranks) + 5
    return options(
        *ranks,
        grades=[draw.choice([None, draw.random() * 3]) for _ in ranks],
        cosines=[draw.choice([None, draw.random()]) for _ in range(n)],
        pages=[draw.choice("abcdefg") for _ in range(n)],
        splits=[draw.choice(["train", "train", "test"]) for _ in range(n)],
        texts=[f"text {draw.randint(0, 9)}" for _ in range(n)],
        seed=draw.choice([None, *range(10)]),
        deeper=5,
    )


def test_every_judged_candidate_has_one_place_and_no_rule_is_broken() -> None:
    draw = random.Random(5)
    for _ in range(500):
        given = make_random(draw)
        choice = chosen(
            given, pick=draw.choice(["auto", "lowest", "hardest", "random"]), count=15, at_least=0,
            extra_count=2, extra_margin=0.5, max_similarity=0.9, max_relevance=1.0,
            unjudged_similarity=0.8, same_page="refuse", seed="refuse", max_overlap=0.8,
        )  # fmt: skip
        if isinstance(choice, NoChoice):
            assert choice.reason in (Reason.SPLIT_CONFLICT, Reason.TOO_FEW_SCORED)
            continue
        positives = (choice.positive, *choice.extra_positives)
        places = [*positives, *choice.negatives, *choice.refused]
        assert len(set(places)) == len(places) and set(range(given.n_judged)) <= set(places)
        texts = [given.text_of(i) for i in (*positives, *choice.negatives)]
        assert len(set(texts)) == len(texts)
        graded = any(grade is not None for grade in given.mean_grades)
        for i in choice.negatives:
            assert given.split_of(i) == given.split_of(choice.positive)
            assert given.page_of(i) != given.page_of(choice.positive) and i != given.seed
            if i < given.n_judged:
                assert (given.fused_ranks[i] or 0) > (given.fused_ranks[choice.positive] or 99)
                grade = given.max_grades[i]
                assert not graded or (grade is not None and grade <= 1.0)


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
