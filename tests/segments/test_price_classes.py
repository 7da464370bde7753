"""The rule of the price classes, its posterior, and its evidence."""

import json
from dataclasses import replace
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest
from scipy.stats import norm
from sklearn.metrics import adjusted_rand_score

from benchmarks.quality_planted import planted_orders
from precision.shop import columns as col
from segments.methods import price_classes as classes
from segments.methods import price_features as pf
from segments.methods import prices
from segments.methods.price_classes import PriceClassRule, PriceClassThresholds
from segments.methods.price_posterior import class_probabilities

SILENT = dict.fromkeys((f"noise_{i}_{j}" for i, j in pf.PAIRS), 0.0)
# Means 0 and deviations 1, so that the scores can be read off the features; a lead is known to 1/10 at 100 lines.
PLAIN = PriceClassThresholds(
    customers=100,
    means=(0, 0, 0),
    sds=(1, 1, 1),
    border_a=1,
    border_b=1,
    scale_a=1,
    scale_b=1,
    error_a=1,
    error_b=1,
    error_correlation=0,
)
PLAIN_RULE = PriceClassRule(
    least_orders=3,
    least_lines=25,
    buyers_weight=0,
    discount_in_a=0,
    position_in_b=0,
    confidence=0.8,
    shrink_lines=0,
)


def people(**given: Any) -> pl.DataFrame:
    """A feature frame with the columns that the rule reads; enough evidence unless told otherwise."""
    base: dict[str, Any] = {
        pf.ORDERS: 9,
        pf.POSITIONED_LINES: 100,
        prices.PRICE_POSITION: 0.0,
        pf.BUYER_POSITION: 0.0,
        prices.DISCOUNT_SHARE: 0.0,
    }
    return pl.DataFrame({**base, **given})


def classified(frame: pl.DataFrame, rule: PriceClassRule, given: PriceClassThresholds | None) -> pl.DataFrame:
    return classes.classify(nw.from_native(frame, eager_only=True), rule, given).to_native()


def fitted(
    frame: pl.DataFrame, rule: PriceClassRule, noise: dict[str, float | None] | None = None
) -> PriceClassThresholds | None:
    return classes.fit_thresholds(nw.from_native(frame, eager_only=True), rule, noise or {**SILENT})


@pytest.mark.parametrize(
    ("position", "discount", "orders", "lines", "letter", "reason"),
    [
        (1.5, 0.0, 9, 100, "A", "quality"),
        (0.0, 1.5, 9, 100, "B", "discount"),
        (0.0, 0.0, 9, 100, "C", "neither"),
        (1.2, 1.5, 9, 100, "B", "discount"),  # past both borders: the larger lead
        (1.5, 1.2, 9, 100, "A", "quality"),
        (1.5, 1.45, 9, 100, "U", "near_border"),  # past both by nearly the same
        # One border, the other far away: P = Φ(distance × sqrt(lines)); Φ(0.84) = 0.7995, Φ(0.85) = 0.8023.
        (1.084, 0.0, 9, 100, "U", "near_border"),
        (1.085, 0.0, 9, 100, "A", "quality"),
        (0.916, 0.0, 9, 100, "U", "near_border"),
        (0.915, 0.0, 9, 100, "C", "neither"),
        (0.0, 0.916, 9, 100, "U", "near_border"),
        (1.16, 0.0, 9, 25, "U", "near_border"),  # a quarter of the lines, twice the distance
        (1.17, 0.0, 9, 25, "A", "quality"),
        (1.043, 0.0, 9, 400, "A", "quality"),
        (9.0, 0.0, 2, 100, "U", "few_orders"),
        (9.0, 0.0, 9, 24, "U", "few_orders"),
        (None, 0.0, 9, 0, "U", "few_orders"),
    ],
)
def test_rule_on_both_sides_of_every_border(
    position: float | None, discount: float, orders: int, lines: int, letter: str, reason: str
) -> None:
    frame = people(
        price_position=pl.Series([position], dtype=pl.Float64),
        discount_share=[discount],
        orders=[orders],
        positioned_lines=[lines],
    )
    row = classified(frame, PLAIN_RULE, PLAIN).row(0, named=True)
    assert (row[classes.PRICE_CLASS], row[classes.REASON]) == (letter, reason)


def test_discounts_take_off_quality_and_dear_goods_off_price_sensitivity() -> None:
    rule = replace(PLAIN_RULE, buyers_weight=0.25, discount_in_a=0.5, position_in_b=0.1)
    frame = people(price_position=[2.0], buyer_position=[4.0], discount_share=[3.0])
    row = classified(frame, rule, PLAIN).row(0, named=True)
    blend = 0.75 * 2 + 0.25 * 4
    assert row[classes.QUALITY_LEAD] == pytest.approx(blend - 0.5 * 3 - 1)
    assert row[classes.DISCOUNT_LEAD] == pytest.approx(3 - 0.1 * blend - 1)


