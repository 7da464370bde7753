"""Displays and sales of the grocery chain's stores by month, from a few rows."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from demo import displays
from precision.shop.models import Platform, StoreMonth
from tests.demo.samples import grocer_files, load

ROWS = [
    # product, store, display location, mailer, week
    (1, 330, "0", "A", 53), (2, 330, "5", "0", 53), (3, 330, "A", "0", 53),
    (1, 330, "9", "0", 52), (1, 330, "0", "0", 51),
    (1, 331, "0", "A", 1),  # the Sunday before the first Monday
    (1, 331, "3", "A", 5), (2, 331, "3", "A", 5),  # Monday 23 January
    (1, 331, "3", "A", 6),  # its Thursday is 2 February
]  # fmt: skip
COLUMNS = ["product_id", "store_id", "display_location", "mailer_location", "week"]


@pytest.fixture
def promotions(tmp_path: Path) -> Path:
    path = tmp_path / "promotions.parquet"
    pl.DataFrame(ROWS, schema=COLUMNS, orient="row").write_parquet(path)
    return path


def test_a_week_belongs_to_the_month_of_its_thursday(promotions: Path) -> None:
    assert displays.monthly_displays(promotions).rows() == [
        ("330", date(2017, 12, 1), 1.0),  # weeks of 0, 1 and 2 products
        ("331", date(2017, 1, 1), 1.0),  # weeks of 0 and 2 products
        ("331", date(2017, 2, 1), 1.0),
    ]


def test_months_of_stores_hold_displays_and_what_was_sold(db: None, tmp_path: Path, promotions: Path) -> None:
    load("grocer", grocer_files(tmp_path))
    platform = Platform.objects.get(key="grocer")
    assert displays.load(platform, promotions) == 4
    fields = ("store__external_id", "month", "displays", "sales_units", "sales_value", "retail_value")
    months = list(StoreMonth.objects.order_by("store__external_id", "month").values_list(*fields))
    # The orders are of 23:01 on New Year's Eve in New York: two for 3.10, two free, 10.601 gallons of fuel …
    assert months == [
        ("330", date(2017, 12, 1), 1.0, Decimal("14.601"), Decimal("27.9"), None),
        ("331", date(2017, 1, 1), 1.0, None, None, None),
        ("331", date(2017, 2, 1), 1.0, None, None, None),
        ("331", date(2017, 12, 1), None, Decimal(2), Decimal("17.99"), None),
    ]
    assert displays.load(platform, promotions) == 4
