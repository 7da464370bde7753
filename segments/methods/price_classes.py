"""Price classes A, B, C and U of customers: features, the versioned rule, and the evidence.

A tends to high-quality goods, B is very price-sensitive, C buys the cheap and the dear alike, U: not enough
evidence. Formulas, choices and what they reached on two real shops: docs/methods/price-classes.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from precision.shop import columns as col
from segments.methods.prices import (
    DISCOUNT_SHARE,
    LINES,
    LIST_VALUE_E7,
    PRICE_POSITION,
    SAVED_VALUE_E7,
)

ORDERS = "orders"  # Int64, orders in the window
POSITIONED_LINES = "positioned_lines"  # Int64, lines whose product has a price position
SPEND_E4 = "spend_e4"  # Int64, paid for the sold lines of the window
SAVED_E4 = "saved_e4"  # Int64, saved against the reference prices on those lines
LIST_VALUE_E4 = "list_value_e4"  # Int64, what those lines cost at their reference prices
PRICE_SPREAD = "price_spread"  # Float64, standard deviation of the lines' positions, null below two
BUYER_POSITION = "buyer_position"  # Float64, price position of the other buyers of what the customer buys
PRICE_CLASS = "price_class"  # String: A, B, C or U
REASON = "price_class_reason"  # String, one of REASONS
QUALITY_LEAD = "quality_lead"  # Float64, how far past the border of A, in standard deviations
DISCOUNT_LEAD = "discount_lead"  # Float64, the same for B

CLASSES = ("A", "B", "C", "U")
REASONS = {
    "quality": "dearer goods of their kind than most, and not for the discounts",
    "discount": "a larger share saved than most, or cheaper goods of their kind",
    "neither": "neither the dearer goods nor the discounts",
    "few_orders": "too few orders, or too few lines with a comparable price",
    "near_border": "too near the border between two classes for the number of lines",
    "few_customers": "the platform has too few customers to compare with",
}


@dataclass(frozen=True, kw_only=True)
class PriceClassRule:
    """The rule and its numbers; frozen, because results name the version that made them."""

    version: int = 1
    window_days: int = 365
    """Orders of how many days before the as-of day count."""
    least_orders: int = 3
    """Orders a customer needs to be classified."""
    least_lines: int = 20
    """Lines with a price position that a customer needs to be classified."""
    least_customers: int = 50
    """Customers with that evidence a platform needs before anybody is classified."""
    share_a: float = 0.45
    """Share of them past the border of A before the near ones are taken out."""
    share_b: float = 0.125
    """The same for B."""
    buyers_weight: float = 0.7
    """Weight of BUYER_POSITION beside PRICE_POSITION, both standardised."""
    discount_in_a: float = 0.3
    """Standard deviations of price position that one of discount share takes off quality."""
    position_in_b: float = 0.1
    """Standard deviations of discount share that one of price position takes off price sensitivity."""
    margin: float = 0.1
    """Distance to a border, in standard deviations, wanted at 100 lines; × sqrt(100 / lines)."""
    shrink_lines: float = 15.0
    """Lines at the platform's average added to every customer's own; variance within / variance between."""

    def __post_init__(self) -> None:
        for name in ("share_a", "share_b"):
            value = getattr(self, name)
            if not 0 < value < 1:
                raise ValueError(f"PriceClassRule.{name} is {value}; a share between 0 and 1 is wanted.")
        if self.share_a + self.share_b >= 1:
            total = self.share_a + self.share_b
            raise ValueError(
                f"PriceClassRule.share_a + share_b is {total}; below 1 is wanted, to leave C room."
            )
        if not 0 <= self.buyers_weight <= 1:
            raise ValueError(
                f"PriceClassRule.buyers_weight is {self.buyers_weight}; a weight from 0 to 1 is wanted."
            )
        for name in ("window_days", "least_orders", "least_lines", "least_customers"):
            if getattr(self, name) < 1:
                raise ValueError(f"PriceClassRule.{name} is {getattr(self, name)}; at least 1 is wanted.")
        for name in ("discount_in_a", "position_in_b", "margin", "shrink_lines"):
            if getattr(self, name) < 0:
                raise ValueError(f"PriceClassRule.{name} is {getattr(self, name)}; 0 or more is wanted.")


@dataclass(frozen=True, kw_only=True)
class PriceClassThresholds:
    """What `fit_thresholds` measured on one platform: means, standard deviations and the two borders."""

    customers: int
    position_mean: float
    position_sd: float
    buyers_mean: float
    buyers_sd: float
    discount_mean: float
    discount_sd: float
    border_a: float
    """Quality score above which a customer leans to A."""
    border_b: float
    """Price-sensitivity score above which a customer leans to B."""
    scale_a: float
    """Standard deviation of the quality score."""
    scale_b: float
    """Standard deviation of the price-sensitivity score."""


def customer_features(
    priced: nw.LazyFrame[Any], products: nw.LazyFrame[Any], *, as_of: int, rule: PriceClassRule
) -> nw.LazyFrame[Any]:
    """Return one row per known customer with a sold line in the window before `as_of`.

    `priced` comes from `prices.priced_lines`, `products` from `prices.product_prices`. Columns: CUSTOMER,
    ORDERS, LINES, POSITIONED_LINES, SPEND_E4, SAVED_E4, LIST_VALUE_E4, PRICE_POSITION (mean over lines),
    BUYER_POSITION, PRICE_SPREAD and DISCOUNT_SHARE (of the list value). The mean and the share are shrunk to
    the platform's by `shrink_lines` average lines; a position is null where no line has one.

    BUYER_POSITION is, averaged over the customer's lines, the mean PRICE_POSITION of the other buyers of that
    product: one step of reciprocal averaging. It borrows strength where package sizes blur a product's own
    position.
    """
    window = priced.filter(
        nw.col(col.DAY) < as_of,
        nw.col(col.DAY) >= as_of - rule.window_days,
        ~nw.col(col.CUSTOMER).is_null(),
    ).join(products.select(col.PRODUCT, PRICE_POSITION), on=col.PRODUCT, how="left")
    shrink = rule.shrink_lines
    position = nw.col(PRICE_POSITION)
    customers = (
        window.group_by(col.CUSTOMER)
        .agg(
            nw.col(col.ORDER).n_unique().cast(nw.Int64).alias(ORDERS),
            nw.len().cast(nw.Int64).alias(LINES),
            position.count().cast(nw.Int64).alias(POSITIONED_LINES),
            nw.col(col.AMOUNT_E4).sum().alias(SPEND_E4),
            nw.col(SAVED_VALUE_E7).sum(),
            nw.col(LIST_VALUE_E7).sum(),
            position.sum().alias("_position_sum"),
            position.std().alias(PRICE_SPREAD),
        )
        .join(_platform_averages(window), how="cross")
        .with_columns(
            _shrunk("_position_sum", POSITIONED_LINES, "_position_mean", shrink).alias(PRICE_POSITION),
            (
                (nw.col(SAVED_VALUE_E7) + shrink * nw.col("_saved_line"))
                / (nw.col(LIST_VALUE_E7) + shrink * nw.col("_list_line"))
            ).alias(DISCOUNT_SHARE),
        )
    )
    return customers.join(_buyer_positions(window, customers, shrink), on=col.CUSTOMER, how="left").select(
        col.CUSTOMER,
        ORDERS,
        LINES,
        POSITIONED_LINES,
        SPEND_E4,
        (nw.col(SAVED_VALUE_E7) / col.QUANTITY).cast(nw.Int64).alias(SAVED_E4),
        (nw.col(LIST_VALUE_E7) / col.QUANTITY).cast(nw.Int64).alias(LIST_VALUE_E4),
        PRICE_POSITION,
        BUYER_POSITION,
        PRICE_SPREAD,
        DISCOUNT_SHARE,
    )


def _platform_averages(window: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """One row: the mean position of a line, and its mean list and saved value."""
    return window.select(
        nw.col(PRICE_POSITION).mean().alias("_position_mean"),
        nw.col(SAVED_VALUE_E7).mean().alias("_saved_line"),
        nw.col(LIST_VALUE_E7).mean().alias("_list_line"),
    )


def _shrunk(total: str, count: str, mean: str, shrink: float) -> nw.Expr:
    """Mean with `shrink` values at the platform's mean added; null without a value of one's own."""
    return nw.when(nw.col(count) > 0).then((nw.col(total) + shrink * nw.col(mean)) / (nw.col(count) + shrink))


def _buyer_positions(
    window: nw.LazyFrame[Any], customers: nw.LazyFrame[Any], shrink: float
) -> nw.LazyFrame[Any]:
    """CUSTOMER and BUYER_POSITION; the customer's own lines are taken out of each product's mean."""
    bought = (
        window.filter(~nw.col(PRICE_POSITION).is_null())
        .group_by(col.CUSTOMER, col.PRODUCT)
        .agg(nw.len().cast(nw.Int64).alias("_times"))
        .join(
            customers.select(col.CUSTOMER, nw.col(PRICE_POSITION).alias("_own"), "_position_mean"),
            on=col.CUSTOMER,
            how="left",
        )
    )
    buyers = bought.group_by(col.PRODUCT).agg(
        (nw.col("_own") * nw.col("_times")).sum().alias("_sum"), nw.col("_times").sum().alias("_all")
    )
    others = nw.col("_all") - nw.col("_times")
    of_others = (nw.col("_sum") - nw.col("_own") * nw.col("_times") + shrink * nw.col("_position_mean")) / (
        others + shrink
    )
    return (
        bought.join(buyers, on=col.PRODUCT, how="left")
        .with_columns((of_others * nw.col("_times")).alias("_weighted"))
        .group_by(col.CUSTOMER)
        .agg(nw.col("_weighted").sum(), nw.col("_times").sum())
        .select(col.CUSTOMER, (nw.col("_weighted") / nw.col("_times")).alias(BUYER_POSITION))
    )


def fit_thresholds(features: nw.DataFrame[Any], rule: PriceClassRule) -> PriceClassThresholds | None:
    """Return the platform's means, deviations and borders over the customers with enough evidence.

    None when fewer than `rule.least_customers` have it: then everybody is U. The borders are the quantiles
    1 - share_a and 1 - share_b of the two scores.
    """
    known = features.filter(_enough(rule))
    if len(known) < rule.least_customers:
        return None
    position, buyers, discount = (
        known[name].to_numpy().astype(np.float64) for name in (PRICE_POSITION, BUYER_POSITION, DISCOUNT_SHARE)
    )
    blend = (1 - rule.buyers_weight) * _standardised(position) + rule.buyers_weight * _standardised(buyers)
    saved = _standardised(discount)
    quality = blend - rule.discount_in_a * saved
    sensitivity = saved - rule.position_in_b * blend
    return PriceClassThresholds(
        customers=len(known),
        position_mean=float(position.mean()),
        position_sd=float(position.std()),
        buyers_mean=float(buyers.mean()),
        buyers_sd=float(buyers.std()),
        discount_mean=float(discount.mean()),
        discount_sd=float(discount.std()),
        border_a=float(np.quantile(quality, 1 - rule.share_a)),
        border_b=float(np.quantile(sensitivity, 1 - rule.share_b)),
        scale_a=float(quality.std()),
        scale_b=float(sensitivity.std()),
    )


def _enough(rule: PriceClassRule) -> nw.Expr:
    return (nw.col(ORDERS) >= rule.least_orders) & (nw.col(POSITIONED_LINES) >= rule.least_lines)


def _standardised(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Values in standard deviations from their mean; zeros where they do not differ."""
    sd = values.std()
    return (values - values.mean()) / sd if sd > 0 else np.zeros_like(values)


