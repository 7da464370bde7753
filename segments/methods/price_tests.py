"""Price classes of people without (enough) orders, from test activities: who answered which price test or coupon.

A *trial* is one chance to answer: an offer at a high or low price, a discount, a coupon that could be used. Shapes and
formulas: docs/methods/price-classes.md.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit

from precision.shop import columns as col
from segments.methods.price_classes import (
    CONFIDENCE,
    LETTERS,
    PRICE_CLASS,
    PROBABILITIES,
    REASON,
    PriceClassRule,
)

KIND: Final = "kind"  # String, one of KINDS
TRIALS: Final = "trials"  # Int64
ANSWERS: Final = "answers"  # Int64, trials that were answered
KINDS: Final = ("high_price", "low_price", "discount", "coupon")
ARM: Final = r"^(price:high|price:low|discount:[1-9][0-9]?)$"
"""What the arm of an experiment or campaign looks like when it is a price test; discounts in per cent."""
ANSWERING: Final = (
    "Product Clicked", "Promotion Clicked", "Product Added", "Checkout Started", "Order Completed",
)  # fmt: skip
"""Events that answer what a slot showed, by its recommendation id."""
CHECKOUT: Final = "Checkout Started"
COUPONS: Final = ("Coupon Entered", "Coupon Applied")

USUAL_RATES: Final[Mapping[str, tuple[float, float, float]]] = MappingProxyType(
    {
        "high_price": (0.30, 0.05, 0.15),
        "low_price": (0.10, 0.30, 0.15),
        "discount": (0.08, 0.35, 0.15),
        "coupon": (0.10, 0.50, 0.20),
    }
)
"""Chance that a trial is answered by A, B and C, before the platform's own answers are seen."""
USUAL_TRIALS: Final = 20.0
"""How many trials of each class the usual rates weigh as much as."""

FARTHEST: Final = 30.0
"""How far rates are moved at most, in logits: from any usual rate to less than one answer in 10¹²."""

Floats = NDArray[np.float64]
SCHEMA: Final = (col.CUSTOMER, KIND, TRIALS, ANSWERS)


