"""The order lines of one customer, from the database: what an answer to a page can wait for, without the lake."""

from datetime import date
from typing import Any

import narwhals as nw
import polars as pl
from django.db.models import BigIntegerField, F
from django.db.models.functions import Cast, Coalesce

from precision.engine.windows import Window
from precision.shop import columns as c
from precision.shop import exchange
from precision.shop.methods.exchange import convert
from precision.shop.models import Order, OrderLine, Platform
from precision.shop.scopes import Scope

SCHEMA = {
    c.CUSTOMER: pl.Int64, c.ORDER: pl.Int64, c.PRODUCT: pl.Int64, c.CATEGORY: pl.Int64, c.DAY: pl.Int64,
    c.WEEKDAY: pl.Int64, c.QUANTITY_E3: pl.Int64, c.AMOUNT_E4: pl.Int64, c.RETURNED: pl.Boolean,
    c.CURRENCY: pl.String,
}  # fmt: skip
STORED = {
    c.ORDER: pl.Int64(), c.PRODUCT: pl.Int64(), c.CATEGORY: pl.Int64(), "_at": pl.Datetime("us", "UTC"),
    c.QUANTITY_E3: pl.Int64(), c.UNIT_PRICE_E4: pl.Int64(), c.STATUS: pl.String(), c.CURRENCY: pl.String(),
}  # fmt: skip


def own_lines(scope: Scope, customer: int, as_of: date, *, days: int) -> nw.LazyFrame[Any]:
    """Return the lines that `Scope.scan` gives of a customer: SCHEMA without CURRENCY, amounts in the scope's.

    Cancelled and unconfirmed orders are left out, and lines in another currency that no rate is known of. One query a
    platform, served by the index of a person's orders, and one for the rates.
    """
    frames = [_lines(platform, customer, as_of, days) for platform in scope.platforms]
    lines = nw.from_native(pl.concat([pl.LazyFrame(schema=SCHEMA), *frames]))
    rates = exchange.known(scope.organisation)
    if not rates:
        return lines.filter(nw.col(c.CURRENCY) == scope.currency).drop(c.CURRENCY)
    converted = convert(lines, rates, target=scope.currency, amount=c.AMOUNT_E4).frame
    return converted.filter(~nw.col(c.AMOUNT_E4).is_null()).drop(c.CURRENCY)


def _lines(platform: Platform, customer: int, as_of: date, days: int) -> pl.LazyFrame:
    window = Window.before(as_of, days=days, timezone=platform.timezone)
    rows = (
        OrderLine.objects.filter(
            order__identity__in=platform.identities.filter(customer_id=customer).values("pk"),
            order__platform=platform,
            order__confirmed=True,
        )
        .exclude(order__status=Order.Status.CANCELLED)
        .values_list(
            "order_id",
            Coalesce(F("product__same_as_id"), F("product_id")),
            Coalesce(F("product__same_as__category_id"), F("product__category_id")),
            "order__placed_at",
            # The whole numbers as stored: sums of them are exact.
            Cast("quantity", BigIntegerField()),
            Cast("unit_price", BigIntegerField()),
            "order__status",
            "order__currency",
        )
    )
    found = pl.DataFrame(list(rows), schema=STORED, orient="row").lazy()
    seconds, local = pl.col("_at").dt.epoch("s"), pl.col("_at").dt.convert_time_zone(platform.timezone)
    amount = pl.col(c.QUANTITY_E3) * pl.col(c.UNIT_PRICE_E4)
    return found.filter(seconds >= window.start, seconds < window.end).select(
        pl.lit(customer, dtype=pl.Int64).alias(c.CUSTOMER),
        c.ORDER,
        c.PRODUCT,
        c.CATEGORY,
        local.dt.date().cast(pl.Int32).cast(pl.Int64).alias(c.DAY),
        local.dt.weekday().cast(pl.Int64).alias(c.WEEKDAY),
        c.QUANTITY_E3,
        # Half away from zero, as the lake has it.
        ((amount.abs() + c.QUANTITY // 2) // c.QUANTITY * amount.sign()).alias(c.AMOUNT_E4),
        (pl.col(c.STATUS) == Order.Status.RETURNED.value).alias(c.RETURNED),
        c.CURRENCY,
    )
