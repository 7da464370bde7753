"""What a customer bought, from the orders themselves."""

from collections.abc import Sequence
from datetime import UTC, date
from decimal import Decimal
from typing import Any, Final

import narwhals as nw
import polars as pl
from django.db.models import (
    BigIntegerField,
    Count,
    DecimalField,
    ExpressionWrapper,
    F,
    Max,
    Min,
    Q,
    Sum,
)
from django.db.models.functions import Coalesce, TruncDate

from precision.engine.windows import epoch_day
from precision.shop import columns
from precision.shop.exchange import to_platform_currency
from precision.shop.methods import exchange
from precision.shop.models import Category, Order, OrderLine, Platform

TOP_CATEGORIES = 10
NODE: Final = "node"


def consumption(platform: Platform, customer: int) -> dict[str, Any]:
    """Return what a customer bought on a platform, net of what came back; three queries.

    `spend` and the shares of categories are sums over lines of quantity × unit price in the platform's currency,
    foreign ones by the rate of the day; what has no rate, cancelled orders and those that only a browser told count
    nothing.
    """
    lines = OrderLine.objects.filter(
        order__identity__customer_id=customer, order__platform=platform, order__confirmed=True
    ).exclude(order__status=Order.Status.CANCELLED)
    # The columns hold whole numbers of 1/10,000 and 1/1,000; multiplied in the database, scaled here once.
    worth = ExpressionWrapper(F("quantity") * F("unit_price"), output_field=BigIntegerField())
    amount = Sum(worth, output_field=DecimalField())
    totals = lines.aggregate(
        orders=Count("order", distinct=True, filter=~Q(order__status=Order.Status.RETURNED)),
        first=Min("order__placed_at"),
        last=Max("order__placed_at"),
    )
    category = Coalesce(F("product__same_as__category_id"), F("product__category_id"))
    rows = (
        lines.values(node=category)
        .annotate(money=F("order__currency"), day=TruncDate("order__placed_at", tzinfo=UTC), spend=amount)
        .order_by()
        .values_list("node", "money", "day", "spend")
    )
    parts = _converted(platform, list(rows))
    spent = sum(parts.values(), Decimal(0))
    shares = sorted(
        ((node, each) for node, each in parts.items() if each > 0),
        key=lambda pair: (-pair[1], pair[0] is None, pair[0]),
    )
    positive = sum((each for _, each in shares), Decimal(0))
    paths: dict[int | None, list[str]] = dict(
        Category.objects.filter(id__in=[node for node, _ in shares[:TOP_CATEGORIES]]).values_list(
            "id", "path"
        )
    )
    spend = _scaled(spent)
    return {
        "orders": totals["orders"],
        "first_order_at": totals["first"],
        "last_order_at": totals["last"],
        "spend": str(spend),
        "currency": platform.currency,
        "average_order": str((spend / totals["orders"]).quantize(Decimal("0.01")))
        if totals["orders"]
        else None,
        "categories": [
            {"category": paths.get(node), "spend": str(_scaled(each)), "share": float(each / positive)}
            for node, each in shares[:TOP_CATEGORIES]
        ],
    }


def joined_consumption(platforms: Sequence[Platform], customer: int) -> dict[str, Any]:
    """Return what a person bought on several platforms: each of them under `platforms`, and the whole.

    Amounts of one currency add up; over several currencies `spend` and `average_order` are None.
    """
    parts = {platform.key: consumption(platform, customer) for platform in platforms}
    bought = [part for part in parts.values() if part["orders"]]
    currencies = {part["currency"] for part in bought}
    orders = sum(part["orders"] for part in bought)
    spend = sum((Decimal(part["spend"]) for part in bought), Decimal(0)) if len(currencies) <= 1 else None
    return {
        "orders": orders,
        "first_order_at": min((part["first_order_at"] for part in bought), default=None),
        "last_order_at": max((part["last_order_at"] for part in bought), default=None),
        "spend": None if spend is None else str(cents(spend)),
        "currency": currencies.pop() if len(currencies) == 1 else None,
        "average_order": str(cents(spend / orders)) if orders and spend is not None else None,
        "categories": [],
        "platforms": parts,
    }


def _converted(
    platform: Platform, rows: Sequence[tuple[int | None, str, date, Decimal]]
) -> dict[int | None, Decimal]:
    """Return the sum per category in the currency of the platform; rates are read where there is another one."""
    sums: dict[int | None, Decimal] = {}
    if all(currency == platform.currency for _, currency, _, _ in rows):
        for node, _, _, amount in rows:
            sums[node] = sums.get(node, Decimal(0)) + amount
        return sums
    frame = pl.DataFrame(
        [(node, currency, epoch_day(day), int(amount)) for node, currency, day, amount in rows],
        schema={NODE: pl.Int64, exchange.CURRENCY: pl.String, columns.DAY: pl.Int64, columns.AMOUNT_E4: pl.Int64},
        orient="row",
    )  # fmt: skip
    converted = to_platform_currency(nw.from_native(frame.lazy()), platform).frame
    known = converted.collect("polars").to_native().drop_nulls(columns.AMOUNT_E4)
    for node, amount in known.select(NODE, columns.AMOUNT_E4).iter_rows():
        sums[node] = sums.get(node, Decimal(0)) + Decimal(amount)
    return sums


def _scaled(product: Decimal | None) -> Decimal:
    """Return a sum of quantity × unit price, as stored, in currency units and cents."""
    return cents(Decimal(product or 0) / (columns.MONEY * columns.QUANTITY))


def cents(amount: Decimal) -> Decimal:
    """Return an amount with two decimals."""
    return amount.quantize(Decimal("0.01"))
