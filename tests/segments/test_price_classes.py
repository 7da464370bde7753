"""Features, rule and evidence of the price classes."""

import json
from dataclasses import replace
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest
from sklearn.metrics import adjusted_rand_score

from precision.shop import columns as col
from segments.methods import price_classes as classes
from segments.methods import prices
from segments.methods.price_classes import PriceClassRule, PriceClassThresholds

AS_OF = 400
RULE = PriceClassRule(least_orders=2, least_lines=2, least_customers=3, shrink_lines=0)
# Means 0 and deviations 1, so that the scores can be read off the features.
PLAIN = PriceClassThresholds(
    customers=100,
    position_mean=0,
    position_sd=1,
    buyers_mean=0,
    buyers_sd=1,
    discount_mean=0,
    discount_sd=1,
    border_a=1,
    border_b=1,
    scale_a=1,
    scale_b=1,
)
PLAIN_RULE = PriceClassRule(
    least_orders=3, least_lines=25, buyers_weight=0, discount_in_a=0, position_in_b=0, margin=0.1
)


def lazy(frame: pl.DataFrame) -> nw.LazyFrame[Any]:
    return nw.from_native(frame.sample(fraction=1, shuffle=True, seed=5).lazy())


def priced(rows: list[tuple[int | None, int, int, int, int, int]]) -> nw.LazyFrame[Any]:
    """Rows of (customer, order, product, day, reference, paid), one unit each, prices in currency units."""
    names = (col.CUSTOMER, col.ORDER, col.PRODUCT, col.DAY, "_reference", "_paid")
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.Int64), orient="row")
    saving = pl.col("_reference") - pl.col("_paid")
    return lazy(
        frame.with_columns(
            (pl.col("_paid") * 10_000).alias(col.AMOUNT_E4),
            (pl.col("_reference") * 10_000_000).alias(prices.LIST_VALUE_E7),
            (saving * 10_000_000).alias(prices.SAVED_VALUE_E7),
        )
    )


def positions(of: dict[int, float | None]) -> nw.LazyFrame[Any]:
    schema = {col.PRODUCT: pl.Int64, prices.PRICE_POSITION: pl.Float64}
    return lazy(pl.DataFrame(list(of.items()), schema=schema, orient="row"))


def features(rows: Any, of: dict[int, float | None], rule: PriceClassRule = RULE) -> pl.DataFrame:
    found = classes.customer_features(priced(rows), positions(of), as_of=AS_OF, rule=rule)
    return found.collect("polars").to_native().sort(col.CUSTOMER)


ROWS: list[tuple[int | None, int, int, int, int, int]] = [
    (1, 11, 1, 390, 10, 10),
    (1, 12, 2, 391, 20, 15),
    (1, 12, 3, 391, 10, 10),
    (2, 21, 1, 399, 10, 5),
    (2, 21, 1, 399, 10, 10),
    (None, 31, 2, 399, 20, 20),
]
POSITIONS = {1: 0.2, 2: 0.8, 3: None}


def test_features_by_hand() -> None:
    found = features(ROWS, POSITIONS)
    assert found.columns == [
        col.CUSTOMER,
        classes.ORDERS,
        classes.LINES,
        classes.POSITIONED_LINES,
        classes.SPEND_E4,
        classes.SAVED_E4,
        classes.LIST_VALUE_E4,
        classes.PRICE_POSITION,
        classes.BUYER_POSITION,
        classes.PRICE_SPREAD,
        classes.DISCOUNT_SHARE,
    ]
    first, second = found.rows()
    assert first[:7] == (1, 2, 3, 2, 350_000, 50_000, 400_000)
    assert first[7] == pytest.approx(0.5)
    assert first[9] == pytest.approx(np.std([0.2, 0.8], ddof=1))
    assert first[10] == pytest.approx(5 / 40)
    assert second[:7] == (2, 1, 2, 2, 150_000, 50_000, 200_000)
    assert second[7] == pytest.approx(0.2)
    assert second[9] == pytest.approx(0)
    assert second[10] == pytest.approx(0.25)


def test_buyer_position_is_the_mean_of_the_other_buyers() -> None:
    # Customer 3 buys product 1 twice and product 2 once, customer 1 (position 0.5) and 2 (0.2) as above.
    rows = [*ROWS, (3, 41, 1, 390, 10, 10), (3, 42, 1, 391, 10, 10), (3, 42, 2, 391, 20, 20)]
    rule = replace(RULE, shrink_lines=1)
    found = features(rows, POSITIONS, rule).rows_by_key(col.CUSTOMER, named=True, unique=True)
    # Mean position of the known customers' lines: five of product 1, two of product 2.
    mean = (5 * 0.2 + 2 * 0.8) / 7
    own = {1: (1.0 + mean) / 3, 2: (0.4 + mean) / 3, 3: (1.2 + mean) / 4}
    product_1 = (own[1] + 2 * own[2] + mean) / 4
    product_2 = (own[1] + mean) / 2
    assert found[3][classes.BUYER_POSITION] == pytest.approx((2 * product_1 + product_2) / 3)
    # Customer 2 bought product 1 only, which one line of customer 1 and two of customer 3 share.
    assert found[2][classes.BUYER_POSITION] == pytest.approx((own[1] + 2 * own[3] + mean) / 4)


