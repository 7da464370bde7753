"""What a customer bought, from the orders themselves."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

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
from django.db.models.functions import Coalesce

from precision.shop import columns
from precision.shop.models import Category, Order, OrderLine, Platform

TOP_CATEGORIES = 10


def consumption(platform: Platform, customer: int) -> dict[str, Any]:
    """Return what a customer bought on a platform, net of what came back; two queries.

    `spend` and the shares of categories are sums over lines of quantity × unit price; cancelled orders and those that
    only a browser told count nothing.
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
        spend=amount,
    )
    category = Coalesce(F("product__same_as__category_id"), F("product__category_id"))
    shares = list(
        lines.values(node=category)
        .annotate(spend=amount)
        .filter(spend__gt=0)
        .order_by("-spend", "node")
        .values_list("node", "spend")
    )
    spent = sum((spend for _, spend in shares), Decimal(0))
    paths = dict(
        Category.objects.filter(id__in=[node for node, _ in shares[:TOP_CATEGORIES]]).values_list(
            "id", "path"
        )
    )
    spend = _scaled(totals["spend"])
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
            {"category": paths.get(node), "spend": str(_scaled(spend)), "share": float(spend / spent)}
            for node, spend in shares[:TOP_CATEGORIES]
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


def _scaled(product: Decimal | None) -> Decimal:
    """Return a sum of quantity × unit price, as stored, in currency units and cents."""
    return cents(Decimal(product or 0) / (columns.MONEY * columns.QUANTITY))


def cents(amount: Decimal) -> Decimal:
    """Return an amount with two decimals."""
    return amount.quantize(Decimal("0.01"))
