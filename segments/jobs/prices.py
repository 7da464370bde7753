"""Usual prices and price classes."""

from dataclasses import asdict

import polars as pl

from precision.engine.backends import Engine
from precision.engine.copying import copy_rows
from precision.engine.jobs import Job, Outcome, register
from precision.engine.models import Run
from precision.engine.windows import Window, epoch_day
from precision.shop import columns as c
from precision.shop import history
from precision.shop.models import Platform
from segments.jobs.frames import once
from segments.methods import price_classes, prices
from segments.models import CustomerClass, ProductPrice

HISTORY_DAYS = 730  # what usual prices are learnt from


def compute_price_classes(run: Run, engine: Engine) -> Outcome:
    """Write ProductPrice and CustomerClass rows of the run's platform."""
    platform = Platform.objects.get(key=run.scope)
    rule = price_classes.PriceClassRule()
    as_of = epoch_day(run.as_of)
    lines = history.scan(
        "order_lines", Window.before(run.as_of, timezone=platform.timezone), platform=platform
    )
    # Both tables are read more than once below: computed once, and lazy again.
    priced = once(prices.priced_lines(lines, as_of=as_of, window_days=HISTORY_DAYS))
    products = once(prices.product_prices(priced, as_of=as_of))
    features = price_classes.customer_features(priced, products, as_of=as_of, rule=rule).collect("polars")
    thresholds = price_classes.fit_thresholds(features, rule)
    classes = price_classes.classify(features.lazy(), rule, thresholds).collect("polars").to_native()
    price_rows = (
        products.collect("polars")
        .to_native()
        .select(
            pl.lit(run.pk).alias("run_id"),
            pl.col(c.PRODUCT).alias("product_id"),
            pl.col(prices.USUAL_PRICE_E4).alias("usual_price"),
            pl.col(prices.PRICE_POSITION).alias("price_position"),
            pl.col(prices.DISCOUNT_SHARE).alias("discount_share"),
            pl.col(prices.LINES).alias("lines"),
        )
    )
    class_rows = classes.select(
        pl.lit(run.pk).alias("run_id"),
        pl.col(c.CUSTOMER).alias("customer_id"),
        pl.col(price_classes.PRICE_CLASS).alias("letter"),
        pl.col(price_classes.REASON).alias("reason"),
        pl.col(price_classes.SPEND_E4).alias("spend"),
        pl.col(price_classes.SAVED_E4).alias("saved"),
        pl.col(price_classes.LIST_VALUE_E4).alias("list_value"),
        prices.PRICE_POSITION,
        price_classes.BUYER_POSITION,
        price_classes.PRICE_SPREAD,
        prices.DISCOUNT_SHARE,
        price_classes.QUALITY_LEAD,
        price_classes.DISCOUNT_LEAD,
        price_classes.ORDERS,
        prices.LINES,
        price_classes.POSITIONED_LINES,
    )
    return Outcome(
        rows={
            "product_price": copy_rows(ProductPrice, price_rows),
            "customer_class": copy_rows(CustomerClass, class_rows),
        },
        measures={"sizes": dict(sorted(class_rows["letter"].value_counts().iter_rows()))},
        parameters={"rule": asdict(rule), "thresholds": asdict(thresholds) if thresholds else None},
    )


register(Job(name="price-classes", title="price classes A/B/C", compute=compute_price_classes))