def slot_trials(exposures: nw.LazyFrame[Any], events: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return the trials (SCHEMA) of price tests in slots: one for each answer shown with an arm like ARM.

    It is answered by an event of ANSWERING with the same recommendation. Both come from `history.scan`.
    """
    shown = (
        exposures.filter(~nw.col(col.CUSTOMER).is_null(), nw.col(col.ARM).str.contains(ARM))
        .select(col.CUSTOMER, col.RECOMMENDATION, kind_of(nw.col(col.ARM)).alias(KIND))
        .unique()
    )
    answered = (
        events.filter(nw.col(col.EVENT).is_in(ANSWERING), ~nw.col(col.RECOMMENDATION).is_null())
        .select(col.RECOMMENDATION)
        .unique()
        .with_columns(nw.lit(1).cast(nw.Int64).alias(ANSWERS))
    )
    return _summed(
        shown.join(answered, on=col.RECOMMENDATION, how="left").with_columns(
            nw.lit(1).cast(nw.Int64).alias(TRIALS), nw.col(ANSWERS).fill_null(0)
        )
    )


def coupon_trials(events: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return the trials (SCHEMA) of coupons: days with a begun checkout or a coupon; answered: with a coupon."""
    coupon = nw.col(col.EVENT).is_in(COUPONS)
    days = (
        events.filter(~nw.col(col.CUSTOMER).is_null(), coupon | (nw.col(col.EVENT) == CHECKOUT))
        .with_columns(nw.when(coupon).then(1).otherwise(0).cast(nw.Int64).alias(ANSWERS))
        .group_by(col.CUSTOMER, col.DAY)
        .agg(nw.col(ANSWERS).max())
    )
    return _summed(days.with_columns(nw.lit("coupon").alias(KIND), nw.lit(1).cast(nw.Int64).alias(TRIALS)))


def kind_of(arm: nw.Expr) -> nw.Expr:
    """Return the KIND that an arm like ARM names."""
    return (
        nw.when(arm == "price:high")
        .then(nw.lit("high_price"))
        .otherwise(nw.when(arm == "price:low").then(nw.lit("low_price")).otherwise(nw.lit("discount")))
    )


def added(parts: Sequence[nw.LazyFrame[Any]]) -> nw.LazyFrame[Any]:
    """Return trials from several sources as one row per customer and kind."""
    return _summed(nw.concat([part.select(*SCHEMA) for part in parts]))


def _summed(trials: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    return (
        trials.group_by(col.CUSTOMER, KIND).agg(nw.col(TRIALS).sum(), nw.col(ANSWERS).sum()).select(*SCHEMA)
    )


def answer_rates(
    trials: nw.DataFrame[Any], classes: nw.DataFrame[Any], rule: PriceClassRule
) -> dict[str, tuple[float, ...]]:
    """Return the chance of an answer by kind: of A, B and C.

    How often people answer here at all is the platform's own; how much more or less often a class does comes from
    USUAL_RATES, until the platform's classes by orders have answered themselves:

        level = (USUAL_TRIALS × usual mean + Σ answers) / (USUAL_TRIALS + Σ trials)
        base of a class = σ(logit(usual rate) + δ),  δ such that the mean of the bases is the level
        rate = (USUAL_TRIALS × base + Σ P(class) answers) / (USUAL_TRIALS + Σ P(class) trials)

    Means weigh the classes by the `shares` of the rule. `classes` comes from `price_classes.classify`; the sums of the
    last line run over its customers of class A, B or C. So where a shop has no coupons, not using one says next to
    nothing.
    """
    sure = classes.filter(nw.col(PRICE_CLASS) != "U").select(col.CUSTOMER, *PROBABILITIES)
    joined = trials.join(sure, on=col.CUSTOMER, how="inner")
    rates = {}
    for kind in KINDS:
        every, rows = (frame.filter(nw.col(KIND) == kind) for frame in (trials, joined))
        base = _level(
            np.array(USUAL_RATES[kind]),
            shares(rule),
            trials=float(every[TRIALS].to_numpy().sum()),
            answers=float(every[ANSWERS].to_numpy().sum()),
        )
        weights = _table(rows, PROBABILITIES)
        tried = USUAL_TRIALS + rows[TRIALS].to_numpy() @ weights
        answered = USUAL_TRIALS * base + rows[ANSWERS].to_numpy() @ weights
        rates[kind] = tuple((answered / tried).tolist())
    return rates


def shares(rule: PriceClassRule) -> Floats:
    """Return what is believed of somebody unknown: the shares of A, B and C."""
    return np.array([rule.share_a, rule.share_b, 1 - rule.share_a - rule.share_b])


def _level(usual: Floats, weights: Floats, *, trials: float, answers: float) -> Floats:
    """Return the usual rates moved alike, in logits, so that their mean is the platform's own."""
    level = (USUAL_TRIALS * float(usual @ weights) + answers) / (USUAL_TRIALS + trials)
    delta = brentq(lambda shift: float(expit(logit(usual) + shift) @ weights) - level, -FARTHEST, FARTHEST)
    moved: Floats = expit(logit(usual) + delta)
    return moved


def posterior(prior: Floats, trials: Floats, answers: Floats, rates: Mapping[str, Sequence[float]]) -> Floats:
    """Return the probabilities of A, B and C after the trials, shape (customers, 3).

    `trials` and `answers` count by KINDS, shape (customers, 4). Trials are independent given the class (naive Bayes):

        P(class | answers) ∝ P(class) Π over kinds of rate^answers (1 - rate)^(trials - answers)
    """
    rate = np.clip(np.array([rates[kind] for kind in KINDS]), 1e-6, 1 - 1e-6)
    log: Floats = (
        np.log(np.maximum(prior, 1e-12)) + answers @ np.log(rate) + (trials - answers) @ np.log1p(-rate)
    )
    chance = np.exp(log - log.max(axis=1, keepdims=True))
    normalised: Floats = chance / chance.sum(axis=1, keepdims=True)
    return normalised


def with_tests(
    classes: nw.DataFrame[Any],
    trials: nw.DataFrame[Any],
    rule: PriceClassRule,
    rates: Mapping[str, Sequence[float]],
) -> nw.DataFrame[Any]:
    """Return `classes` with the probabilities of everybody of class U brought up to date by their trials.

    Who had no order gets a row, whose figures about orders are null. The prior is what the orders say, without any the
    `shares` of the rule. A class is given from `least_trials` trials and `tests_confidence` on; its
    REASON is `tests`. Columns `KIND_trials` and `KIND_answers` (Int64, 0 without) are added for each kind.
    """
    wide = _wide(trials)
    rows = classes.join(wide, on=col.CUSTOMER, how="left")
    new = wide.join(classes.select(col.CUSTOMER), on=col.CUSTOMER, how="anti").with_columns(
        nw.lit("U").alias(PRICE_CLASS), nw.lit("few_orders").alias(REASON)
    )
    rows = nw.concat([rows, new], how="diagonal").with_columns(
        nw.col(f"{kind}_{what}").fill_null(0) for kind in KINDS for what in (TRIALS, ANSWERS)
    )
    tried = _table(rows, [f"{kind}_{TRIALS}" for kind in KINDS])
    answered = _table(rows, [f"{kind}_{ANSWERS}" for kind in KINDS])
    letters = rows[PRICE_CLASS].to_numpy().astype("<U1")
    touched = (letters == "U") & (tried.sum(axis=1) > 0)
    prior = _table(rows, PROBABILITIES)
    unknown = np.isnan(prior).any(axis=1)
    prior[unknown] = shares(rule)
    after = posterior(prior, tried, answered, rates)
    best, confidence = after.argmax(axis=1), after.max(axis=1)
    decided = touched & (tried.sum(axis=1) >= rule.least_trials) & (confidence >= rule.tests_confidence)
    flags = {"_touched": touched, "_decided": decided}
    like = rows.implementation
    return (
        rows.with_columns(
            *(nw.Series.from_numpy(name, values, backend=like) for name, values in flags.items()),
            nw.Series.from_numpy("_letter", np.array(LETTERS)[best], backend=like),
            nw.Series.from_numpy("_confidence", confidence, backend=like),
            *(
                nw.Series.from_numpy(f"_{name}", np.ascontiguousarray(after[:, place]), backend=like)
                for place, name in enumerate(PROBABILITIES)
            ),
        )
        .with_columns(
            _where("_decided", nw.col("_letter"), PRICE_CLASS),
            _where("_decided", nw.lit("tests"), REASON),
            _where("_touched", nw.col("_confidence"), CONFIDENCE),
            *(_where("_touched", nw.col(f"_{name}"), name) for name in PROBABILITIES),
        )
        .drop("_touched", "_decided", "_letter", "_confidence", *(f"_{name}" for name in PROBABILITIES))
    )


def _where(flag: str, value: nw.Expr, name: str) -> nw.Expr:
    return nw.when(nw.col(flag)).then(value).otherwise(nw.col(name)).alias(name)


def _wide(trials: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
    """One row per customer with trials and answers by kind."""
    return trials.group_by(col.CUSTOMER).agg(
        (nw.col(what) * (nw.col(KIND) == kind).cast(nw.Int64)).sum().alias(f"{kind}_{what}")
        for kind in KINDS
        for what in (TRIALS, ANSWERS)
    )


def _table(rows: nw.DataFrame[Any], names: Sequence[str]) -> Floats:
    return np.stack([rows[name].to_numpy().astype(np.float64) for name in names], axis=1)
