"""Orders from events and records: one state whatever the order of the words, credit notes, trust."""

import itertools
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from precision.shop import dead_letters, platforms, segment_spec, sources
from precision.shop.intake import orders
from precision.shop.models import DeadLetter, Order, OrderLine, Platform, Product, Source, Tally
from tests.shop.told import CUP, NOON, NOW, TEA, at, event, forget, lines, state, tell


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


def test_every_order_of_the_words_ends_in_the_same_state(platform: Platform) -> None:
    """Completed, updated twice, cancelled or refunded: all permutations, refusals and waiting included."""
    words = [
        event("Order Completed", 0, products=[TEA, CUP], currency="EUR", coupon="MAY", total=19),
        event("Order Updated", 20, products=[{**TEA, "quantity": 3}, CUP], coupon="JULY"),
        event("Order Refunded", 30, products=[{"product_id": "tea", "quantity": 1}], refund_id="r1"),
        event("Order Refunded", 40, total="2.25", refund_id="r2"),
    ]
    expected: list[Any] = []
    for order_of_words in itertools.permutations(words):
        for word in order_of_words:
            tell(platform, word)
        found = state(platform)
        expected = expected or found
        assert found == expected, [word.name for word in order_of_words]
        assert not DeadLetter.objects.filter(status="waiting").exists()
        forget(platform)
    assert expected[0][5] == "JULY"
    assert expected[0][-1] == [("tea", 3, 3.5), ("cup", 1, 12)]
    # One tea of three came back; then 2.25 of the 19.00 that are left are given back, shared by value.
    assert [row[0] for row in expected] == ["7", "7#refund-r1", "7#refund-r2"]
    assert expected[1][-1] == [("tea", -1, 3.5)]
    assert float(sum(quantity * price for _, quantity, price in expected[2][-1])) == pytest.approx(
        -2.25, abs=0.0005
    )
    assert sum(quantity for _, quantity, _ in expected[2][-1]) == 0


WORDS = st.lists(
    st.tuples(
        st.sampled_from(
            ["Order Updated", "Order Cancelled", "Order Refunded", "Return Completed", "Order Completed"]
        ),
        st.booleans(),  # trusted
        st.fixed_dictionaries(
            {},
            optional={
                "products": st.lists(
                    st.fixed_dictionaries(
                        {
                            "product_id": st.sampled_from(["tea", "cup"]),
                            "quantity": st.integers(1, 4),
                            "price": st.integers(0, 5),
                        }
                    ),
                    min_size=1,
                    max_size=2,
                ),
                "coupon": st.sampled_from(["A", "B"]),
                "status": st.sampled_from(["paid", "shipped"]),
                "total": st.integers(0, 12),
                "refund_id": st.sampled_from(["r1", "r2"]),
                "weather": st.just("rain"),
            },
        ),
    ),
    max_size=4,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=WORDS, told=st.booleans(), first=st.permutations(range(5)), second=st.permutations(range(5)))
def test_any_words_end_in_the_same_state(
    platform: Platform, words: Any, told: bool, first: list[int], second: list[int]
) -> None:
    """Whoever told them: what a browser said counts until the shop itself tells the lines."""
    for name in ("tea", "cup"):
        Product.objects.get_or_create(
            platform=platform, external_id=name, defaults={"title": name, "price": 1}
        )
    events = [(event("Order Completed", 0, products=[TEA, CUP]), told)]
    events += [
        (event(name, minutes, **properties), trusted)
        for minutes, (name, trusted, properties) in enumerate(words, start=1)
    ]
    found = []
    forget(platform)  # what an example that failed has left
    for places in (range(5), first, second):
        for word, trusted in (events[place] for place in places if place < len(events)):
            tell(platform, word, trusted=trusted)
        found.append(state(platform))
        forget(platform)
    assert found[1] == found[0]
    assert found[2] == found[0]


def test_an_older_word_changes_nothing(platform: Platform) -> None:
    tell(platform, event("Order Completed", 0, products=[TEA]), event("Order Cancelled", 30))
    before = state(platform)
    assert before[0][3] == "cancelled"
    assert tell(platform, event("Order Updated", 10, status="paid")) == [("duplicate", "older")]
    assert state(platform) == before
    # A later one counts, and what stands beside it in the word only where nothing later was told.
    assert tell(platform, event("Order Updated", 40, status="paid")) == [("updated", "")]
    assert Order.objects.get().status == "paid"


