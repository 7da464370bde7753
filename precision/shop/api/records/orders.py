"""Orders and refunds as the API shows them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet

from precision.shop import columns
from precision.shop.api.records.listing import IdParameters, WindowParameters, window
from precision.shop.api.records.resources import Resource, names_of, of_customer
from precision.shop.api.records.values import amount, decimal, given, moment
from precision.shop.models import Order, OrderLine, Platform

FROM_REFUNDS = Q(refers_to__isnull=False)
"""Credit notes that refunds made; those that the shop sent as orders are orders."""


class OrderParameters(IdParameters, WindowParameters):
    """Parameters of the list of orders."""


class Orders(Resource[Order]):
    """What was bought."""

    name = "order"
    plural = "orders"
    order = ("placed_at", "id")
    parameters = OrderParameters

    def rows(self, platform: Platform, values: Mapping[str, Any]) -> QuerySet[Order]:
        """Return the orders."""
        rows = Order.objects.filter(~FROM_REFUNDS, platform=platform).select_related("store")
        if values["ids"]:
            rows = rows.filter(external_id__in=values["ids"])
        return of_customer(window(rows, dict(values), "placed_at"), platform, values["customer"])

    def find(self, platform: Platform, record_id: str) -> Order | None:
        """Return the order of a number, or None."""
        rows = Order.objects.filter(~FROM_REFUNDS, platform=platform, external_id=record_id)
        return rows.select_related("store").first()

    def represent(self, rows: Sequence[Order], *, personal: bool) -> list[dict[str, Any]]:
        """Return the orders with their lines."""
        names = names_of([row.identity_id for row in rows])
        lines = lines_of(rows)
        return [
            given(
                {
                    "order_id": row.external_id, **names.get(row.identity_id or 0, {}),
                    "placed_at": moment(row.placed_at), "status": row.status, "currency": row.currency,
                    "channel": row.channel, "store_id": row.store.external_id if row.store else None,
                    "coupon": row.coupon, "payment_method": row.payment_method, "context": row.context,
                    "lines": lines[row.pk],
                }
            )
            for row in rows
        ]  # fmt: skip

    def remove(self, platform: Platform, row: Order) -> None:
        """Delete the order with its lines and credit notes; the history forgets them at its next export."""
        Order.objects.filter(Q(pk=row.pk) | Q(refers_to=row.pk), platform=platform).delete()


class Refunds(Resource[Order]):
    """What was given back: the credit notes that refunds made."""

    name = "refund"
    plural = "refunds"
    order = ("placed_at", "id")
    parameters = WindowParameters

    def rows(self, platform: Platform, values: Mapping[str, Any]) -> QuerySet[Order]:
        """Return the credit notes."""
        rows = Order.objects.filter(FROM_REFUNDS, platform=platform).select_related("refers_to")
        return of_customer(window(rows, dict(values), "placed_at"), platform, values["customer"])

    def represent(self, rows: Sequence[Order], *, personal: bool) -> list[dict[str, Any]]:
        """Return the refunds: the goods taken back, at the prices given back."""
        lines = lines_of(rows)
        return [
            given(
                {
                    "refund_id": row.context.get("refund"), "at": moment(row.placed_at), "currency": row.currency,
                    "amount": _told_amount(row),
                    "order_id": row.refers_to.external_id if row.refers_to else None,
                    "reason": row.context.get("reason"),
                    "lines": [{**line, "quantity": line["quantity"].lstrip("-")} for line in lines[row.pk]],
                }
            )
            for row in rows
        ]  # fmt: skip


def _told_amount(row: Order) -> str | None:
    """Return the amount that was told of a refund; None where only goods were."""
    told = (row.words or {}).get("refund", {}).get("amount")
    return None if told is None else amount(Decimal(told) / columns.MONEY)


def lines_of(rows: Sequence[Order]) -> dict[int, list[dict[str, Any]]]:
    """Return the lines of each order, by our number; one query."""
    lines: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for line in OrderLine.objects.filter(order__in=rows).select_related("product").order_by("id"):
        lines[line.order_id].append(
            given(
                {
                    "product_id": line.product.external_id, "quantity": decimal(line.quantity),
                    "unit_price": amount(line.unit_price), "list_price": amount(line.list_price),
                }
            )
        )  # fmt: skip
    return lines
