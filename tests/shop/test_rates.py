"""Rates of an organisation in the database: added once, read for conversions, refused by name."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from precision.shop import exchange, platforms
from precision.shop.models import ExchangeRate, Platform

pytestmark = pytest.mark.django_db
USD = {"currency": "usd", "target": " EUR ", "day": "2026-11-01", "rate": "0.9"}


def add(
    platform: Platform, *rows: Any, replace: bool = False
) -> tuple[int, int, int, list[tuple[int, str, str]]]:
    found = exchange.add(platform.organisation, rows, replace=replace)
    rejected = [(each.index, each.field, each.code) for each in found.rejected]
    return found.accepted, found.updated, found.duplicate, rejected


def rates(platform: Platform) -> list[tuple[Any, ...]]:
    rows = ExchangeRate.objects.filter(organisation=platform.organisation).order_by("currency", "day")
    return list(rows.values_list("currency", "target", "day", "rate"))


def test_rates_are_added_once(platform: Platform) -> None:
    assert add(platform, USD, {**USD, "day": "2026-11-02", "rate": 1}) == (2, 0, 0, [])
    assert add(platform, USD) == (0, 0, 1, [])
    assert rates(platform) == [
        ("USD", "EUR", date(2026, 11, 1), Decimal("0.9")),
        ("USD", "EUR", date(2026, 11, 2), Decimal(1)),
    ]


def test_another_value_replaces_only_where_asked(platform: Platform) -> None:
    add(platform, USD)
    assert add(platform, {**USD, "rate": 2}) == (0, 0, 0, [(0, "rate", "other_rate")])
    assert rates(platform)[0][3] == Decimal("0.9")
    assert add(platform, {**USD, "rate": 2}, replace=True) == (0, 1, 0, [])
    assert rates(platform)[0][3] == 2


def test_of_rows_that_name_the_same_rate_the_last_counts(platform: Platform) -> None:
    assert add(platform, {**USD, "rate": 2}, {**USD, "rate": 3}) == (1, 0, 1, [])
    assert rates(platform)[0][3] == 3


@pytest.mark.parametrize(
    ("row", "field", "code"),
    [
        ("text", "", "not_an_object"),
        (None, "", "not_an_object"),
        ({**USD, "note": 1}, "note", "unknown_field"),
        ({**USD, "currency": "EURO"}, "currency", "bad_currency"),
        ({**USD, "currency": "ÄÖÜ"}, "currency", "bad_currency"),
        ({**USD, "currency": None}, "currency", "bad_currency"),
        ({**USD, "target": "usd"}, "target", "same_currency"),
        ({**USD, "day": "1.11.2026"}, "day", "not_a_date"),
        ({**USD, "day": "0001-01-01"}, "day", "out_of_range"),
        ({**USD, "day": "9999-12-31"}, "day", "out_of_range"),
        ({**USD, "day": {}}, "day", "not_a_date"),
        ({**USD, "rate": 0}, "rate", "out_of_range"),
        ({**USD, "rate": -1}, "rate", "out_of_range"),
        ({**USD, "rate": float("nan")}, "rate", "not_a_number"),
        ({**USD, "rate": "1e400"}, "rate", "out_of_range"),
        ({**USD, "rate": True}, "rate", "not_a_number"),
        ({**USD, "rate": "1\x00"}, "rate", "not_a_number"),
        ({**USD, "rate": []}, "rate", "not_a_number"),
    ],
)
def test_a_row_that_cannot_be_used_is_named_and_the_others_are_loaded(
    platform: Platform, row: Any, field: str, code: str
) -> None:
    assert add(platform, row, USD) == (1, 0, 0, [(0, field, code)])
    assert len(rates(platform)) == 1


def test_a_rate_of_tomorrow_is_accepted(platform: Platform) -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    assert add(platform, {**USD, "day": tomorrow.isoformat()})[0] == 1


def test_amounts_in_the_platforms_currency(platform: Platform) -> None:
    platforms.create_platform("other", name="Other", currency="EUR")
    add(Platform.objects.get(key="other"), {**USD, "currency": "JPY"})  # another organisation's
    add(platform, USD)
    frame = pl.DataFrame(
        {"currency": ["USD", "EUR", "JPY"], "day": [30_000] * 3, "amount_e4": [100, 100, 100]}
    )
    found = exchange.to_platform_currency(nw.from_native(frame.lazy()), platform)
    assert found.frame.collect("polars").to_native().sort("currency").get_column("amount_e4").to_list() == [
        100,
        None,
        90,
    ]
    assert found.missing.collect("polars").to_native().rows() == [("JPY", 1)]
