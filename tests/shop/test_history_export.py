"""history.export: what is new goes to the lake, once, whatever the order of commits; the rest stays as it is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import psycopg
import pytest
from django.db import connection

from precision.engine.reading import conninfo
from precision.shop import columns as c
from precision.shop import history, partitions
from precision.shop.history import exporting, extraction, layout
from precision.shop.models import Event, Exposure, Order, OrderLine, Platform, Product
from tests.shop.lake import (
    MARCH,
    buy,
    collected,
    happen,
    lake_lines,
    lines,
    parquet_files,
    state,
    stored_lines,
)

pytestmark = pytest.mark.django_db(transaction=True)
ORDER = (
    "INSERT INTO precision_shop_order (platform_id, external_id, placed_at, status, currency, channel, coupon, "
    "payment_method, context, fingerprint, received_at) "
    "VALUES (%s, %s, now(), 'completed', 'EUR', '', '', '', '{}', 0, clock_timestamp()) RETURNING id"
)
LINE = "INSERT INTO precision_shop_orderline (order_id, product_id, quantity, unit_price) VALUES (%s, %s, 1000, 20000)"


@pytest.fixture
def soap(platform: Platform) -> Product:
    return Product.objects.create(platform=platform, external_id="S1", title="Soap")


def order_by(link: "psycopg.Connection[Any]", platform: Platform, product: Product, number: str) -> int:
    with link.cursor() as cursor:
        cursor.execute(ORDER, [platform.pk, number])
        found = cursor.fetchone()
        assert found is not None
        cursor.execute(LINE, [found[0], product.pk])
        return int(found[0])


def test_an_order_that_is_committed_late_is_not_lost(platform: Platform, soap: Product) -> None:
    with psycopg.connect(conninfo()) as slow, psycopg.connect(conninfo()) as quick:
        early = order_by(slow, platform, soap, "early")
        late = order_by(quick, platform, soap, "late")
        quick.commit()
        # A reader by number or by time of change stands behind `late` now.
        last_seen = Order.objects.get(pk=late)
        history.export()
        seen_first = set(lines(platform)[c.ORDER])
        slow.commit()
    by_number = Order.objects.filter(pk__gt=last_seen.pk)
    by_time = Order.objects.filter(received_at__gt=last_seen.received_at)
    assert Order.objects.filter(pk=early).exists()
    assert not by_number.exists()
    assert not by_time.exists()
    assert seen_first == set()  # nothing is told while an older transaction may still tell something
    assert lines(platform)[c.ORDER].to_list() == [early, late]


def test_nothing_new_writes_nothing(platform: Platform, soap: Product) -> None:
    buy(platform, "1", soap)
    assert history.export().rows["order_lines"] == 1
    before, files = state(), parquet_files()
    again = history.export()
    assert sum(again.rows.values()) == 0
    assert (state(), parquet_files()) == (before, files)


def test_a_changed_order_replaces_all_of_its_lines(platform: Platform, soap: Product) -> None:
    other = Product.objects.create(platform=platform, external_id="S2", title="Sponge")
    order = buy(platform, "1", soap)
    untouched = buy(platform, "2", soap)
    history.export()
    OrderLine.objects.filter(order=order).delete()
    OrderLine.objects.create(order=order, product=other, quantity=4, unit_price=1)
    Order.objects.filter(pk=order.pk).update(placed_at=MARCH + timedelta(days=60))  # another month
    done = history.export()
    assert (done.rows["order_lines"], done.changed) == (1, {"order_lines": 1})
    assert lake_lines(platform) == [
        (order.pk, other.pk, 4_000, 10_000),
        (untouched.pk, soap.pk, 1_000, 25_000),
    ]


@pytest.mark.parametrize("change", [{"status": "cancelled"}, {"confirmed": False}])
def test_an_order_that_does_not_count_any_more(
    platform: Platform, soap: Product, change: dict[str, Any]
) -> None:
    order = buy(platform, "1", soap)
    assert lines(platform).height == 1
    Order.objects.filter(pk=order.pk).update(**change)
    assert lines(platform).height == 0
    Order.objects.filter(pk=order.pk).update(status="completed", confirmed=True)
    assert lines(platform)[c.ORDER].to_list() == [order.pk]


def test_an_order_left_without_lines(platform: Platform, soap: Product) -> None:
    order = buy(platform, "1", soap)
    assert lines(platform).height == 1
    OrderLine.objects.filter(order=order).delete()
    Order.objects.filter(pk=order.pk).update(fingerprint=1)
    assert lines(platform).height == 0


def test_removed_facts_are_forgotten(platform: Platform, soap: Product) -> None:
    gone, stays = buy(platform, "1", soap), buy(platform, "2", soap)
    event = happen(platform, "a")
    happen(platform, "b")
    assert (lines(platform).height, collected("events", platform).height) == (2, 2)
    gone.delete()
    Event.objects.filter(pk=event.pk).delete()
    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO precision_shop_removal (platform_id, "table", "row", position) '
            "VALUES (%s, 'event', %s, pg_current_xact_id()::text::bigint)",
            [platform.pk, event.pk],
        )
    assert lines(platform)[c.ORDER].to_list() == [stays.pk]
    assert collected("events", platform).height == 1


def test_one_platform_is_exported_and_the_others_later(platform: Platform, soap: Product) -> None:
    other = Platform.objects.create(
        organisation=platform.organisation, key="other", name="Other", user_hash_secret=b""
    )
    sponge = Product.objects.create(platform=other, external_id="S1", title="Sponge")
    buy(platform, "1", soap)
    buy(other, "1", sponge)
    assert history.export(platform).rows["order_lines"] == 1
    assert set(state().platforms) == {platform.pk}
    assert history.export().rows["order_lines"] == 1
    assert lines(other)[c.PRODUCT].to_list() == [sponge.pk]


def test_events_in_the_units_of_the_frames(platform: Platform, soap: Product) -> None:
    at = datetime(2026, 7, 5, 23, 30, 0, 900_000, tzinfo=UTC)  # Monday 01:30 in Berlin
    happen(
        platform, "a", at=at, name="Product Viewed", product=soap, channel="app", session="s-1",
        duration_s=1.2345, recommendation="r-1", query="a name", properties={"text": "a name"},
    )  # fmt: skip
    happen(platform, "b", at=at + timedelta(seconds=5), session="s-1", duration_s=float("inf"))
    first, second = collected("events", platform).sort(c.SECONDS).to_dicts()
    assert isinstance(first.pop(c.SESSION), int)
    assert isinstance(first.pop(c.RECOMMENDATION), int)
    assert first == {
        c.CUSTOMER: None, c.IDENTITY: None, c.EVENT: "Product Viewed", c.SECONDS: 1783294200, c.DAY: 20640, c.HOUR: 1,
        c.WEEKDAY: 1, c.PRODUCT: soap.pk, c.CATEGORY: None, c.STORE: None, c.CHANNEL: "app", c.DURATION_MS: 1_234,
    }  # fmt: skip
    empty = {c.PRODUCT, c.CHANNEL, c.DURATION_MS, c.RECOMMENDATION}
    assert {name for name in empty if second[name] is not None} == set()
    assert all(b"a name" not in path.read_bytes() for path in parquet_files())


def test_sessions_are_told_apart_and_recommendations_found_again(platform: Platform, soap: Product) -> None:
    happen(platform, "a", session="one", recommendation="r-1")
    history.export()
    happen(platform, "b", session="one")
    happen(platform, "c", session="two")
    happen(platform, "d")
    show(platform, "r-1", products=[soap.pk])
    events = collected("events", platform)
    assert events[c.SESSION].drop_nulls().value_counts()["count"].sort().to_list() == [1, 2]
    shown = collected("exposures", platform)[c.RECOMMENDATION].item()
    assert events[c.RECOMMENDATION].drop_nulls().to_list() == [shown]


def show(platform: Platform, recommendation: str, **arrays: Any) -> None:
    Exposure.objects.create(platform=platform, recommendation=recommendation, at=MARCH, page="home", **arrays)


@pytest.fixture(autouse=True)
def months(platform: Platform) -> None:
    partitions.ensure_month(MARCH.date(), partitions.EXPOSURE)


def test_one_row_for_each_item_shown(platform: Platform, soap: Product) -> None:
    old = Product.objects.create(platform=platform, external_id="S0", title="Old soap", same_as=soap)
    show(
        platform, "r-1", slots=["a", "a", "b"], ranks=[1, 2, 1], products=[soap.pk, old.pk, soap.pk],
        sources=["popular", "similar", ""], propensities=[0.5, None, 1.0], run=7, experiment="x", arm="y",
    )  # fmt: skip
    show(platform, "r-2")
    rows = collected("exposures", platform).sort(c.RANK, c.SLOT, nulls_last=True)
    assert rows.select(c.SLOT, c.RANK, c.PRODUCT, c.SOURCE, c.PROPENSITY, c.RUN, c.ARM, c.PAGE).rows() == [
        ("a", 1, soap.pk, "popular", 0.5, 7, "y", "home"),
        ("b", 1, soap.pk, None, 1.0, 7, "y", "home"),
        ("a", 2, soap.pk, "similar", None, 7, "y", "home"),
        (None, None, None, None, None, None, None, "home"),
    ]


def test_many_orders_in_every_way_of_reading(
    platform: Platform, soap: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces, blocks and packed values smaller than the data; orders of another platform in between."""
    for name, size in (("CHUNK_ORDERS", 7), ("BLOCK_IDS", 3), ("PACKED_IDS", 4)):
        monkeypatch.setattr(extraction, name, size)
    other = Platform.objects.create(
        organisation=platform.organisation, key="other", name="Other", user_hash_secret=b""
    )
    sponge = Product.objects.create(platform=other, external_id="S1", title="Sponge")
    for number in range(40):
        if number % 3:
            buy(other, str(number), sponge)
        else:
            buy(platform, str(number), soap, at=MARCH + timedelta(days=number), quantity=str(number + 1))
    history.export(platform)
    assert lake_lines(platform) == stored_lines(platform)
    history.export()
    assert lake_lines(other) == stored_lines(other)
    assert len(lake_lines(platform)) + len(lake_lines(other)) == 40