def test_thresholds_are_means_deviations_and_quantiles_of_those_with_evidence() -> None:
    rng = np.random.default_rng(0)
    frame = people(price_position=rng.normal(0.5, 0.1, 500), discount_share=rng.normal(0.2, 0.05, 500))
    thin = people(price_position=rng.normal(9, 1, 200), positioned_lines=1)
    rule = replace(PLAIN_RULE, share_a=0.3, share_b=0.2)
    found = fitted(pl.concat([frame, thin]), rule)
    assert found is not None
    assert found.customers == 500
    assert found.means[0] == pytest.approx(frame[prices.PRICE_POSITION].mean())
    assert found.sds[2] == pytest.approx(frame[prices.DISCOUNT_SHARE].std(ddof=0))
    letters = classified(frame, rule, found)
    assert (letters[classes.QUALITY_LEAD] > 0).sum() == 150
    assert (letters[classes.DISCOUNT_LEAD] > 0).sum() == 100


def test_errors_of_the_leads_follow_from_the_noise_of_the_measures() -> None:
    rng = np.random.default_rng(3)
    frame = people(
        price_position=rng.normal(0, 2, 400),
        buyer_position=rng.normal(0, 0.5, 400),
        discount_share=rng.normal(0, 1, 400),
    )
    rule = replace(PLAIN_RULE, buyers_weight=0.6, discount_in_a=0.3, position_in_b=0.2)
    matrix = np.array([[4.0, 0.3, 0.1], [0.3, 1.0, -0.2], [0.1, -0.2, 2.0]])
    found = fitted(frame, rule, {f"noise_{i}_{j}": float(matrix[i, j]) for i, j in pf.PAIRS})
    assert found is not None
    blend = np.array([0.4, 0.6, 0])
    weights = np.stack([blend - [0, 0, 0.3], [0, 0, 1] - 0.2 * blend]) / np.array(found.sds)
    expected = weights @ matrix @ weights.T
    assert found.error_a == pytest.approx(np.sqrt(expected[0, 0]) / found.scale_a)
    assert found.error_b == pytest.approx(np.sqrt(expected[1, 1]) / found.scale_b)
    correlation = expected[0, 1] / np.sqrt(expected[0, 0] * expected[1, 1])
    assert found.error_correlation == pytest.approx(correlation)


def one(q: float, d: float, q_sd: float, d_sd: float, correlation: float) -> np.ndarray[Any, Any]:
    each = (np.array([value]) for value in (q, d, q_sd, d_sd))
    quality, discount, quality_sd, discount_sd = each
    return class_probabilities(
        quality, discount, quality_sd=quality_sd, discount_sd=discount_sd, correlation=correlation
    )[0]


@pytest.mark.parametrize("correlation", [-0.6, 0.0, 0.5])
def test_probabilities_are_those_of_drawn_leads(correlation: float) -> None:
    rng = np.random.default_rng(2)
    for q, d, q_sd, d_sd in [(0.1, -0.2, 0.3, 0.5), (0.4, 0.5, 0.5, 0.2), (-1, -0.1, 0.4, 0.8)]:
        cross = correlation * q_sd * d_sd
        drawn = rng.multivariate_normal([q, d], [[q_sd**2, cross], [cross, d_sd**2]], 200_000)
        b = (drawn[:, 1] > 0) & (drawn[:, 1] >= drawn[:, 0])
        c = (drawn <= 0).all(axis=1)
        expected = [1 - b.mean() - c.mean(), b.mean(), c.mean()]
        assert one(q, d, q_sd, d_sd, correlation) == pytest.approx(expected, abs=0.01)


def test_probabilities_of_one_border_are_the_normal_distribution() -> None:
    assert one(0.3, -50, 0.5, 0.5, 0.0) == pytest.approx([norm.cdf(0.6), 0, 1 - norm.cdf(0.6)], abs=1e-6)
    assert one(-50, 0.3, 0.5, 0.5, 0.0) == pytest.approx([0, norm.cdf(0.6), 1 - norm.cdf(0.6)], abs=1e-6)
    assert one(1, -1, 0.0, 0.0, 0.0) == pytest.approx([1, 0, 0])  # no error at all
    nobody = np.empty(0)
    assert class_probabilities(
        nobody, nobody, quality_sd=nobody, discount_sd=nobody, correlation=0.0
    ).shape == (0, 3)


def test_said_probabilities_come_true() -> None:
    """True leads drawn, measured with error and shrunk: of those said to be sure to p, the share p is right."""
    rng = np.random.default_rng(8)
    truth = rng.normal(-0.5, 1, (20_000, 2))
    lines, noise = 25, 25.0  # as much error as there are differences
    seen = truth + rng.normal(0, np.sqrt(noise / lines), truth.shape)
    shrunk = (seen * lines - 0.5 * noise) / (lines + noise)
    sd = np.full(len(truth), np.sqrt(noise / (lines + noise)))
    said = class_probabilities(shrunk[:, 0], shrunk[:, 1], quality_sd=sd, discount_sd=sd, correlation=0.0)
    right = np.where(truth.max(axis=1) <= 0, 2, np.argmax(truth, axis=1))
    for letter in range(3):
        for low in (0.2, 0.4, 0.6, 0.8):
            chosen = (said[:, letter] >= low) & (said[:, letter] < low + 0.2)
            if chosen.sum() > 500:
                assert (right[chosen] == letter).mean() == pytest.approx(
                    said[chosen, letter].mean(), abs=0.03
                )


