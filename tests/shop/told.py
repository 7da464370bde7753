"""What the tests of orders have in common: words about one order, and looks at the result."""

from datetime import UTC, datetime, timedelta
from typing import Any

from precision.shop import sources
from precision.shop.intake import orders
from precision.shop.intake.order_events import OrderEvent
from precision.shop.models import DeadLetter, Order, OrderLine, Platform, Source

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
TEA = {"product_id": "tea", "quantity": "2", "price": "3.50"}
CUP = {"product_id": "cup", "price": 12}


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def event(name: str, minutes: int, **properties: Any) -> OrderEvent:
    return OrderEvent(name, {"order_id": "7", **properties}, at(minutes), customer_id="anna")


def tell(platform: Platform, *events: OrderEvent, trusted: bool = True) -> list[tuple[str, str]]:
    source = sources.default(platform, Source.Kind.SDK)
    told = orders.apply_events(platform, events, source=source, trusted=trusted, received_at=NOW)
    return [(one.status.value, one.code) for one in told]


def state(platform: Platform) -> list[Any]:
    """Every order and credit note with its lines, without our own numbers and the digests of words."""
    made = []
    for order in Order.objects.filter(platform=platform).order_by("external_id"):
        lines = OrderLine.objects.filter(order=order).order_by("id")
        made.append(
            (
                order.external_id, order.identity and order.identity.value, order.placed_at, order.status,
                order.currency, order.coupon, order.channel, order.payment_method, order.context, order.confirmed,
                order.version_at, order.refers_to and order.refers_to.external_id, order.words,
                [(line.product.external_id, line.quantity, line.unit_price) for line in lines],
            )
        )  # fmt: skip
    return made


def lines(number: str) -> list[tuple[str, str, str]]:
    found = OrderLine.objects.filter(order__external_id=number).order_by("id")
    return [(line.product.external_id, f"{line.quantity:g}", f"{line.unit_price:g}") for line in found]


def forget(platform: Platform) -> None:
    OrderLine.objects.all().delete()
    Order.objects.filter(platform=platform).delete()
    DeadLetter.objects.all().delete()
