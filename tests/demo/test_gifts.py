"""A few rows of each trap of the gift shop go into the database, and come out as the shop meant them."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from precision.shop.importing import ImportSummary
from precision.shop.models import Identity, Order, OrderLine, Platform, Product, Profile
from tests.demo.samples import gifts_file, lines_of, load

TABLES = (Order, OrderLine, Product, Profile, Identity)


@pytest.fixture
def gifts(db: None, tmp_path: Path) -> tuple[Platform, ImportSummary, Path]:
    path = gifts_file(tmp_path)
    return *load("gifts", {"lines": path}), path


def test_every_row_is_counted(gifts: tuple[Platform, ImportSummary, Path]) -> None:
    imported = gifts[1]
    assert (imported.rows.total, imported.rows.accepted) == (18, 7)
    assert (imported.rows.duplicate, imported.rows.rejected) == (2, 9)
    assert dict(imported.rejected_by) == {
        "postage": 2,
        "manual_entry": 1,
        "gift_voucher": 1,
        "stock_correction": 1,
        "no_price": 1,
        "bookkeeping": 1,
        "no_product": 1,
        "sample": 1,
    }


def test_orders(gifts: tuple[Platform, ImportSummary, Path]) -> None:
    platform = gifts[0]
    orders = Order.objects.filter(platform=platform).order_by("external_id")
    assert list(orders.values_list("external_id", "status", "identity__value", "placed_at", "currency")) == [
        ("500001", "completed", "1", datetime(2010, 6, 1, 9, 0, tzinfo=UTC), "GBP"),
        ("500003", "completed", None, datetime(2010, 6, 2, 14, 0, tzinfo=UTC), "GBP"),
        ("500008", "completed", "3", datetime(2010, 6, 4, 8, 0, tzinfo=UTC), "GBP"),
        ("500009", "completed", "1", datetime(2010, 12, 5, 12, 0, tzinfo=UTC), "GBP"),
        ("C500002", "returned", "1", datetime(2010, 6, 8, 8, 30, tzinfo=UTC), "GBP"),
    ]
    assert lines_of(platform, "500001") == [
        ("47503J", Decimal(1), Decimal("16.13"), None),
        ("85123A", Decimal(6), Decimal("2.55"), None),
    ]
    assert lines_of(platform, "C500002") == [("85123A", Decimal(-2), Decimal("2.55"), None)]


def test_products(gifts: tuple[Platform, ImportSummary, Path]) -> None:
    products = Product.objects.filter(platform=gifts[0]).select_related("category").order_by("external_id")
    assert list(products.values_list("external_id", "title", "price", "list_price")) == [
        ("20739", "Usb office glitter lamp", None, None),
        ("22423", "Regency cakestand 3 tier", Decimal("12.75"), None),
        ("47503J", "Set/3 floral garden tools", Decimal("16.13"), None),
        ("85123A", "White hanging heart t-light holder", Decimal("2.55"), None),
    ]
    assert all(product.category.derived for product in products if product.category)


def test_customers(gifts: tuple[Platform, ImportSummary, Path]) -> None:
    people = Identity.objects.filter(platform=gifts[0]).order_by("value")
    countries = dict(people.values_list("value", "profile__country"))
    assert countries["1"] == "Spain"
    assert countries.keys() == {"1", "3"}
    assert not countries["3"]


def test_the_same_file_again_adds_nothing(gifts: tuple[Platform, ImportSummary, Path]) -> None:
    before = [list(table.objects.order_by("pk").values()) for table in TABLES]
    _, again = load("gifts", {"lines": gifts[2]})
    assert (again.rows.accepted, again.rows.updated) == (0, 0)
    assert (again.rows.duplicate, again.rows.rejected) == (9, 9)
    assert [list(table.objects.order_by("pk").values()) for table in TABLES] == before
