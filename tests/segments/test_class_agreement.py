"""Agreement of two classifications by hand, and clusters as the second method of the price classes."""

import narwhals as nw
import numpy as np
import polars as pl
import pytest
from sklearn.metrics import adjusted_rand_score, cohen_kappa_score

from precision.shop import columns as col
from segments.methods import agreement, price_classes, price_clusters, prices
from segments.methods import price_features as pf
from segments.methods.price_classes import LETTERS, PriceClassRule

RULE = PriceClassRule(least_orders=2, least_lines=10, confidence=0)


def letters(text: str) -> "np.ndarray[tuple[int], np.dtype[np.str_]]":
    return np.array(list(text), dtype="<U1")


def test_agreement_by_hand() -> None:
    # Cohen (1960): 20 both yes, 5 and 10 apart, 15 both no: 0.7 seen, 0.5 by chance.
    first, second = letters("Y" * 25 + "N" * 25), letters("Y" * 20 + "N" * 5 + "Y" * 10 + "N" * 15)
    found = agreement.compare(first, second, classes=("Y", "N"))
    assert found.counts == ((20, 5), (10, 15))
    assert found.same == pytest.approx(0.7)
    assert found.kappa == pytest.approx(0.4)


def test_agreement_as_the_library_has_it() -> None:
    rng = np.random.default_rng(0)
    first = rng.choice(list("ABC"), 500)
    second = np.where(rng.random(500) < 0.6, first, rng.choice(list("ABC"), 500))
    found = agreement.compare(first, second, classes=("A", "B", "C"))
    assert found.kappa == pytest.approx(cohen_kappa_score(first, second))
    assert found.rand == pytest.approx(adjusted_rand_score(first, second))


def test_agreement_that_cannot_be_said_is_none_with_a_reason() -> None:
    nobody = agreement.compare(letters(""), letters(""), classes=LETTERS)
    assert (nobody.people, nobody.kappa, nobody.reason) == (0, None, "nobody")
    alike = agreement.compare(letters("AAA"), letters("AAA"), classes=LETTERS)
    assert (alike.same, alike.kappa) == (1.0, None)
    assert "one class" in alike.reason
    apart = agreement.compare(letters("AAA"), letters("BBB"), classes=LETTERS)
    assert (apart.same, apart.kappa) == (0.0, 0.0)


def test_agreement_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="same people"):
        agreement.compare(letters("AB"), letters("A"), classes=LETTERS)
    with pytest.raises(ValueError, match="X"):
        agreement.compare(letters("X"), letters("A"), classes=LETTERS)


def planted(count: int = 600) -> tuple[pl.DataFrame, "np.ndarray[tuple[int], np.dtype[np.str_]]"]:
    """Customers in three clouds: A dear, B discounted, C in the middle."""
    rng = np.random.default_rng(3)
    truth = rng.choice(list(LETTERS), count, p=[0.4, 0.2, 0.4])
    centre = {"A": (0.7, 0.1), "B": (0.45, 0.4), "C": (0.45, 0.1)}
    position, discount = (np.array([centre[each][i] for each in truth]) for i in (0, 1))
    frame = pl.DataFrame(
        {
            col.CUSTOMER: np.arange(count) + 1000,
            pf.ORDERS: 9,
            pf.POSITIONED_LINES: 100,
            prices.PRICE_POSITION: position + rng.normal(0, 0.03, count),
            pf.BUYER_POSITION: position + rng.normal(0, 0.03, count),
            prices.DISCOUNT_SHARE: discount + rng.normal(0, 0.03, count),
        }
    )
    return frame, truth


def test_clusters_find_planted_groups_and_bear_their_names() -> None:
    frame, truth = planted()
    thin = frame.head(5).with_columns(pl.lit(3, dtype=pl.Int32).alias(pf.POSITIONED_LINES))
    both = nw.from_native(pl.concat([frame, thin]), eager_only=True)
    found = price_clusters.price_clusters(both, RULE, np.random.default_rng(1))
    assert found is not None
    assert len(found.customers) == 600
    assert (found.letters == truth).mean() > 0.98
    assert found.centres[1, 2] == pytest.approx(0.4, abs=0.02)
    assert found.centres[0, 0] == pytest.approx(0.7, abs=0.02)


def test_rule_and_clusters_are_compared_where_both_give_a_class() -> None:
    frame, _ = planted()
    features = nw.from_native(frame, eager_only=True)
    rule = PriceClassRule(least_orders=2, least_lines=10, share_a=0.4, share_b=0.2)
    silent = dict.fromkeys((f"noise_{i}_{j}" for i, j in pf.PAIRS), 0.01)
    classes = price_classes.classify(features, rule, price_classes.fit_thresholds(features, rule, silent))
    groups = price_clusters.price_clusters(features, rule, np.random.default_rng(1))
    assert groups is not None
    found = price_clusters.agreement_with_rule(classes, groups)
    assert found.people == int((classes[price_classes.PRICE_CLASS] != "U").sum())
    assert found.kappa is not None
    assert found.kappa > 0.8


def test_too_few_customers_make_no_clusters() -> None:
    frame, _ = planted(40)
    assert (
        price_clusters.price_clusters(nw.from_native(frame, eager_only=True), RULE, np.random.default_rng(1))
        is None
    )


def test_customers_who_are_all_alike_make_no_clusters() -> None:
    frame, _ = planted()
    alike = pl.concat([frame.head(1)] * 60)
    found = price_clusters.price_clusters(
        nw.from_native(alike, eager_only=True), RULE, np.random.default_rng(1)
    )
    assert found is None
