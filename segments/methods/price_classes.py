"""Price classes A, B, C and U of customers: the versioned rule, the posterior of each class, and the evidence.

A tends to high-quality goods, B is very price-sensitive, C buys the cheap and the dear alike, U: not enough
evidence. Formulas, choices and what they reached on two real shops: docs/methods/price-classes.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from segments.methods.price_features import (
    BUYER_POSITION,
    LIST_VALUE_E4,
    MEASURES,
    ORDERS,
    PAIRS,
    POSITIONED_LINES,
    PRICE_SPREAD,
    SAVED_E4,
    SPEND_E4,
)
from segments.methods.price_posterior import class_probabilities
from segments.methods.prices import DISCOUNT_SHARE, LINES, PRICE_POSITION

PRICE_CLASS = "price_class"  # String: A, B, C or U
REASON = "price_class_reason"  # String, one of REASONS
QUALITY_LEAD = "quality_lead"  # Float64, how far past the border of A, in standard deviations
DISCOUNT_LEAD = "discount_lead"  # Float64, the same for B
PROBABILITIES = ("probability_a", "probability_b", "probability_c")  # Float64, add up to 1; null: unknown
CONFIDENCE = "class_confidence"  # Float64, the largest of them; null: unknown

LETTERS = ("A", "B", "C")
CLASSES = (*LETTERS, "U")
REASONS = {
    "quality": "dearer goods of their kind than most, and not for the discounts",
    "discount": "a larger share saved than most, or cheaper goods of their kind",
    "neither": "neither the dearer goods nor the discounts",
    "few_orders": "too few orders, or too few lines with a comparable price",
    "near_border": "too near the border between two classes for the number of lines",
    "few_customers": "the platform has too few customers to compare with",
    "tests": "by their answers to price tests and coupons, without enough orders",
}
_BY_LETTER = ("quality", "discount", "neither")
LONGEST_DAYS = 3_660
LARGEST = 1e6
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class PriceClassRule:
    """The rule and its numbers; frozen, because results name the version that made them."""

    version: int = 0
    """0: the built-in one; staff's versions count from 1."""
    window_days: int = 365
    """Orders of how many days before the as-of day count."""
    least_orders: int = 3
    """Orders a customer needs to be classified."""
    least_lines: int = 50
    """Lines with a price position that a customer needs to be classified."""
    least_people: int = 50
    """Customers with that evidence a platform needs before anybody is classified."""
    share_a: float = 0.4
    """Share of them past the border of A before the unsure ones are taken out."""
    share_b: float = 0.125
    """The same for B."""
    buyers_weight: float = 0.7
    """Weight of BUYER_POSITION beside PRICE_POSITION, both standardised."""
    discount_in_a: float = 0.2
    """Standard deviations of price position that one of discount share takes off quality."""
    position_in_b: float = 0.1
    """Standard deviations of discount share that one of price position takes off price sensitivity."""
    confidence: float = 0.56
    """Least posterior probability of the class; below it the customer is U."""
    shrink_lines: float = 15.0
    """Lines at the platform's average added to every customer's own; variance within / variance between."""
    least_trials: int = 3
    """Price tests and coupons that a customer without enough orders needs to be classified by their answers."""
    tests_confidence: float = 0.7
    """Least posterior probability of a class that is given by answers to tests."""

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
        for name in ("confidence", "tests_confidence"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(
                    f"PriceClassRule.{name} is {getattr(self, name)}; a probability from 0 to below 1 is wanted."
                )
        for name in ("window_days", "least_orders", "least_lines", "least_people", "least_trials"):
            if getattr(self, name) < 1:
                raise ValueError(f"PriceClassRule.{name} is {getattr(self, name)}; at least 1 is wanted.")
        if self.window_days > LONGEST_DAYS:
            raise ValueError(
                f"PriceClassRule.window_days is {self.window_days}; {LONGEST_DAYS} at most are wanted."
            )
        for name in ("discount_in_a", "position_in_b", "shrink_lines"):
            if not 0 <= getattr(self, name) < LARGEST:
                raise ValueError(
                    f"PriceClassRule.{name} is {getattr(self, name)}; 0 or more, below {LARGEST:,.0f}, is wanted."
                )


@dataclass(frozen=True, kw_only=True)
class PriceClassThresholds:
    """What `fit_thresholds` measured on one platform: means, standard deviations, borders and errors."""

    customers: int
    means: tuple[float, float, float]
    """Of MEASURES over the customers with enough evidence."""
    sds: tuple[float, float, float]
    """Their standard deviations; 0: all alike, the measure counts nothing."""
    border_a: float
    """Quality score above which a customer leans to A."""
    border_b: float
    """Price-sensitivity score above which a customer leans to B."""
    scale_a: float
    """Standard deviation of the quality score."""
    scale_b: float
    """Standard deviation of the price-sensitivity score."""
    error_a: float
    """Standard deviation that chance gives the quality lead of a customer of one line."""
    error_b: float
    """The same for the discount lead."""
    error_correlation: float
    """Between the two errors."""


def fit_thresholds(
    features: nw.DataFrame[Any], rule: PriceClassRule, noise: Mapping[str, float | None]
) -> PriceClassThresholds | None:
    """Return the platform's means, deviations, borders and errors over the customers with enough evidence.

    `noise` is the row of `price_features.measurement_noise`. None when fewer than `rule.least_people` have the
    evidence: then orders make everybody U. The borders are the quantiles 1 - share_a and 1 - share_b of the scores.
    """
    known = features.filter(nw.col(ORDERS) >= rule.least_orders, nw.col(POSITIONED_LINES) >= rule.least_lines)
    if len(known) < rule.least_people:
        return None
    values = measures(known)
    means, sds = values.mean(axis=0), values.std(axis=0)
    weights = _weights(rule, sds)
    quality, sensitivity = ((values - means) @ weights.T).T
    scale = np.array([quality.std(), sensitivity.std()])
    scale[scale == 0] = 1.0
    error = weights @ _noise_matrix(noise) @ weights.T
    a, b = np.sqrt(np.diag(error))
    return PriceClassThresholds(
        customers=len(known),
        means=tuple(means.tolist()),
        sds=tuple(sds.tolist()),
        border_a=float(np.quantile(quality, 1 - rule.share_a)),
        border_b=float(np.quantile(sensitivity, 1 - rule.share_b)),
        scale_a=float(scale[0]),
        scale_b=float(scale[1]),
        error_a=float(a / scale[0]),
        error_b=float(b / scale[1]),
        error_correlation=float(error[0, 1] / (a * b)) if a * b > 0 else 0.0,
    )


def measures(features: nw.DataFrame[Any]) -> Floats:
    """Return MEASURES as a table, shape (customers, 3); an unknown one is NaN."""
    return np.stack([features[name].to_numpy().astype(np.float64) for name in MEASURES], axis=1)


def _weights(rule: PriceClassRule, sds: Floats) -> Floats:
    """Return the weights of the measures in quality and in sensitivity, per unit of each, shape (2, 3).

    blend = (1 - w) z(position) + w z(buyers);  quality = blend - d z(discount);  sensitivity = z(discount) - p blend
    """
    blend = np.array([1 - rule.buyers_weight, rule.buyers_weight, 0.0])
    saved = np.array([0.0, 0.0, 1.0])
    both = np.stack([blend - rule.discount_in_a * saved, saved - rule.position_in_b * blend])
    return np.divide(both, sds, out=np.zeros_like(both), where=np.broadcast_to(sds > 0, both.shape))


def _noise_matrix(noise: Mapping[str, float | None]) -> Floats:
    matrix = np.zeros((3, 3))
    for i, j in PAIRS:
        matrix[i, j] = matrix[j, i] = noise[f"noise_{i}_{j}"] or 0.0
    return matrix


def classify(
    features: nw.DataFrame[Any], rule: PriceClassRule, thresholds: PriceClassThresholds | None
) -> nw.DataFrame[Any]:
    """Return `features` with PRICE_CLASS, REASON, the two leads, PROBABILITIES and CONFIDENCE added.

    The true leads are normal around the measured ones, which are shrunk already, with the deviations
    `error / sqrt(lines + shrink_lines)`; `class_probabilities` gives the posterior of each class. The class is the
    most probable one; U below the rule's minimum of evidence, or where no class has `confidence`. Leads and
    probabilities are null where there is no threshold or no position.
    """
    count = len(features)
    leads, probabilities = np.full((count, 2), np.nan), np.full((count, 3), np.nan)
    if thresholds is not None:
        leads, probabilities = _posterior(features, rule, thresholds)
    enough = (features[ORDERS].to_numpy() >= rule.least_orders) & (
        features[POSITIONED_LINES].to_numpy() >= rule.least_lines
    )
    best = np.argmax(np.nan_to_num(probabilities, nan=-1.0), axis=1)
    confidence = np.take_along_axis(probabilities, best[:, None], axis=1)[:, 0]
    sure = enough & (confidence >= rule.confidence)
    letters = np.where(sure, np.array(LETTERS)[best], "U")
    unsure = np.where(enough, "near_border", "few_orders")
    reasons = np.where(sure, np.array(_BY_LETTER)[best], unsure)
    if thresholds is None:
        reasons = np.full(count, "few_customers")
    numbers = {
        QUALITY_LEAD: leads[:, 0],
        DISCOUNT_LEAD: leads[:, 1],
        **dict(zip(PROBABILITIES, probabilities.T, strict=True)),
        CONFIDENCE: confidence,
    }
    like = features.implementation
    texts = {PRICE_CLASS: letters, REASON: reasons}
    return features.with_columns(
        *(nw.Series.from_numpy(name, values, backend=like) for name, values in texts.items()),
        *(nw.Series.from_numpy(name, values, backend=like) for name, values in numbers.items()),
    ).with_columns(
        # Unknown is null, never NaN.
        *(nw.when(~nw.col(name).is_nan()).then(nw.col(name)).alias(name) for name in numbers),
    )


def _posterior(
    features: nw.DataFrame[Any], rule: PriceClassRule, t: PriceClassThresholds
) -> tuple[Floats, Floats]:
    """Return the leads, shape (customers, 2), and the probabilities, shape (customers, 3)."""
    scores = (measures(features) - np.array(t.means)) @ _weights(rule, np.array(t.sds)).T
    leads = (scores - [t.border_a, t.border_b]) / [t.scale_a, t.scale_b]
    lines = features[POSITIONED_LINES].to_numpy() + rule.shrink_lines
    per_line = 1 / np.sqrt(np.maximum(lines, 1.0))
    known = ~np.isnan(leads).any(axis=1)
    probabilities = np.full((len(features), 3), np.nan)
    probabilities[known] = class_probabilities(
        leads[known, 0],
        leads[known, 1],
        quality_sd=t.error_a * per_line[known],
        discount_sd=t.error_b * per_line[known],
        correlation=t.error_correlation,
    )
    return leads, probabilities


def evidence(
    row: Mapping[str, Any], rule: PriceClassRule, thresholds: PriceClassThresholds | None
) -> dict[str, Any]:
    """Return why a customer has the class: one row of `classify`, and what its values were held against.

    JSON types only. `platform` is None when the platform has too few customers to compare with.
    """
    counts = (ORDERS, LINES, POSITIONED_LINES, SPEND_E4, SAVED_E4, LIST_VALUE_E4)
    figures = (PRICE_POSITION, BUYER_POSITION, PRICE_SPREAD, DISCOUNT_SHARE, QUALITY_LEAD, DISCOUNT_LEAD)
    return {
        "class": row[PRICE_CLASS],
        "reason": row[REASON],
        "text": REASONS[row[REASON]],
        "rule_version": rule.version,
        "values": {name: row[name] for name in (*counts, *figures)},
        "probabilities": dict(zip(LETTERS, (row[name] for name in PROBABILITIES), strict=True)),
        "needed": {
            ORDERS: rule.least_orders,
            POSITIONED_LINES: rule.least_lines,
            CONFIDENCE: rule.confidence,
        },
        "platform": thresholds
        and {
            "customers": thresholds.customers,
            **dict(zip(MEASURES, thresholds.means, strict=True)),
        },
    }
