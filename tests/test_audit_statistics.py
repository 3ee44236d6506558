"""Statistics of an audit, against values worked by hand, from textbooks, and by scikit-learn."""

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from fret.audit.statistics import (
    Share,
    Weights,
    cohen_kappa,
    measure_agreement,
    wilson_interval,
)


# Newcombe 1998 (Statistics in Medicine 17: 857-872), table I, method 3; the last two by hand:
# at 0 of n the upper end is z² / (n + z²), and for 5 of 10 the half width is z / (2 √(n + z²)).
@pytest.mark.parametrize(
    ("n", "of", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (0, 10, 0.0, 3.8415 / 13.8415),
        (5, 10, 0.5 - 1.95996 / (2 * 13.8415**0.5), 0.5 + 1.95996 / (2 * 13.8415**0.5)),
    ],
)
def test_wilson_gives_the_published_intervals(n: int, of: int, low: float, high: float) -> None:
    assert wilson_interval(n, of) == pytest.approx((low, high), abs=6e-5)
    mirrored = wilson_interval(of - n, of)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=6e-5)


def test_wilson_ends_at_exactly_0_and_1() -> None:
    for of in (1, 3, 7, 100):
        assert wilson_interval(0, of)[0] == 0.0
        assert wilson_interval(of, of)[1] == 1.0


def test_a_share_of_nothing_has_no_value_and_no_interval() -> None:
    assert Share(0, 0).value is None and Share(0, 0).interval is None
    assert Share(3, 4).value == 0.75


# Observed agreement .70, expected .60*.65 + .30*.25 + .10*.10 = .475 (Fleiss, Cohen & Everitt
# 1969). Linear, by hand: observed disagreement .33, expected .6*.25 + .6*.1*2 + .3*.65 + .3*.1 +
# .1*.65*2 + .1*.25 = .65. Quadratic: .39 against .6*.25 + .6*.1*4 + .3*.65 + .3*.1 + .1*.65*4 +
# .1*.25 = .90.
FLEISS = [[53, 5, 2], [11, 14, 5], [1, 6, 3]]


@pytest.mark.parametrize(
    ("table", "weights", "expected"),
    [
        ([[20, 5], [10, 15]], "none", 0.4),
        (FLEISS, "none", 0.225 / 0.525),
        (FLEISS, "linear", 1 - 0.33 / 0.65),
        (FLEISS, "quadratic", 1 - 0.39 / 0.90),
        ([[7, 0, 0], [0, 5, 0], [0, 0, 3]], "none", 1.0),
        ([[7, 0, 0], [0, 5, 0], [0, 0, 3]], "quadratic", 1.0),
        ([[25, 25], [25, 25]], "none", 0.0),
        ([[6, 3], [4, 2]], "none", 0.0),
        ([[0, 10], [10, 0]], "none", -1.0),
        # One rater says one and the same throughout: no better than chance.
        ([[6, 4], [0, 0]], "none", 0.0),
    ],
)
def test_kappa_of_worked_tables(table: Any, weights: Weights, expected: float) -> None:
    assert cohen_kappa(np.array(table), weights) == pytest.approx(expected)
    assert cohen_kappa(np.array(table).T, weights) == pytest.approx(expected)


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_kappa_is_that_of_scikit_learn(weights: Weights) -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        first, second = rng.integers(0, 3, 50), rng.integers(0, 3, 50)
        table = np.zeros((3, 3), np.int64)
        np.add.at(table, (first, second), 1)
        reference = cohen_kappa_score(first, second, weights=None if weights == "none" else weights)
        assert cohen_kappa(table, weights) == pytest.approx(reference)


def test_kappa_is_not_defined_where_both_always_say_the_same() -> None:
    assert cohen_kappa(np.array([[9, 0], [0, 0]])) is None
    assert cohen_kappa(np.zeros((3, 3), np.int64)) is None
    found = measure_agreement(np.array([[[9, 0], [0, 0]]] * 5))
    assert found.kappa is None and found.interval is None and found.n == 45


def by_query(table: Any) -> Any:
    """One query for each pair of marks."""
    pairs = []
    for (row, column), count in np.ndenumerate(np.array(table)):
        one = np.zeros_like(np.array(table))
        one[row, column] = 1
        pairs += [one] * count
    return np.array(pairs)


def test_the_interval_is_near_the_analytic_one_where_pairs_are_independent() -> None:
    # Fleiss, Cohen & Everitt 1969, equation 13, for FLEISS unweighted.
    p = np.array(FLEISS) / 100
    rows, columns = p.sum(1), p.sum(0)
    agreed, expected = np.trace(p), float(rows @ columns)
    kappa = (agreed - expected) / (1 - expected)
    a = sum(p[i, i] * (1 - (rows[i] + columns[i]) * (1 - kappa)) ** 2 for i in range(3))
    b = (1 - kappa) ** 2 * sum(
        p[i, j] * (columns[i] + rows[j]) ** 2 for i in range(3) for j in range(3) if i != j
    )
    c = (kappa - expected * (1 - kappa)) ** 2
    half = 1.96 * ((a + b - c) / (100 * (1 - expected) ** 2)) ** 0.5
    found = measure_agreement(by_query(FLEISS))
    assert found.n == found.n_queries == 100 and found.kappa == pytest.approx(kappa)
    assert found.interval == pytest.approx((kappa - half, kappa + half), abs=0.03)


def test_the_interval_is_the_same_for_the_same_seed_and_wider_for_fewer_queries() -> None:
    many = by_query(FLEISS)
    assert measure_agreement(many, seed=3) == measure_agreement(many, seed=3)
    # The same pairs, marked in ten queries instead of a hundred: they are not independent.
    few = many.reshape(10, 10, 3, 3).sum(axis=1)
    wide, narrow = measure_agreement(few).interval, measure_agreement(many).interval
    assert wide and narrow and wide[1] - wide[0] > narrow[1] - narrow[0]


def test_one_query_gives_a_kappa_and_no_interval() -> None:
    found = measure_agreement(np.array([FLEISS]))
    assert found.kappa == pytest.approx(0.225 / 0.525) and found.interval is None


def test_queries_without_pairs_do_not_count() -> None:
    empty = np.zeros((4, 3, 3), np.int64)
    found = measure_agreement(np.concatenate([by_query(FLEISS), empty]))
    assert found == measure_agreement(by_query(FLEISS))
    assert measure_agreement(empty).kappa is None