def test_a_browser_tells_and_the_shop_confirms(platform: Platform) -> None:
    Product.objects.create(platform=platform, external_id="tea", title="Tea", price=4)
    forged = event("Order Completed", 5, products=[{**TEA, "quantity": 99}], coupon="FREE", tax=7)
    assert tell(platform, forged, trusted=False) == [("accepted", "")]
    assert not Order.objects.get().confirmed
    # The shop's own word was said earlier and beats it all the same: nothing of the browser's is left.
    completed = event("Order Completed", 0, products=[TEA])
    assert tell(platform, completed) == [("updated", "")]
    order = Order.objects.get()
    assert (order.confirmed, order.coupon, order.context, order.placed_at) == (True, "", {}, NOON)
    assert lines("7") == [("tea", "2", "3.5")]
    before = state(platform)
    for later in (forged, event("Order Cancelled", 50), event("Order Refunded", 51)):
        assert tell(platform, later, trusted=False) == [("duplicate", "untrusted")]
    assert state(platform) == before


def test_a_browser_adds_no_products(platform: Platform) -> None:
    told = tell(platform, event("Order Completed", 0, products=[TEA]), trusted=False)
    assert told == [("rejected", "unknown_product")]
    assert not Product.objects.exists()
    assert not Order.objects.exists()
    letter = DeadLetter.objects.get()
    assert (letter.kind, letter.code, letter.field) == ("order", "unknown_product", "lines[0].product_id")
    Product.objects.create(platform=platform, external_id="tea", title="Tea")
    assert dead_letters.replay([letter]).used == 1
    assert not Order.objects.get().confirmed


def test_a_price_that_is_missing_is_the_catalogue_s(platform: Platform) -> None:
    Product.objects.create(platform=platform, external_id="tea", title="Tea", price="4.20")
    assert tell(platform, event("Order Completed", 0, products=[{"sku": "tea"}])) == [("accepted", "")]
    assert lines("7") == [("tea", "1", "4.2")]
    assert Order.objects.get().context == {"priced_from_catalogue": ["tea"]}
    other = event("Order Completed", 0, order_id="8", products=[{"sku": "tea"}, {"sku": "unpriced"}])
    assert tell(platform, other) == [("rejected", "missing")]
    assert DeadLetter.objects.get().field == "lines[1].unit_price"
    assert not Order.objects.filter(external_id="8").exists()


def test_a_refund_never_takes_back_more_than_was_bought(platform: Platform) -> None:
    tell(platform, event("Order Completed", 0, products=[TEA, CUP]))
    refund = event(
        "Order Refunded", 10, refund_id="a", products=[{"product_id": "tea", "quantity": 5, "price": 9}]
    )
    assert tell(platform, refund) == [("accepted", "")]
    assert lines("7#refund-a") == [("tea", "-2", "3.5")]
    note = Order.objects.get(external_id="7#refund-a")
    assert (note.status, note.placed_at, note.refers_to) == (
        "returned",
        at(10),
        Order.objects.get(external_id="7"),
    )
    assert note.identity == Order.objects.get(external_id="7").identity
    assert "excess" in note.context
    before = state(platform)
    assert tell(platform, refund) == [("duplicate", "")]
    assert state(platform) == before
    tell(platform, event("Order Refunded", 20))  # in full: what is left
    full = Order.objects.exclude(external_id__in=["7", "7#refund-a"]).get()
    assert lines(full.external_id) == [("cup", "-1", "12")]
    net = sum(line.quantity * line.unit_price for line in OrderLine.objects.all())
    assert net == 0


def test_a_refund_of_a_cancelled_order_is_cancelled_with_it(platform: Platform) -> None:
    """A cancelled order is in no sum; its credit notes must not stay behind."""
    tell(platform, event("Order Completed", 0, products=[TEA]), event("Order Refunded", 10, refund_id="a"))
    tell(platform, event("Order Cancelled", 20))
    assert {order.status for order in Order.objects.all()} == {"cancelled"}
    tell(platform, event("Order Updated", 30, status="completed"))
    assert {order.external_id: order.status for order in Order.objects.all()} == {
        "7": "completed",
        "7#refund-a": "returned",
    }


def test_a_request_for_return_changes_nothing(platform: Platform) -> None:
    assert segment_spec.RETURN_REQUESTED not in segment_spec.ORDERS