def _score(name: str, mean: float, sd: float) -> nw.Expr:
    return (nw.col(name) - mean) / sd if sd > 0 else nw.col(name) * 0.0


def classify(
    features: nw.LazyFrame[Any], rule: PriceClassRule, thresholds: PriceClassThresholds | None
) -> nw.LazyFrame[Any]:
    """Return `features` with PRICE_CLASS, REASON, QUALITY_LEAD and DISCOUNT_LEAD added.

    The class is B or A when that lead is positive (both: the larger lead), else C; it is U below the rule's
    minimum of evidence, or when another class is nearer than `margin × sqrt(100 / lines)`. Leads are null
    where there is no threshold or no position.
    """
    if thresholds is None:
        return features.with_columns(
            nw.lit("U").alias(PRICE_CLASS),
            nw.lit("few_customers").alias(REASON),
            nw.lit(None, dtype=nw.Float64).alias(QUALITY_LEAD),
            nw.lit(None, dtype=nw.Float64).alias(DISCOUNT_LEAD),
        )
    t = thresholds
    blend = (1 - rule.buyers_weight) * _score(
        PRICE_POSITION, t.position_mean, t.position_sd
    ) + rule.buyers_weight * _score(BUYER_POSITION, t.buyers_mean, t.buyers_sd)
    saved = _score(DISCOUNT_SHARE, t.discount_mean, t.discount_sd)
    quality = (blend - rule.discount_in_a * saved - t.border_a) / (t.scale_a or 1.0)
    sensitivity = (saved - rule.position_in_b * blend - t.border_b) / (t.scale_b or 1.0)
    a, b = nw.col(QUALITY_LEAD), nw.col(DISCOUNT_LEAD)
    # Distance to the nearest other class: both leads negative (C), or past one or both borders.
    beyond = nw.max_horizontal(a, b)
    rival = nw.max_horizontal(nw.min_horizontal(a, b), nw.lit(0.0))
    distance = nw.when(beyond > 0).then(beyond - rival).otherwise(-beyond)
    margin_squared = rule.margin * rule.margin * 100.0
    return (
        features.with_columns(quality.alias(QUALITY_LEAD), sensitivity.alias(DISCOUNT_LEAD))
        .with_columns(
            nw.when(~_enough(rule))
            .then(nw.lit("few_orders"))
            .otherwise(
                # The margin is squared on both sides: distance² × lines < margin² × 100.
                nw.when(distance * distance * nw.col(POSITIONED_LINES) < margin_squared)
                .then(nw.lit("near_border"))
                .otherwise(
                    nw.when(beyond <= 0)
                    .then(nw.lit("neither"))
                    .otherwise(nw.when(b >= a).then(nw.lit("discount")).otherwise(nw.lit("quality")))
                )
            )
            .alias(REASON)
        )
        .with_columns(
            nw.when(nw.col(REASON) == "quality")
            .then(nw.lit("A"))
            .otherwise(
                nw.when(nw.col(REASON) == "discount")
                .then(nw.lit("B"))
                .otherwise(nw.when(nw.col(REASON) == "neither").then(nw.lit("C")).otherwise(nw.lit("U")))
            )
            .alias(PRICE_CLASS)
        )
    )


