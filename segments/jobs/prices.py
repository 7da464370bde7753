"""Usual prices and price classes."""

from dataclasses import asdict
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from precision.engine.backends import Engine
from precision.engine.copying import copy_rows
from precision.engine.jobs import Job, Outcome, register
from precision.engine.models import Run
from precision.engine.windows import epoch_day
from precision.shop import columns as c
from precision.shop import scopes
from segments import class_rules, trials
from segments.jobs.frames import once
from segments.methods import price_classes, price_clusters, price_features, price_tests, prices
from segments.methods.price_classes import PriceClassRule
from segments.models import CustomerClass, ProductPrice

HISTORY_DAYS = 730  # what usual prices are learnt from
SEED = 20_261_123


def compute_price_classes(run: Run, engine: Engine) -> Outcome:
    """Write ProductPrice and CustomerClass rows of the run's scope."""
    scope = scopes.read(run.scope)
    rule = class_rules.current(run.scope)
    as_of = epoch_day(run.as_of)
    window: dict[str, Any] = {
        "as_of": as_of, "window_days": rule.window_days, "shrink_lines": rule.shrink_lines,
    }  # fmt: skip
    lines = scope.scan("order_lines", run.as_of)
    # Both tables are read more than once below: computed once, and lazy again.
    priced = once(prices.priced_lines(lines, as_of=as_of, window_days=HISTORY_DAYS))
    products = once(prices.product_prices(priced, as_of=as_of))
    features = price_features.customer_features(priced, products, **window).collect("polars")
    noise = price_features.measurement_noise(priced, products, **window).collect("polars").row(0)
    averages = price_features.platform_averages(
        priced, products, as_of=as_of, window_days=rule.window_days
    ).collect("polars")
    known = dict(zip((f"noise_{i}_{j}" for i, j in price_features.PAIRS), noise, strict=True))
    thresholds = price_classes.fit_thresholds(features, rule, known)
    by_orders = price_classes.classify(features, rule, thresholds)
    tried = trials.trials(scope, run.as_of, days=rule.window_days)
    rates = price_tests.answer_rates(tried, by_orders, rule)
    classes = price_tests.with_tests(by_orders, tried, rule, rates).to_native()
    return Outcome(
        rows={
            "product_price": copy_rows(
                ProductPrice, _price_rows(run, products.collect("polars").to_native())
            ),
            "customer_class": copy_rows(CustomerClass, _class_rows(run, classes)),
        },
        measures={
            "sizes": dict(sorted(classes[price_classes.PRICE_CLASS].value_counts().iter_rows())),
            "reasons": dict(sorted(classes[price_classes.REASON].value_counts().iter_rows())),
            "agreement": agreement(by_orders, rule),
        },
        parameters={
            "rule": asdict(rule),
            "thresholds": asdict(thresholds) if thresholds else None,
            "noise": known,
            "averages": averages.to_native().row(0, named=True),
            "answer_rates": rates,
        },
    )


def agreement(classes: "nw.DataFrame[pl.DataFrame]", rule: PriceClassRule) -> dict[str, Any]:
    """Return how the rule and three clusters agree, as JSON; with a reason only where there are too few customers."""
    clusters = price_clusters.price_clusters(classes, rule, np.random.default_rng(SEED))
    if clusters is None:
        return {"reason": f"fewer than {rule.least_people} customers have enough evidence, or too few differ"}
    found = asdict(price_clusters.agreement_with_rule(classes, clusters))
    centres = [
        dict(zip(price_features.MEASURES, centre, strict=True)) for centre in clusters.centres.tolist()
    ]
    return {**found, "centres": dict(zip(price_classes.LETTERS, centres, strict=True))}


def _price_rows(run: Run, products: pl.DataFrame) -> pl.DataFrame:
    return products.select(
        pl.lit(run.pk).alias("run_id"),
        pl.col(c.PRODUCT).alias("product_id"),
        pl.col(prices.USUAL_PRICE_E4).alias("usual_price"),
        pl.col(prices.PRICE_POSITION).alias("price_position"),
        pl.col(prices.DISCOUNT_SHARE).alias("discount_share"),
        pl.col(prices.LINES).alias("lines"),
    )


def _class_rows(run: Run, classes: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of CustomerClass; who has no order gets zeros for what was counted."""
    tested = pl.sum_horizontal(f"{kind}_{price_tests.TRIALS}" for kind in price_tests.KINDS) > 0
    tests = pl.struct(
        pl.concat_list(f"{kind}_{price_tests.TRIALS}", f"{kind}_{price_tests.ANSWERS}").alias(kind)
        for kind in price_tests.KINDS
    ).struct.json_encode()
    return classes.select(
        pl.lit(run.pk).alias("run_id"),
        pl.col(c.CUSTOMER).alias("customer_id"),
        pl.col(price_classes.PRICE_CLASS).alias("letter"),
        pl.col(price_classes.REASON).alias("reason"),
        pl.col(price_features.SPEND_E4).fill_null(0).alias("spend"),
        pl.col(price_features.SAVED_E4).fill_null(0).alias("saved"),
        pl.col(price_features.LIST_VALUE_E4).fill_null(0).alias("list_value"),
        prices.PRICE_POSITION,
        price_features.BUYER_POSITION,
        price_features.PRICE_SPREAD,
        prices.DISCOUNT_SHARE,
        price_classes.QUALITY_LEAD,
        price_classes.DISCOUNT_LEAD,
        *price_classes.PROBABILITIES,
        pl.when(tested).then(tests).alias("tests"),
        pl.col(price_features.ORDERS).fill_null(0),
        pl.col(prices.LINES).fill_null(0),
        pl.col(price_features.POSITIONED_LINES).fill_null(0),
    )


register(Job(name="price-classes", title="price classes A/B/C", compute=compute_price_classes, overall=True))
