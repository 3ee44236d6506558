"""Figures over examples, by cases worked by hand."""

import random
from dataclasses import fields
from typing import Any

import pytest

from fret.card.measures import describe_choice
from fret.choosing.measures import measure_examples, shares_of_positive
from fret.choosing.separability import measure_separability
from fret.display_measures import describe_examples
from fret.records import Example

WORDS = [f"word{i}" for i in range(200)]


def example(**changes: Any) -> Example:
    empty: dict[str, Any] = {
        f.name: () if "tuple" in str(f.type) else None for f in fields(Example)
    }
    given = {"split": "train", "task_type": "question", "language": "en"}
    given |= {"positive_rule": "top", "negative_picks": ("hardest",), "query_id": "q"}
    return Example(**{**empty, **given, **changes})


ROWS = [
    example(
        positive_is_seed=True, seed_retrieval_rank=1, positive_similarity=0.8,
        negatives=("a",), negative_similarities=(0.4,), negative_fused_ranks=(3,), n_relevant=1,
        refused_reasons=("too_relevant", "same_text"),
    ),
    example(
        positive_is_seed=False, seed_retrieval_rank=21, positive_similarity=0.5,
        negatives=("a", "b"), negative_similarities=(0.49, 0.2), negative_fused_ranks=(2, None),
        negative_picks=("hardest", "unjudged"),
        n_relevant=4, extra_positives=("x", "y"), refused_reasons=("too_relevant",),
    ),
    example(
        positive_is_seed=False, seed_retrieval_rank=None, task_type="claim",
        negative_picks=("lowest",), positive_rule="agreed", negatives=("a",),
        negative_similarities=(0.3,), negative_fused_ranks=(9,), split="test",
    ),
    example(task_type="", negatives=("a",), negative_similarities=(None,),
            negative_fused_ranks=(2,), positive_similarity=0.5),
]  # fmt: skip


def test_figures_over_four_examples() -> None:
    assert measure_examples(ROWS) == {
        "splits": {"test": 1, "train": 3},
        "task_types": {"": 1, "claim": 1, "question": 2},
        "languages": {"en": 4},
        "positive_is_not_seed": 0.6667,
        "positive_is_not_seed_by_task_type": {"claim": 1.0, "question": 0.5},
        "positive_rules": {"agreed": 1, "top": 3},
        "seed_ranks": {"1": 1, "deeper": 2},
        "picks": {"hardest": 3, "lowest": 1, "unjudged": 1},
        "negatives": {"1": 3, "2": 1},
        # Shares of the positive: 0.5, and 0.98 and 0.4; two examples cannot tell.
        "hardness": {
            "of": 3,
            "by_share_of_positive": {"0.4": 1, "0.5": 1, "0.9": 1},
            "over_0.95": 0.3333,
            "under_0.5": 0.3333,
        },
        "relevant_candidates": {"1": 1, "4": 1},
        "with_extra_positives": 0.5,
        "extra_positives": 2,
        "refused": {"same_text": 1, "too_relevant": 2},
    }


def test_status_and_card_count_negatives_and_say_of_how_many_a_share_is() -> None:
    found = {**measure_examples(ROWS), "separability": None}
    told = list(describe_examples(found))
    assert "rules: 1 agreed, 3 top" in told
    assert told[-1] == (
        "negatives: 3 hardest, 1 lowest, 1 unjudged; "
        "of 3 comparable 33.3% under half the positive's similarity"
    )
    card = "\n".join(describe_choice(found))
    assert "Positives by rule: 1 agreed, 3 top." in card
    assert "Negatives by pick: 3 hardest, 1 lowest, 1 unjudged." in card
    assert "Of the 3 negatives whose similarity to the query can be compared" in card


def test_one_rule_for_all_is_not_counted() -> None:
    found = {**measure_examples(ROWS[:2]), "separability": None}
    assert not any(line.startswith("rules:") for line in describe_examples(found))
    assert "by rule" not in "\n".join(describe_choice(found))


def test_figures_over_nothing() -> None:
    found = measure_examples([])
    assert found["positive_is_not_seed"] is None and found["with_extra_positives"] is None
    assert found["hardness"]["over_0.95"] is None


def test_a_share_needs_two_similarities_and_a_positive_one() -> None:
    assert list(shares_of_positive(ROWS[1])) == pytest.approx([0.98, 0.4])
    assert list(shares_of_positive(ROWS[2])) == list(shares_of_positive(ROWS[3])) == []
    assert (
        list(shares_of_positive(example(positive_similarity=-0.1, negative_similarities=(1,))))
        == []
    )


def make_rows(mark: str, n: int = 300, *, shared: bool = False) -> list[Example]:
    """Positives and negatives of random words; the positives hold a mark besides."""
    luck = random.Random(3)

    def text() -> str:
        return " ".join(luck.choices(WORDS, k=30))

    return [
        example(
            query_id=str(i), positive=f"{text()} {mark}", negatives=(text(),),
            positive_id="same" if shared else f"p{i}", negative_ids=(f"n{i}",),
        )
        for i in range(n)
    ]  # fmt: skip


def test_a_mark_on_every_positive_is_seen_without_the_query() -> None:
    found = measure_separability(lambda: make_rows("advertisement"), seed=0)
    assert found is not None and found["auc"] > 0.99 and found["rows"] == 600


def test_random_texts_cannot_be_told_apart() -> None:
    rows = make_rows("")
    found = measure_separability(lambda: rows, seed=0)
    assert found is not None and 0.42 < found["auc"] < 0.58
    assert measure_separability(lambda: reversed(rows), seed=0)["rows"] == 600  # type: ignore[index]


def test_a_passage_that_is_always_the_positive_is_not_recognised() -> None:
    """It stands in every fold, so it is left out of all training, and nothing is left to learn."""
    assert measure_separability(lambda: make_rows("x", shared=True), seed=0) is None


def test_few_examples_have_no_such_figure() -> None:
    assert measure_separability(lambda: make_rows("x", n=19), seed=0) is None
    assert measure_separability(list, seed=0) is None
