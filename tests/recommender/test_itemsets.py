"""Rules of larger sets, against mlxtend on all baskets and by hand."""

import numpy as np
import pandas as pd
import pytest
from mlxtend.frequent_patterns import association_rules, fpgrowth
from scipy.sparse import csr_matrix

from precision.engine.backends.local import LocalEngine
from precision.engine.results import Itemsets
from recommender.methods.itemsets import from_itemsets
from tests.recommender.golden import golden_pairs

ENGINE = LocalEngine(threads=1)


def test_golden_triples_by_hand():
    baskets, _ = golden_pairs()
    found = ENGINE.itemsets(baskets.matrix, min_count=1)
    triples = {items: count for items, count in zip(found.sets, found.count, strict=True) if len(items) == 3}
    # Baskets A (cleanser, day, night), B (night, shampoo, gel) and D (cleanser, day, shampoo, gel).
    assert triples == {(0, 1, 2): 1, (2, 3, 4): 1, (0, 1, 3): 1, (0, 1, 4): 1, (0, 3, 4): 1, (1, 3, 4): 1}
    rules = from_itemsets(found, min_confidence=1.0)
    position = list(zip(rules.antecedent, rules.consequent, strict=True)).index(((1, 2), (0,)))
    assert rules.confidence[position] == 1.0
    assert rules.lift[position] == 2.0  # cleanser is in 3 of 6 baskets
    assert rules.support[position] == pytest.approx(1 / 6)
    assert rules.leverage[position] == pytest.approx(1 / 6 - 1 / 6 * 3 / 6)


@pytest.mark.parametrize("seed", range(3))
def test_rules_equal_those_of_mlxtend_on_all_baskets(seed: int):
    rng = np.random.default_rng(seed)
    bought = rng.random((120, 14)) < rng.uniform(0.05, 0.6, size=14)
    expected = association_rules(
        fpgrowth(pd.DataFrame(bought), min_support=5.5 / 120, max_len=4),
        metric="confidence",
        min_threshold=0.3001,  # no quotient: mlxtend divides rounded supports and may lose an equal
    )
    theirs = {
        (tuple(sorted(row.antecedents)), tuple(sorted(row.consequents))): (
            row.support,
            row.confidence,
            row.lift,
            row.leverage,
        )
        for row in expected.itertuples()
        if len(row.antecedents) + len(row.consequents) > 2
    }
    ours = from_itemsets(
        ENGINE.itemsets(csr_matrix(bought), min_count=6, max_length=4), min_confidence=0.3001
    )
    assert len(ours) == len(theirs) > 50
    measures = np.column_stack([ours.support, ours.confidence, ours.lift, ours.leverage])
    for x, y, row in zip(ours.antecedent, ours.consequent, measures, strict=True):
        assert row == pytest.approx(theirs[x, y])


def test_sets_with_a_missing_part_are_refused():
    broken = Itemsets(
        sets=((0, 1), (0, 2), (0, 1, 2)),
        count=np.array([5, 5, 4]),
        item_counts=np.array([6, 6, 6]),
        baskets=10,
        min_count=4,
    )
    with pytest.raises(ValueError, match=r"the items \(1, 2\)"):
        from_itemsets(broken)


def test_no_sets_are_no_rules():
    found = ENGINE.itemsets(csr_matrix(np.eye(3, dtype=int)), min_count=1)
    rules = from_itemsets(found)
    assert len(rules) == 0
    assert rules.confidence.shape == (0,)
