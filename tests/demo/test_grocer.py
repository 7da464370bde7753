"""A few rows of each trap of the grocery chain go into the database, and come out as the chain meant them."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from precision.shop.importing import ImportSummary
from precision.shop.models import Identity, Order, Platform, Product, Profile
from tests.demo.samples import grocer_files, lines_of, load


@pytest.fixture
def grocer(db: None, tmp_path: Path) -> tuple[Platform, ImportSummary]:
    return load("grocer", grocer_files(tmp_path))


def test_every_line_is_counted(grocer: tuple[Platform, ImportSummary]) -> None:
    imported = grocer[1]
    assert dict(imported.rejected_by) == {"coupon_only": 1, "quantity_zero": 1, "no_value": 1}
    assert (imported.kinds["line"].accepted, imported.kinds["line"].rejected) == (6, 3)
    assert (imported.unknown_products, imported.unknown_product_lines) == (1, 1)


def test_paid_and_list_price(grocer: tuple[Platform, ImportSummary]) -> None:
    assert lines_of(grocer[0], "71") == [
        ("1", Decimal(2), Decimal("1.55"), Decimal("2.50")),
        ("2", Decimal(1), Decimal(0), Decimal("2.99")),
        ("3", Decimal(1), Decimal(0), Decimal("0.75")),
    ]


def test_fuel(grocer: tuple[Platform, ImportSummary]) -> None:
    assert lines_of(grocer[0], "72") == [("4", Decimal("10.601"), Decimal("2.3394"), Decimal("2.3394"))]
    assert lines_of(grocer[0], "73") == [
        ("6533765", Decimal(1), Decimal(15), Decimal(15)),
        ("926775", Decimal(1), Decimal("2.99"), Decimal("2.99")),
    ]


def test_orders(grocer: tuple[Platform, ImportSummary]) -> None:
    orders = Order.objects.filter(platform=grocer[0]).order_by("external_id")
    # 04:01 UTC is 23:01 on New Year's Eve in New York.
    placed_at = datetime(2018, 1, 1, 4, 1, 20, tzinfo=UTC)
    fields = ("external_id", "identity__value", "store__external_id", "channel", "placed_at", "currency")
    assert list(orders.values_list(*fields)) == [
        ("71", "900", "330", "store", placed_at, "USD"),
        ("72", "900", "330", "store", placed_at, "USD"),
        ("73", "901", "331", "store", placed_at, "USD"),
    ]


def test_products(grocer: tuple[Platform, ImportSummary]) -> None:
    found = {one.external_id: one for one in Product.objects.filter(platform=grocer[0])}
    assert {key: (one.title, one.active, one.listed) for key, one in found.items()} == {
        "1": ("Kids cereal, 12.7 oz, store brand", True, True),
        "2": ("Candy bars (singles), maker 5804", True, True),
        "3": ("Unnamed product 3, maker 2", False, True),
        "4": ("Gasoline-reg unleaded, maker 2", True, True),
        "6533765": ("Gasoline-reg unleaded, maker 2", False, True),
        "7": ("Mastercard gift card, maker 2", False, True),
        "926775": ("Product 926775", True, False),
    }
    assert {key: one.category.path if one.category else None for key, one in found.items()} == {
        "1": ["GROCERY", "COLD CEREAL"],
        "2": ["DRUG GM", "CANDY - CHECKLANE"],
        "3": ["MISCELLANEOUS"],
        "4": ["FUEL", "GASOLINE"],
        "6533765": None,
        "7": ["MISCELLANEOUS", "COUPON/MISC ITEMS"],
        "926775": None,
    }
    assert found["1"].brand == "Private"
    assert found["1"].traits == {"package_size": "12.7 OZ", "product_type": "KIDS CEREAL", "manufacturer": 69}


def test_households(grocer: tuple[Platform, ImportSummary]) -> None:
    people = Identity.objects.filter(platform=grocer[0])
    assert set(people.values_list("value", flat=True)) == {"900", "901", "902"}
    profile = Profile.objects.get(identity__platform=grocer[0], identity__value="900")
    assert (profile.income, profile.marital_status) == ("35-49K", "Married")
    assert profile.traits == {
        "age_band": "65+",
        "home_ownership": "Homeowner",
        "household_size": "2",
        "household_composition": "2 Adults No Kids",
        "kids": "0",
    }
    young = Profile.objects.get(identity__platform=grocer[0], identity__value="902")
    assert (young.marital_status, young.traits.get("home_ownership")) == ("", None)
