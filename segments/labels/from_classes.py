"""Labels of the price classes: the letter, how sure it is, and what it rests on."""

from datetime import date
from typing import Any

import polars as pl

from precision.engine import runs
from precision.engine.reading import read_frame
from precision.shop import columns as c
from precision.shop.scopes import Scope
from segments import class_rules
from segments.conditions import LabelType
from segments.labels.registry import Definition, Evidence, Kind, Source, register
from segments.methods import price_classes, price_features, prices
from segments.models import CustomerClass, ProductPrice

JOB = "price-classes"
MOST_PRODUCTS = 50
"""Products that an evidence names, those bought most often; its sums are over all."""

DEFINITIONS = (
    Definition(
        key=price_classes.PRICE_CLASS,
        title="Price class",
        kind=Kind.RULE,
        type=LabelType.TEXT,
        formula="The most probable of A (dearer goods of their kind), B (discounts) and C (neither), from the leads of "
        "the customer past the borders and their error; U below the least probability or evidence of the rule. Without "
        "enough orders: from answers to price tests and coupons.",
        values=price_classes.CLASSES,
        version=2,
    ),
    Definition(
        key=prices.PRICE_POSITION,
        title="Price position",
        kind=Kind.FACT,
        type=LabelType.NUMBER,
        unit="0 cheapest of the kind to 1 dearest",
        formula="(sum of the positions of the bought lines + k × mean of the shop) / (lines + k), k average lines.",
    ),
    Definition(
        key=prices.DISCOUNT_SHARE,
        title="Discount share",
        kind=Kind.FACT,
        type=LabelType.NUMBER,
        unit="share of list value",
        formula="(saved + k × saved of an average line) / (list value + k × list value of an average line).",
    ),
    Definition(
        key=price_features.PRICE_SPREAD,
        title="Price spread",
        kind=Kind.FACT,
        type=LabelType.NUMBER,
        unit="price position",
        formula="Standard deviation of the positions of the bought lines; unknown below two.",
    ),
    Definition(
        key=price_classes.CONFIDENCE,
        title="Confidence of the price class",
        kind=Kind.MODEL,
        type=LabelType.NUMBER,
        unit="probability",
        formula="The largest posterior probability of A, B and C, given what the customer bought or answered.",
    ),
)


def frame(scope: Scope, as_of: date) -> pl.DataFrame:
    """Return the labels of everybody in the scope's run in force; no rows before the first."""
    run = runs.published_ids(scope.key).get(JOB, 0)
    return read_frame(f"""
        SELECT customer_id AS {c.CUSTOMER}, letter AS {price_classes.PRICE_CLASS}, {prices.PRICE_POSITION},
               {prices.DISCOUNT_SHARE}, {price_features.PRICE_SPREAD},
               greatest(probability_a, probability_b, probability_c) AS {price_classes.CONFIDENCE}
        FROM precision_segments_customerclass WHERE run_id = {run:d}
    """)


def evidence(scope: Scope, as_of: date, customer: int, key: str) -> Evidence | None:
    """Return what a label of a customer was computed from, by the run in force; None where it has no value.

    `price_position` and `price_spread` read the customer's order lines of the window again.
    """
    run = runs.published(JOB, scope.key)
    row = CustomerClass.objects.filter(run=run, customer_id=customer).first() if run else None
    used = class_rules.of_run(run) if run else None
    if run is None or row is None or used is None:
        return None
    rule, thresholds = used
    about = {"run": run.pk, "as_of": run.as_of.isoformat(), "rule_version": rule.version}
    averages = run.parameters["averages"]
    if key in (price_classes.PRICE_CLASS, price_classes.CONFIDENCE):
        return {
            **about,
            **of_class(row),
            "rule": {name: getattr(rule, name) for name in class_rules.NUMBERS},
            "platform": run.parameters["thresholds"] if thresholds else None,
            "answer_rates": run.parameters["answer_rates"] if row.tests else None,
        }
    if row.lines == 0:
        return None
    if key == prices.DISCOUNT_SHARE:
        return {
            **about, "saved": str(row.saved), "list_value": str(row.list_value), "k": rule.shrink_lines,
            "average_saved": averages["saved"], "average_list_value": averages["list_value"],
        }  # fmt: skip
    if getattr(row, key) is None:
        return None
    return {**about, **_positions(scope, run.as_of, customer, run.pk, rule.window_days), "k": rule.shrink_lines,
            "average_position": averages["position"]}  # fmt: skip


def of_class(row: CustomerClass) -> dict[str, Any]:
    """Return a customer's class with what it rests on, as JSON values."""
    figures = (*price_features.MEASURES, price_features.PRICE_SPREAD, "quality_lead", "discount_lead")
    return {
        "class": row.letter,
        "reason": row.reason,
        "text": price_classes.REASONS.get(row.reason, row.reason),
        "probabilities": {
            letter: getattr(row, name)
            for letter, name in zip(price_classes.LETTERS, price_classes.PROBABILITIES, strict=True)
        },
        "confidence": row.confidence,
        "values": {
            "orders": row.orders, "lines": row.lines, "positioned_lines": row.positioned_lines,
            "spend": str(row.spend), "saved": str(row.saved), "list_value": str(row.list_value),
            **{name: getattr(row, name) for name in figures},
        },
        "tests": row.tests,
    }  # fmt: skip


def _positions(scope: Scope, as_of: date, customer: int, run: int, days: int) -> dict[str, Any]:
    """Return the sums over the customer's lines of products that have a position, and the products bought most."""
    bought = (
        scope.scan("order_lines", as_of, days=days)
        .to_native()
        .filter(pl.col(c.CUSTOMER) == customer, ~pl.col(c.RETURNED), pl.col(c.QUANTITY_E3) > 0)
        .group_by(c.PRODUCT)
        .agg(pl.len().alias("lines"))
        .collect()
    )
    found = ProductPrice.objects.filter(
        run_id=run, product_id__in=bought[c.PRODUCT].to_list(), price_position__isnull=False
    ).values_list("product_id", "product__external_id", "price_position")
    schema = {c.PRODUCT: pl.Int64, "product_id": pl.String, "position": pl.Float64}
    rows = bought.join(pl.DataFrame(list(found), schema=schema, orient="row"), on=c.PRODUCT)
    weighted = pl.col("position") * pl.col("lines")
    sums = rows.select(
        pl.col("lines").sum(),
        weighted.sum().alias("sum"),
        (weighted * pl.col("position")).sum().alias("squares"),
    ).row(0)
    most = rows.sort("lines", "product_id", descending=[True, False]).head(MOST_PRODUCTS)
    return {
        "lines": sums[0], "sum_of_positions": sums[1], "sum_of_squares": sums[2],
        "products": most.select("product_id", "lines", "position").to_dicts(),
    }  # fmt: skip


register(Source(name="price classes", definitions=DEFINITIONS, frame=frame, evidence=evidence))
