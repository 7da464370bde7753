"""Rules of pairs: the golden case, hand-made counts, and mlxtend as an independent witness."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlxtend.frequent_patterns import association_rules, fpgrowth
from scipy.sparse import csr_matrix

from precision.engine.backends.local import LocalEngine
from precision.engine.results import PairCounts
from recommender.methods import rules
from tests.recommender.golden import CONFIDENCES, COUNTS, PRODUCTS, RULES, golden_pairs


def test_golden_counts_and_confidences():
    _, pairs = golden_pairs()
    table = rules.matrix(pairs, range(5))
    assert table.counts == COUNTS
    assert table.baskets == 6
    rounded = [[None if share is None else round(share, 3) for share in row] for row in table.confidence]
    assert rounded == CONFIDENCES


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_golden_rules(seed: int):
    needed = rules.required_count(baskets=6, min_support=0.3)
    _, pairs = golden_pairs(min_count=needed, seed=seed)
    assert len(pairs) == 3
    found = rules.from_pairs(pairs, min_support=0.3)
    by_name = {
        (PRODUCTS[x], PRODUCTS[y]): (round(share, 3), round(sure, 4), round(times, 4))
        for x, y, share, sure, times in zip(
            found.antecedent, found.consequent, found.support, found.confidence, found.lift, strict=True
        )
    }
    assert by_name == RULES
    assert len(found) == 6


def test_the_matrix_of_some_products_keeps_their_order():
    _, pairs = golden_pairs()
    table = rules.matrix(pairs, [3, 0])
    assert table.counts == [[4, 1], [1, 3]]
    assert table.confidence == [[None, 0.25], [1 / 3, None]]


def test_a_count_below_the_cut_is_unknown_and_not_zero():
    _, pairs = golden_pairs(min_count=2)
    table = rules.matrix(pairs, [0, 2, 4])
    assert table.counts == [[3, 2, None], [2, 3, None], [None, None, 3]]
    assert table.confidence == [[None, 2 / 3, None], [2 / 3, None, None], [None, None, None]]


def test_a_product_in_no_basket_has_no_confidence():
    pairs = LocalEngine(threads=1).pair_counts(csr_matrix([[1, 1, 0], [1, 0, 0]]), min_count=1)
    table = rules.matrix(pairs, [0, 2])
    assert table.counts == [[2, 0], [0, 0]]
    assert table.confidence == [[None, 0.0], [None, None]]


@pytest.mark.parametrize("products", [[0, 0], [5], [-1]])
def test_products_that_are_no_columns_are_refused(products: list[int]):
    _, pairs = golden_pairs()
    with pytest.raises(ValueError, match="wanted different positions from 0 to 4"):
        rules.matrix(pairs, products)


def test_measures_by_hand():
    count, x, y = np.array([30]), np.array([40]), np.array([60])
    assert rules.support(count, baskets=200) == [0.15]
    assert rules.confidence(count, antecedent_count=x) == [0.75]
    assert rules.lift(count, antecedent_count=x, consequent_count=y, baskets=200) == [2.5]
    assert rules.leverage(count, antecedent_count=x, consequent_count=y, baskets=200) == pytest.approx([0.09])
    assert rules.shrunk_confidence(count, antecedent_count=x, shrinkage=10) == [0.6]


def test_measures_without_baskets_are_undefined():
    none = np.array([0])
    assert math.isnan(rules.support(none, baskets=0)[0])
    assert math.isnan(rules.confidence(none, antecedent_count=none)[0])
    assert math.isnan(rules.lift(none, antecedent_count=none, consequent_count=none, baskets=9)[0])


@pytest.mark.parametrize(
    ("baskets", "min_support", "needed"),
    [(6, 0.3, 2), (100, 0.07, 7), (100, 0.071, 8), (10, 0, 1), (0, 0.5, 1)],
)
def test_the_count_that_a_support_needs(baskets: int, min_support: float, needed: int):
    assert rules.required_count(baskets=baskets, min_support=min_support) == needed
    assert rules.required_count(baskets=baskets, min_support=min_support, min_count=50) == 50


def test_thresholds_are_inclusive():
    _, pairs = golden_pairs()
    every = rules.from_pairs(pairs)
    assert len(every) == 20
    assert len(rules.from_pairs(pairs, min_count=3)) == 2
    assert len(rules.from_pairs(pairs, min_confidence=0.75)) == 3
    assert len(rules.from_pairs(pairs, min_lift=2.0)) == 2
    assert np.isclose(rules.from_pairs(pairs, min_lift=2.0).leverage, 1 / 6).all()


def test_pairs_cut_above_the_thresholds_are_refused():
    _, pairs = golden_pairs(min_count=3)
    with pytest.raises(ValueError, match="cut at 3 baskets"):
        rules.from_pairs(pairs, min_support=0.3)


def test_bought_together_filters_by_lift_and_orders_by_shrunk_confidence():
    # 1,000 baskets; product 0 goes with 1 (300 of 400), with 2 (2 of 2: a chance find) and with 3, which is
    # in nearly every basket anyway (380 of 400, lift 0.97).
    pairs = PairCounts(
        a=np.array([0, 0, 0], dtype=np.int32),
        b=np.array([1, 2, 3], dtype=np.int32),
        count=np.array([300, 2, 380]),
        item_counts=np.array([400, 350, 2, 980]),
        baskets=1_000,
        min_count=2,
    )
    found, score = rules.bought_together(pairs, limit=2, shrinkage=10)
    assert list(zip(found.antecedent.tolist(), found.consequent.tolist(), strict=True)) == [
        (0, 1),
        (0, 2),
        (1, 0),
        (2, 0),
    ]
    assert score == pytest.approx([300 / 410, 2 / 410, 300 / 360, 2 / 12])
    assert (found.lift > 1).all()
    one, _ = rules.bought_together(pairs, limit=1, shrinkage=10)
    assert one.consequent.tolist() == [1, 0, 0]


@pytest.mark.parametrize("seed", range(3))
def test_rules_equal_those_of_mlxtend(seed: int):
    rng = np.random.default_rng(seed)
    bought = rng.random((80, 12)) < rng.uniform(0.1, 0.5, size=12)
    found = fpgrowth(pd.DataFrame(bought), min_support=4.5 / 80, max_len=2)
    # No quotient of such counts is 0.21: mlxtend divides rounded supports and may lose an equal one.
    expected = association_rules(found, metric="confidence", min_threshold=0.21)
    pairs = LocalEngine(threads=1).pair_counts(csr_matrix(bought), min_count=5)
    ours = rules.from_pairs(pairs, min_count=5, min_confidence=0.21)
    theirs = {
        (next(iter(row.antecedents)), next(iter(row.consequents))): (
            row.support,
            row.confidence,
            row.lift,
            row.leverage,
        )
        for row in expected.itertuples()
    }
    assert len(ours) == len(theirs) > 20
    measures = np.column_stack([ours.support, ours.confidence, ours.lift, ours.leverage])
    for x, y, row in zip(ours.antecedent.tolist(), ours.consequent.tolist(), measures, strict=True):
        assert row == pytest.approx(theirs[x, y])


def test_the_document_shows_the_golden_rules():
    page = (Path(rules.__file__).parents[2] / "docs" / "methods" / "rules.md").read_text(encoding="utf-8")
    names = {"cleanser": "facial cleanser", "day": "sun frost", "night": "night cream", "gel": "shower gel"}
    rows = page.split("| rule |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    written = {}
    for row in rows:
        rule, *figures = [cell.strip() for cell in row.strip("|").split("|")]
        written[tuple(names.get(side, side) for side in rule.split(" → "))] = [
            float(each) for each in figures
        ]
    _, pairs = golden_pairs()
    found = rules.from_pairs(pairs, min_support=0.3)
    assert written == {
        (PRODUCTS[x], PRODUCTS[y]): [n, *(pytest.approx(each, abs=5e-5) for each in figures)]
        for x, y, n, *figures in zip(
            found.antecedent, found.consequent, found.count, found.support, found.confidence, found.lift,
            found.leverage, strict=True,
        )
    }  # fmt: skip
