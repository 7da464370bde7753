"""Events by the thousand: each kept once whatever the route and the time, people linked, nothing personal kept."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from django.db import connection, transaction

from precision.shop import intake, partitions, sources
from precision.shop.importing import events as module
from precision.shop.importing.events import load_events
from precision.shop.importing.messages import known, messages
from precision.shop.importing.properties import cleaned
from precision.shop.models import Event, Identity, IdentityLink, Order, Platform, Product, Source, Store

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
ROWS: list[dict[str, Any]] = [
    {
        "event_id": "e1",
        "event": "viewed product",
        "anonymous_id": "v1",
        "product_id": "tea",
        "duration_s": 12.5,
    },
    {"event_id": "e2", "event": "Page Viewed", "anonymous_id": "v1", "customer_id": "anna", "channel": "web"},
    {"event_id": "e3", "event": "My Own", "customer_id": "anna", "product_id": 'no"ne', "store_id": "s9"},
    {"event_id": "e1", "event": "Product Viewed", "anonymous_id": "v1", "product_id": "tea"},
]


def frame(rows: list[dict[str, Any]], at: datetime | None = NOW - timedelta(days=400)) -> pl.DataFrame:
    table = pl.DataFrame(rows, schema={**dict.fromkeys(rows[0]), **{n: None for row in rows for n in row}},
                         infer_schema_length=None)  # fmt: skip
    return table.with_columns(at=pl.lit(at, pl.Datetime("us", "UTC")))


def load(platform: Platform, rows: list[dict[str, Any]], *, now: datetime = NOW, **more: Any) -> list[str]:
    source = sources.default(platform, Source.Kind.FILES)
    with transaction.atomic():
        return (
            load_events(platform, frame(rows, **more), source=source, now=now).get_column("outcome").to_list()
        )


def test_each_event_is_kept_once_with_our_numbers(platform: Platform) -> None:
    tea = Product.objects.create(platform=platform, external_id="tea", title="Tea")
    store = Store.objects.create(platform=platform, external_id="s1")
    assert load(platform, [*ROWS, {"event_id": "e4", "event": "x", "customer_id": "anna", "store_id": "s1"}]) == [
        "accepted", "accepted", "accepted", "duplicate", "accepted",
    ]  # fmt: skip
    names = {(i.kind, i.value): i.pk for i in Identity.objects.all()}
    anna, visitor = names["customer_id", "anna"], names["anonymous_id", "v1"]
    rows = Event.objects.order_by("id").values_list(
        "name", "identity", "product", "store", "duration_s", "channel", "properties"
    )
    assert sorted(rows, key=str) == sorted(
        [
            ("Product Viewed", visitor, tea.pk, None, 12.5, "", {}),
            ("Page Viewed", anna, None, None, None, "web", {}),
            ("My Own", anna, None, None, None, "", {"product_id": 'no"ne', "store_id": "s9"}),
            ("x", anna, None, store.pk, None, "", {}),
        ],
        key=str,
    )
    link = IdentityLink.objects.get()
    assert ({link.first_id, link.second_id}, link.origin, link.verified) == ({anna, visitor}, "event", True)


@pytest.mark.parametrize("later", [timedelta(0), timedelta(days=40), timedelta(days=200)])
def test_the_same_events_again_add_nothing_whenever_they_come(platform: Platform, later: timedelta) -> None:
    load(platform, ROWS)
    before = list(Event.objects.order_by("id").values())
    assert load(platform, ROWS[::-1], now=NOW + later) == ["duplicate"] * 4
    assert list(Event.objects.order_by("id").values()) == before


def test_months_before_the_events_are_not_looked_through(platform: Platform) -> None:
    load(platform, ROWS)
    told = pl.Series(["\\x" + bytes(m).hex() for m in Event.objects.values_list("message", flat=True)])
    with transaction.atomic():
        assert known(platform, told, since=NOW - timedelta(days=400)).all()
        assert known(platform, told, since=None).all()
        assert not known(platform, told, since=NOW + timedelta(days=60)).any()


def test_without_ids_the_content_counts(platform: Platform) -> None:
    row = {"event": "Page Viewed", "anonymous_id": "v1", "properties": '{"title":"a"}'}
    assert load(platform, [row, {**row, "properties": '{"title":"b"}'}, row]) == ["accepted"] * 2 + [
        "duplicate"
    ]
    assert load(platform, [{**row, "channel": None}]) == ["duplicate"], "a column of nothing says nothing"
    assert load(platform, [row], at=NOW) == ["accepted"]
    assert load(platform, [row], at=None) == ["accepted"]
    assert load(platform, [row], at=None, now=NOW + timedelta(days=70)) == ["duplicate"]


def test_files_and_calls_know_each_other(platform: Platform) -> None:
    source = sources.default(platform, Source.Kind.SDK)
    call = {
        "type": "track",
        "event": "Clicked",
        "userId": "anna",
        "messageId": "m1",
        "timestamp": NOW.isoformat(),
    }
    (verdict,) = intake.receive(platform, [call], source=source, trusted=True, received_at=NOW)
    assert verdict.status == "accepted"
    assert load(platform, [{"event_id": "m1", "event": "Clicked", "customer_id": "anna"}], at=NOW) == [
        "duplicate"
    ]
    assert load(platform, [{"event_id": "m2", "event": "Clicked", "customer_id": "anna"}], at=NOW) == [
        "accepted"
    ]
    (verdict,) = intake.receive(
        platform,
        [{**call, "messageId": "m2"}],
        source=source,
        trusted=True,
        received_at=NOW + timedelta(days=30),
    )
    assert verdict.status == "duplicate"
    assert Event.objects.count() == 2


def test_another_platform_has_its_own_messages(platform: Platform, django_user_model: Any) -> None:
    other = Platform.objects.create(key="other", name="Other", organisation=platform.organisation)
    load(platform, ROWS)
    assert load(other, ROWS)[:3] == ["accepted"] * 3
    assert set(Identity.objects.filter(platform=other).values_list("value", flat=True)) == {"anna", "v1"}


def test_a_call_that_comes_while_we_look(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    load(platform, ROWS[:1])
    monkeypatch.setattr(
        module,
        "known",
        lambda _, told, since: pl.Series([False], dtype=pl.Boolean).new_from_index(0, len(told)),
    )
    assert load(platform, ROWS) == ["duplicate", "accepted", "accepted", "duplicate"]
    assert Event.objects.count() == 3


def test_future_times_are_now_and_receipt_is_now(platform: Platform) -> None:
    load(platform, ROWS[:1], at=NOW + timedelta(hours=3))
    event = Event.objects.get()
    assert (event.at, event.received_at) == (NOW, NOW)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {partitions.name_of(NOW.date())}")
        assert cursor.fetchone() == (1,)


def test_a_blocked_name_is_nobody(platform: Platform) -> None:
    load(
        platform,
        [{"event": "a", "customer_id": "null", "anonymous_id": "v1"}, {"event": "b", "customer_id": "-1"}],
    )
    assert dict(Event.objects.values_list("name", "identity__value")) == {"a": "v1", "b": None}


def test_orders_among_the_events_become_orders(platform: Platform) -> None:
    products = [{"product_id": "tea", "quantity": 2, "price": "3.5"}]
    told = json.dumps({"order_id": "o1", "currency": "EUR", "products": products})
    rows = [
        {
            "event_id": "2",
            "event": "Order Cancelled",
            "customer_id": "anna",
            "properties": '{"order_id":"o1"}',
        },
        {"event_id": "1", "event": "order completed", "customer_id": "anna", "properties": told},
    ]
    early, late = frame(rows[1:], NOW - timedelta(days=3)), frame(rows[:1], NOW - timedelta(days=2))
    source = sources.default(platform, Source.Kind.FILES)
    with transaction.atomic():
        load_events(platform, pl.concat([late, early], how="diagonal"), source=source, now=NOW)
    order = Order.objects.get()
    assert (order.external_id, order.status, order.confirmed, order.lines.count()) == (
        "o1",
        "cancelled",
        True,
        1,
    )


def test_messages_are_those_of_the_dialect() -> None:
    told = pl.DataFrame({"event_id": ["m1", None, None], "event": ["a", "a", "a"], "query": [None, "x", "y"]})
    found = messages(told, ["event", "query"]).to_list()
    assert found[0] == "\\x" + intake.reading.digest("m1").hex()
    assert len(set(found)) == 3


def test_properties_lose_what_is_personal() -> None:
    texts = [
        '{"title":"Tea"}', None, '{"email":"a@b.de","price":"12.50","deep":{"phone":"1","n":1}}',
        '{"url":"https://a@shop.de/x?token=1&q=tea#f","referrer":"https://www.search.de/?q=secret"}',
        '{"a":"\\u0000"}', "[1]",
    ]  # fmt: skip
    value, code = cleaned(pl.Series("properties", texts[:5]))
    assert value.to_list() == [
        '{"title":"Tea"}', None, '{"price":12.50,"deep":{"n":1}}'.replace("12.50", "12.5"),
        '{"url":"https://shop.de/x?q=tea","referrer":"www.search.de"}', None,
    ]  # fmt: skip
    assert code.to_list() == [None, None, None, None, "nul_character"]
    same = pl.Series("properties", texts[:2])
    assert cleaned(same)[0] is same