@pytest.mark.parametrize(
    ("properties", "code", "field"),
    [
        ({"products": [{**TEA, "quantity": 0}]}, "zero", "lines[0].quantity"),
        ({"products": [{**TEA, "price": "-1"}]}, "negative", "lines[0].unit_price"),
        ({"products": [{**TEA, "price": "a lot"}]}, "not_a_number", "lines[0].unit_price"),
        ({"products": [{**TEA, "price": 1e300}]}, "out_of_range", "lines[0].unit_price"),
        ({"products": [{"quantity": 1, "price": 1}]}, "missing", "lines[0].product_id"),
        ({"products": "tea"}, "not_a_list", "lines"),
        ({"products": ["tea"]}, "not_an_object", "lines[0]"),
        ({}, "no_lines", "lines"),
        ({"products": [TEA], "order_id": None}, "missing", "order_id"),
        ({"products": [TEA], "order_id": "x" * 201}, "too_long", "order_id"),
        ({"products": [TEA], "currency": "pounds"}, "bad_currency", "currency"),
        ({"products": [TEA], "coupon": "\x00"}, "nul_character", "coupon"),
        ({"products": [TEA], "coupon": "\ud800"}, "not_unicode", "coupon"),
        ({"products": [TEA], "tax": float("nan")}, "not_a_number", "tax"),
        ({"products": [TEA], "status": "lost"}, "not_a_choice", "status"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name_and_kept(
    platform: Platform, properties: dict[str, Any], code: str, field: str
) -> None:
    assert tell(platform, event("Order Completed", 0, **properties)) == [("rejected", code)]
    letter = DeadLetter.objects.get()
    assert (letter.kind, letter.code, letter.field) == ("order", code, field)
    # What only lacks something can still change an order that comes later.
    assert letter.waits_for == ("7" if code == "no_lines" else "")
    assert not Order.objects.exists()
    assert not OrderLine.objects.exists()


def test_platforms_do_not_see_each_other_s_orders(platform: Platform) -> None:
    platforms.create_platform("other", name="Other", organisation="corner")
    other = Platform.objects.get(key="other")
    tell(platform, event("Order Completed", 0, products=[TEA]))
    assert tell(other, event("Order Cancelled", 10)) == [("accepted", "unknown_order")]
    assert Order.objects.get().status == "completed"


def test_records_change_what_they_give_and_replace_what_they_do_not(platform: Platform) -> None:
    source = sources.default(platform, Source.Kind.REST)
    row = {
        "order_id": "7", "customer_id": "anna", "placed_at": "2026-05-01T12:00:00Z", "coupon": "MAY",
        "context": {"weather": "rain"},
        "lines": [{"product_id": "tea", "quantity": 1, "unit_price": 3}],
    }  # fmt: skip

    def put(content: dict[str, Any], **options: Any) -> str:
        told = orders.apply_orders(
            platform, [content], source=source, trusted=True, received_at=timezone.now(), **options
        )
        return told[0].status.value

    assert put(row) == "accepted"
    assert put(row) == "duplicate"
    assert put({"order_id": "7", "status": "shipped", "context": {"temperature": 9}}) == "updated"
    order = Order.objects.get()
    assert (order.status, order.coupon, order.context) == (
        "shipped",
        "MAY",
        {"weather": "rain", "temperature": 9},
    )
    bare = {name: row[name] for name in ("order_id", "placed_at", "lines")}
    assert put(bare, replace=True) == "updated"
    order = Order.objects.get()
    assert (order.status, order.coupon, order.context, order.identity) == ("completed", "", {}, None)
    assert put({"order_id": "9", "status": "paid"}) == "rejected"


def test_personal_values_do_not_stay_with_an_order(platform: Platform) -> None:
    source = sources.default(platform, Source.Kind.REST)
    row = {
        "order_id": "7", "placed_at": "2026-05-01T12:00:00Z", "email": "jane@shop.org", "gift_wrap": True,
        "context": {"shipping_address": {"street": "Elm"}, "weather": "rain"},
        "lines": [{"product_id": "tea", "quantity": 1, "unit_price": 3}],
    }  # fmt: skip
    orders.apply_orders(platform, [row], source=source, trusted=True, received_at=NOW)
    assert Order.objects.get().context == {"gift_wrap": True, "weather": "rain"}