def evidence(
    row: Mapping[str, Any], rule: PriceClassRule, thresholds: PriceClassThresholds | None
) -> dict[str, Any]:
    """Return why a customer has the class: one row of `classify`, and what its values were held against.

    JSON types only. `platform` is None when the platform has too few customers to compare with.
    """
    counts = (ORDERS, LINES, POSITIONED_LINES, SPEND_E4, SAVED_E4, LIST_VALUE_E4)
    measures = (PRICE_POSITION, BUYER_POSITION, PRICE_SPREAD, DISCOUNT_SHARE, QUALITY_LEAD, DISCOUNT_LEAD)
    lines = row[POSITIONED_LINES]
    return {
        "class": row[PRICE_CLASS],
        "reason": row[REASON],
        "text": REASONS[row[REASON]],
        "rule_version": rule.version,
        "values": {name: row[name] for name in (*counts, *measures)},
        "needed": {
            ORDERS: rule.least_orders,
            POSITIONED_LINES: rule.least_lines,
            "distance_to_border": rule.margin * (100 / lines) ** 0.5 if lines else None,
        },
        "platform": thresholds
        and {
            "customers": thresholds.customers,
            PRICE_POSITION: thresholds.position_mean,
            BUYER_POSITION: thresholds.buyers_mean,
            DISCOUNT_SHARE: thresholds.discount_mean,
        },
    }