def test_shrinking_adds_lines_at_the_average_of_the_platform() -> None:
    found = features(ROWS, POSITIONS, replace(RULE, shrink_lines=2))
    mean = (3 * 0.2 + 0.8) / 4
    assert found[classes.PRICE_POSITION].to_list() == pytest.approx(
        [(1.0 + 2 * mean) / 4, (0.4 + 2 * mean) / 4]
    )
    # Five lines of known customers: list value 60, saved 10; two average lines are 24 and 4.
    assert found[classes.DISCOUNT_SHARE].to_list() == pytest.approx(
        [(5 + 4) / (40 + 24), (5 + 4) / (20 + 24)]
    )


def test_without_a_comparable_price_the_position_is_unknown() -> None:
    found = features([(1, 1, 3, 390, 10, 10)], POSITIONS, replace(RULE, shrink_lines=15))
    assert found[classes.PRICE_POSITION].to_list() == [None]
    assert found[classes.BUYER_POSITION].to_list() == [None]
    assert found[classes.POSITIONED_LINES].to_list() == [0]


def test_nothing_on_or_after_the_day_or_before_the_window_is_seen() -> None:
    outside: list[Any] = [
        (c, 90 + c, 2, day, 20, 1) for c in (1, 2, 3) for day in (AS_OF, AS_OF + 9, AS_OF - 366)
    ]
    assert features(ROWS + outside, POSITIONS).equals(features(ROWS, POSITIONS))


def people(**given: Any) -> pl.DataFrame:
    """A feature frame with the columns that the rule reads; enough evidence unless told otherwise."""
    base: dict[str, Any] = {
        classes.ORDERS: 9,
        classes.POSITIONED_LINES: 100,
        classes.PRICE_POSITION: 0.0,
        classes.BUYER_POSITION: 0.0,
        classes.DISCOUNT_SHARE: 0.0,
    }
    return pl.DataFrame({**base, **given})


def classified(frame: pl.DataFrame, rule: PriceClassRule, given: PriceClassThresholds | None) -> pl.DataFrame:
    return classes.classify(nw.from_native(frame.lazy()), rule, given).collect("polars").to_native()


