"""Facts to fill a lake with, and ways to look at it."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
from django.db import connection

from precision.engine.windows import Window
from precision.shop import columns as c
from precision.shop import history, partitions
from precision.shop.history import layout, manifest
from precision.shop.history.manifest import Manifest
from precision.shop.models import Event, Identity, Order, OrderLine, Platform, Product

EVER = Window.before(date(2030, 1, 1), timezone="UTC")
MARCH = datetime(2026, 3, 1, 12, tzinfo=UTC)


def buy(
    platform: Platform,
    number: str,
    product: Product,
    *,
    at: datetime = MARCH,
    who: Identity | None = None,
    quantity: str = "1",
    price: str = "2.50",
    **order: Any,
) -> Order:
    made = Order.objects.create(
        platform=platform,
        external_id=number,
        identity=who,
        placed_at=at,
        **{"status": "completed", "currency": "EUR", "fingerprint": 0, **order},
    )
    OrderLine.objects.create(
        order=made, product=product, quantity=Decimal(quantity), unit_price=Decimal(price)
    )
    return made


def happen(
    platform: Platform, message: str, *, at: datetime = MARCH, name: str = "Page Viewed", **fields: Any
) -> Event:
    """An event received when it happened."""
    received = fields.pop("received_at", at)
    partitions.ensure_month(received.date())
    return Event.objects.create(
        platform=platform,
        name=name,
        at=at,
        received_at=received,
        message=message.encode().ljust(16, b"."),
        **fields,
    )


def collected(table: str, platform: Platform, window: Window = EVER) -> pl.DataFrame:
    return history.scan(table, window, platform=platform).collect("polars").to_native()


def lines(platform: Platform, window: Window = EVER) -> pl.DataFrame:
    return collected("order_lines", platform, window).sort(c.ORDER, c.PRODUCT, c.QUANTITY_E3)


def stored_lines(platform: Platform) -> list[tuple[int, int, int, int]]:
    """What counts in PostgreSQL: (order, product, quantity, unit price), sorted."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT o.id, l.product_id, l.quantity, l.unit_price FROM precision_shop_order o "
            "JOIN precision_shop_orderline l ON l.order_id = o.id "
            "WHERE o.platform_id = %s AND o.confirmed AND o.status <> 'cancelled' ORDER BY 1, 2, 3, 4",
            [platform.pk],
        )
        return cursor.fetchall()


def lake_lines(platform: Platform) -> list[tuple[int, int, int, int]]:
    """The same from the lake."""
    return sorted(lines(platform).select(c.ORDER, c.PRODUCT, c.QUANTITY_E3, c.UNIT_PRICE_E4).rows())


def state() -> Manifest:
    found = manifest.load(layout.root())
    assert found is not None
    return found


def parquet_files() -> set[Path]:
    return set(layout.root().rglob("*.parquet"))
