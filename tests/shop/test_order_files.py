"""One order by files and by events: the later word stands, whatever its route."""

from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from precision.shop import sources
from precision.shop.intake import orders
from precision.shop.intake.order_events import OrderEvent
from precision.shop.models import DeadLetter, Order, Platform, Product, Source
from precision.shop.tallies import Outcome
from tests.shop.imports import LINES, ROWS, counts
from tests.shop.told import NOON, NOW, TEA, event, lines, tell


def test_a_file_and_an_event_tell_one_order(platform: Platform, load: Any) -> None:
    assert counts(load(LINES, lines=ROWS)) == (3, 0, 0, 0)
    before = Order.objects.get(external_id="1")
    late = {"order_id": "1", "coupon": "LATE"}
    # Files without a time of their own are as new as their import.
    now = timezone.now()
    source = sources.default(platform, Source.Kind.SDK)
    told = orders.apply_events(
        platform,
        [OrderEvent("Order Updated", late, NOON)],
        source=source,
        trusted=True,
        received_at=now,
    )
    assert told[0].code == ("older" if before.version_at > NOON else "")
    told = orders.apply_events(
        platform, [OrderEvent("Order Updated", late, now)], source=source, trusted=True, received_at=now
    )
    assert told[0].status is Outcome.UPDATED
    assert Order.objects.get(external_id="1").coupon == "LATE"
    # The same file again changes nothing, what was told since stays.
    assert counts(load(LINES, lines=ROWS)) == (0, 0, 3, 0)
    assert Order.objects.get(external_id="1").coupon == "LATE"
    # Another content is the shop's newest word, and replaces all of it; the other credit notes follow.
    refund = OrderEvent("Order Refunded", {"order_id": "1", "refund_id": "r"}, now)
    orders.apply_events(platform, [refund], source=source, trusted=True, received_at=now)
    assert len(lines("1#refund-r")) == 2
    assert (
        counts(
            load(
                LINES, lines=ROWS.replace("tea,2", "tea,1").replace("1,anna,2024-03-01 10:00,cup,1,12\n", "")
            )
        )[1]
        == 1
    )
    assert Order.objects.get(external_id="1").coupon == ""
    assert lines("1#refund-r") == [("tea", "-1", "3.5")]


TIMED = LINES.replace('placed_at = "time"', 'placed_at = "time"\nupdated_at = "told"')


def test_an_older_file_does_not_overwrite_a_newer_one(platform: Platform, load: Any) -> None:
    def content(told: str, price: str) -> str:
        return f"order,customer,time,told,product,quantity,price\n1,anna,2024-03-01,{told},tea,1,{price}\n"

    assert counts(load(TIMED, lines=content("2024-03-05", "3"))) == (1, 0, 0, 0)
    assert counts(load(TIMED, lines=content("2024-03-04", "2"))) == (0, 0, 1, 0)
    assert lines("1") == [("tea", "1", "3")]
    assert counts(load(TIMED, lines=content("2024-03-06", "4"))) == (0, 1, 0, 0)
    assert lines("1") == [("tea", "1", "4")]
    # A repetition told later shuts out what was told between.
    assert counts(load(TIMED, lines=content("2024-03-09", "4"))) == (0, 0, 1, 0)
    assert counts(load(TIMED, lines=content("2024-03-08", "5"))) == (0, 0, 1, 0)
    assert lines("1") == [("tea", "1", "4")]


def test_a_file_confirms_and_lets_go_what_waits(platform: Platform, load: Any) -> None:
    refund = event("Order Refunded", 10, refund_id="r", order_id="2")
    assert tell(platform, refund) == [("accepted", "unknown_order")]
    Product.objects.create(platform=platform, external_id="tea", title="Tea", price=4)
    assert tell(platform, event("Order Completed", 0, order_id="1", products=[TEA]), trusted=False)
    assert counts(load(LINES, lines=ROWS)) == (1, 2, 0, 0)
    assert Order.objects.get(external_id="1").confirmed
    assert lines("2#refund-r") == [("tea", "-1", "3.5")]
    assert DeadLetter.objects.get().status == DeadLetter.Status.REPLAYED


def test_one_digest_for_files_and_events(platform: Platform, load: Any) -> None:
    placed = datetime(2024, 3, 1, 9, tzinfo=UTC)
    row = {
        "order_id": 1, "customer_id": "anna", "placed_at": "2024-03-01 10:00",
        "lines": [
            {"product_id": "tea", "quantity": 2, "unit_price": "3.50"},
            {"product_id": "cup", "quantity": 1, "unit_price": 12},
        ],
    }  # fmt: skip
    source = sources.default(platform, Source.Kind.REST)
    told = orders.apply_orders(platform, [row], source=source, trusted=True, received_at=NOW)
    assert told[0].status is Outcome.ACCEPTED
    assert Order.objects.get().placed_at == placed
    assert counts(load(LINES, lines=ROWS)) == (1, 0, 2, 0)