def test_a_platform_with_few_customers_classifies_nobody() -> None:
    frame = people(price_position=[0.1, 0.5, 0.9])
    rule = replace(PLAIN_RULE, least_people=4)
    assert fitted(frame, rule) is None
    found = classified(frame, rule, None)
    assert found[classes.PRICE_CLASS].to_list() == ["U"] * 3
    assert found[classes.REASON].unique().to_list() == ["few_customers"]
    assert found[classes.QUALITY_LEAD].null_count() == 3
    assert found[classes.CONFIDENCE].null_count() == 3


def test_nobody_at_all() -> None:
    empty = people(price_position=[0.1]).clear()
    assert fitted(empty, PLAIN_RULE) is None
    assert classified(empty, PLAIN_RULE, None).height == 0
    assert classified(empty, PLAIN_RULE, PLAIN).height == 0


def test_a_shop_without_discounts_has_no_b_by_discount_and_no_nan() -> None:
    frame = people(price_position=np.linspace(0, 1, 100))
    rule = replace(PLAIN_RULE, position_in_b=0.0)
    found = classified(frame, rule, fitted(frame, rule))
    assert set(found[classes.PRICE_CLASS]) <= {"A", "C", "U"}
    assert (found[classes.PRICE_CLASS] == "A").sum() > 0
    for name in (classes.QUALITY_LEAD, classes.DISCOUNT_LEAD, classes.CONFIDENCE, *classes.PROBABILITIES):
        assert not found[name].is_nan().any()


def test_planted_classes_are_found_again() -> None:
    """Simulated orders in 40 categories of 25 products: the adjusted Rand index with the planted class."""
    lines, truth, as_of = planted_orders(np.random.default_rng(42))
    shuffled = lines.sample(fraction=1, shuffle=True, seed=5).lazy()
    rule = PriceClassRule(share_a=0.4, share_b=0.15)
    at_reference = prices.priced_lines(nw.from_native(shuffled), as_of=as_of)
    table = prices.product_prices(at_reference, as_of=as_of)
    window: dict[str, Any] = {"as_of": as_of, "window_days": 365, "shrink_lines": rule.shrink_lines}
    found = pf.customer_features(at_reference, table, **window).collect("polars")
    noise = pf.measurement_noise(at_reference, table, **window).collect("polars").to_native()
    thresholds = classes.fit_thresholds(found, rule, noise.row(0, named=True))
    answer = classified(found.to_native(), rule, thresholds).join(truth, on=col.CUSTOMER)
    sure = answer.filter(pl.col(classes.PRICE_CLASS) != "U")
    assert sure.height > 0.9 * answer.height
    assert adjusted_rand_score(sure["planted"], sure[classes.PRICE_CLASS]) >= 0.9


def test_evidence_lets_the_class_be_worked_out_again() -> None:
    rng = np.random.default_rng(4)
    frame = people(
        **dict.fromkeys((pf.SPEND_E4, pf.SAVED_E4, pf.LIST_VALUE_E4, prices.LINES), 1),
        price_spread=0.1,
        price_position=rng.normal(0, 1, 60),
        discount_share=rng.normal(0, 1, 60),
    )
    thresholds = fitted(frame, PLAIN_RULE, {**SILENT, "noise_0_0": 9.0, "noise_2_2": 16.0})
    rows = classified(frame, PLAIN_RULE, thresholds)
    assert set(rows[classes.PRICE_CLASS]) == {"A", "B", "C", "U"}
    for row in rows.iter_rows(named=True):
        why = json.loads(json.dumps(classes.evidence(row, PLAIN_RULE, thresholds)))
        letter, chance = max(why["probabilities"].items(), key=lambda each: each[1])
        sure = chance >= why["needed"][classes.CONFIDENCE]
        assert why["class"] == (letter if sure else "U")
        assert why["text"] == classes.REASONS[why["reason"]]
        assert why["platform"]["customers"] == 60
    nobody = classified(frame, PLAIN_RULE, None).row(0, named=True)
    assert classes.evidence(nobody, PLAIN_RULE, None)["platform"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"share_a": 0},
        {"share_b": 1.0},
        {"share_a": 0.6, "share_b": 0.5},
        {"buyers_weight": 1.1},
        {"least_orders": 0},
        {"window_days": 0},
        {"discount_in_a": -0.1},
        {"position_in_b": float("nan")},
        {"shrink_lines": float("inf")},
        {"window_days": 100_000},
        {"confidence": 1.0},
        {"tests_confidence": -0.1},
        {"least_trials": 0},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PriceClassRule(**wrong)
