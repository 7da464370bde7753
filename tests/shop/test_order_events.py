"""Orders from events and records: one state whatever the order of the words, credit notes, trust."""

from datetime import UTC, datetime, timedelta
from typing import Any

from precision.shop import sources
from precision.shop.intake import orders
from precision.shop.intake.order_events import OrderEvent
from precision.shop.models import Order, OrderLine, Platform, Source, Tally

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


def test_a_completed_order_becomes_one_order(platform: Platform) -> None:
    completed = event(
        "Order Completed", 0, products=[TEA, CUP], currency="gbp", coupon="MAY", total="19.00", tax=1.5
    )
    assert tell(platform, completed) == [("accepted", "")]
    order = Order.objects.get()
    assert (order.external_id, order.status, order.currency, order.coupon) == ("7", "completed", "GBP", "MAY")
    assert order.placed_at == NOON
    assert order.version_at == NOON
    assert order.confirmed
    assert order.identity is not None
    assert (order.identity.kind, order.identity.value) == ("customer_id", "anna")
    assert order.context == {"total": "19.00", "tax": 1.5}
    assert lines("7") == [("tea", "2", "3.5"), ("cup", "1", "12")]
    before = state(platform)
    assert tell(platform, completed) == [("duplicate", "")]
    assert state(platform) == before
    assert {(one.kind, one.outcome, one.count) for one in Tally.objects.all()} == {
        ("order", "accepted", 1),
        ("order", "duplicate", 1),
    }