@pytest.mark.parametrize(
    ("position", "discount", "orders", "lines", "letter", "reason"),
    [
        (1.5, 0.0, 9, 100, "A", "quality"),
        (0.0, 1.5, 9, 100, "B", "discount"),
        (0.0, 0.0, 9, 100, "C", "neither"),
        (1.3, 1.5, 9, 100, "B", "discount"),  # past both borders: the larger lead
        (1.5, 1.3, 9, 100, "A", "quality"),
        (1.5, 1.45, 9, 100, "U", "near_border"),  # past both by nearly the same
        (1.09, 0.0, 9, 100, "U", "near_border"),
        (0.91, 0.0, 9, 100, "U", "near_border"),
        (0.0, 0.91, 9, 100, "U", "near_border"),
        (1.11, 0.0, 9, 100, "A", "quality"),
        (0.89, 0.0, 9, 100, "C", "neither"),
        (1.19, 0.0, 9, 25, "U", "near_border"),  # a quarter of the lines, twice the margin: 0.2
        (1.21, 0.0, 9, 25, "A", "quality"),
        (1.06, 0.0, 9, 400, "A", "quality"),  # four times the lines, half the margin: 0.05
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
    rule = replace(PLAIN_RULE, share_a=0.3, share_b=0.2, margin=0)
    found = classes.fit_thresholds(nw.from_native(pl.concat([frame, thin]), eager_only=True), rule)
    assert found is not None
    assert found.customers == 500
    assert found.position_mean == pytest.approx(frame[classes.PRICE_POSITION].mean())
    assert found.discount_sd == pytest.approx(frame[classes.DISCOUNT_SHARE].std(ddof=0))
    letters = classified(frame, rule, found)
    assert (letters[classes.QUALITY_LEAD] > 0).sum() == 150
    assert (letters[classes.DISCOUNT_LEAD] > 0).sum() == 100


def test_a_platform_with_few_customers_classifies_nobody() -> None:
    frame = people(price_position=[0.1, 0.5, 0.9])
    rule = replace(PLAIN_RULE, least_customers=4)
    assert classes.fit_thresholds(nw.from_native(frame, eager_only=True), rule) is None
    found = classified(frame, rule, None)
    assert found[classes.PRICE_CLASS].to_list() == ["U"] * 3
    assert found[classes.REASON].unique().to_list() == ["few_customers"]
    assert found[classes.QUALITY_LEAD].null_count() == 3


def test_a_shop_without_discounts_has_no_b_by_discount_and_no_nan() -> None:
    frame = people(price_position=np.linspace(0, 1, 100))
    rule = replace(PLAIN_RULE, position_in_b=0.0)
    found = classified(frame, rule, classes.fit_thresholds(nw.from_native(frame, eager_only=True), rule))
    assert set(found[classes.PRICE_CLASS]) <= {"A", "C", "U"}
    assert (found[classes.PRICE_CLASS] == "A").sum() > 0
    assert not found[classes.QUALITY_LEAD].is_nan().any()
    assert not found[classes.DISCOUNT_LEAD].is_nan().any()


def test_planted_classes_are_found_again() -> None:
    """Simulated orders in 40 categories of 25 products: the adjusted Rand index with the planted class."""
    rng = np.random.default_rng(42)
    products = pl.DataFrame(
        {col.PRODUCT: np.arange(1000), "_rank": np.tile((np.arange(25) + 0.5) / 25, 40)}
    ).with_columns((10_000 * (1 + 4 * pl.col("_rank"))).cast(pl.Int64).alias("_list"))
    planted = rng.choice(["A", "B", "C"], size=600, p=[0.4, 0.15, 0.45])
    # Beta parameters of the position that is looked for, and the chance that a line is bought at 30 % off.
    taste = {"A": (5, 2, 0.1), "B": (2, 4, 0.6), "C": (1.6, 2, 0.15)}
    parts = []
    for customer, letter in enumerate(planted):
        a, b, deal = taste[letter]
        lines = 150
        rank = np.minimum((rng.beta(a, b, lines) * 25).astype(int), 24)
        parts.append(
            pl.DataFrame(
                {
                    col.CUSTOMER: customer,
                    col.ORDER: customer * 100 + rng.integers(0, 15, lines),
                    col.PRODUCT: rng.integers(0, 40, lines) * 25 + rank,
                    col.DAY: rng.integers(AS_OF - 365, AS_OF, lines),
                    "_off": rng.random(lines) < deal,
                }
            )
        )
    lines = (
        pl.concat(parts)
        .join(products, on=col.PRODUCT)
        .with_columns(
            (pl.col(col.PRODUCT) // 25).alias(col.CATEGORY),
            pl.lit(1000, dtype=pl.Int64).alias(col.QUANTITY_E3),
            pl.lit(value=False).alias(col.RETURNED),
            pl.col("_list").alias(col.LIST_PRICE_E4),
            pl.when(pl.col("_off"))
            .then(pl.col("_list") * 7 // 10)
            .otherwise("_list")
            .alias(col.UNIT_PRICE_E4),
        )
        .with_columns(pl.col(col.UNIT_PRICE_E4).alias(col.AMOUNT_E4))
    )
    rule = PriceClassRule(share_a=0.4, share_b=0.15)
    at_reference = prices.priced_lines(lazy(lines), as_of=AS_OF)
    table = prices.product_prices(at_reference, as_of=AS_OF)
    found = classes.customer_features(at_reference, table, as_of=AS_OF, rule=rule).collect("polars")
    answer = classified(found.to_native(), rule, classes.fit_thresholds(found, rule)).sort(col.CUSTOMER)
    letters = answer[classes.PRICE_CLASS].to_numpy()
    sure = letters != "U"
    assert sure.mean() > 0.9
    assert adjusted_rand_score(planted[sure], letters[sure]) >= 0.9


def test_evidence_lets_the_class_be_worked_out_again() -> None:
    rows = [(c, c * 10 + i, 1 + (c + i) % 2, 390 + i, 20, 20 - c) for c in (1, 2, 3) for i in range(4)]
    found = nw.from_native(features(rows, POSITIONS), eager_only=True)
    thresholds = classes.fit_thresholds(found, RULE)
    row = classified(found.to_native(), RULE, thresholds).row(2, named=True)
    why = json.loads(json.dumps(classes.evidence(row, RULE, thresholds)))
    assert why["class"] == row[classes.PRICE_CLASS]
    assert why["text"] == classes.REASONS[why["reason"]]
    assert why["rule_version"] == 1
    values = why["values"]
    assert values[classes.SAVED_E4] / values[classes.LIST_VALUE_E4] == pytest.approx(
        values[classes.DISCOUNT_SHARE]
    )
    assert why["needed"]["distance_to_border"] == pytest.approx(RULE.margin * np.sqrt(100 / 4))
    assert why["platform"]["customers"] == 3
    nobody = classified(found.to_native(), RULE, None).row(0, named=True)
    assert classes.evidence(nobody, RULE, None)["platform"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"share_a": 0},
        {"share_b": 1.0},
        {"share_a": 0.6, "share_b": 0.5},
        {"buyers_weight": 1.1},
        {"least_orders": 0},
        {"window_days": 0},
        {"margin": -0.1},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PriceClassRule(**wrong)