def test_a_lake_deleted_by_hand_is_written_again(platform: Platform, soap: Product) -> None:
    buy(platform, "1", soap)
    assert lines(platform).height == 1
    for path in sorted(layout.root().rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    assert lines(platform).height == 1


def test_another_time_zone_writes_the_platform_anew(platform: Platform, soap: Product) -> None:
    buy(platform, "1", soap, at=datetime(2026, 7, 5, 23, 30, tzinfo=UTC))
    happen(platform, "a", at=datetime(2026, 7, 5, 23, 30, tzinfo=UTC))
    assert lines(platform)[c.HOUR].to_list() == [1]
    Platform.objects.filter(pk=platform.pk).update(timezone="America/New_York")
    assert "America/New_York" in history.export().anew["corner"]
    assert lines(platform).select(c.HOUR, c.WEEKDAY).rows() == [(19, 7)]
    assert collected("events", platform).select(c.HOUR, c.WEEKDAY).rows() == [(19, 7)]
    assert history.export().anew == {}


def test_another_database_writes_everything_anew(
    platform: Platform, soap: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    buy(platform, "1", soap)
    history.export()
    monkeypatch.setattr(extraction, "_system", lambda reader: "another")
    done = history.export()
    assert "another" in done.anew["corner"]
    assert lake_lines(platform) == stored_lines(platform)


def test_a_database_that_was_set_back_writes_everything_anew(platform: Platform, soap: Product) -> None:
    buy(platform, "1", soap)
    history.export()
    ahead = state()
    text = (layout.root() / "manifest.json").read_text()
    horizon = ahead.platforms[platform.pk].horizon
    (layout.root() / "manifest.json").write_text(text.replace(str(horizon), str(horizon + 10**9)))
    assert "ahead of the database" in history.export().anew["corner"]
    assert lake_lines(platform) == stored_lines(platform)


def test_rows_restored_from_another_cluster_come_once(platform: Platform, soap: Product) -> None:
    order = buy(platform, "1", soap)
    happen(platform, "a")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE precision_shop_order DISABLE TRIGGER USER")
        cursor.execute("UPDATE precision_shop_order SET position = pg_current_xact_id()::text::bigint + 20")
        cursor.execute("ALTER TABLE precision_shop_order ENABLE TRIGGER USER")
        cursor.execute("UPDATE precision_shop_event SET position = pg_current_xact_id()::text::bigint + 20")
    assert lines(platform)[c.ORDER].to_list() == [order.pk]
    for number in range(30):  # this cluster's numbers pass those of the other one
        happen(platform, str(number))
    assert lines(platform)[c.ORDER].to_list() == [order.pk]
    assert collected("events", platform).height == 31


def test_a_platform_that_is_gone_leaves_the_lake(platform: Platform, soap: Product) -> None:
    buy(platform, "1", soap)
    history.export()
    Order.objects.all().delete()
    Product.objects.all().delete()
    Platform.objects.all().delete()
    history.export()
    assert (state().platforms, state().parts) == ({}, ())


def test_columns_of_the_files_are_those_of_the_layout(platform: Platform, soap: Product) -> None:
    buy(platform, "1", soap)
    happen(platform, "a")
    show(platform, "r-1", products=[soap.pk])
    history.export()
    found = {part.table: pl.read_parquet_schema(layout.root() / part.path) for part in state().parts}
    assert found == {name: dict(table.columns) for name, table in layout.TABLES.items()}


def test_renumbering_leaves_this_clusters_rows_alone(platform: Platform, soap: Product) -> None:
    order = buy(platform, "1", soap)
    before = Order.objects.values_list("position", flat=True).get(pk=order.pk)
    assert exporting.renumber(before) == 0
    assert Order.objects.values_list("position", flat=True).get(pk=order.pk) == before
