"""The wire format: values as they are kept, and the code of every refusal."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from django.db import models

from precision.shop import records
from precision.shop.importing import values
from precision.shop.models import Order, Product, Profile, Store
from precision.shop.records import Code, Field, Type

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)


def read(
    given: list[Any] | pl.Series,
    type: Type,
    *,
    timezone: str = "Europe/London",
    format: str | None = None,
    **bounds: Any,
) -> list[Any]:
    """Each value as it is kept, or the code of its refusal."""
    series = given if isinstance(given, pl.Series) else pl.Series(given, strict=False)
    field = Field(name="field", type=type, **bounds)
    table = values.read(series, field, timezone=timezone, now=NOW, time_format=format)
    return (
        [code or value for value, code in table.iter_rows()]
        if table.columns == ["value", "code"]
        else [code or value for value, code in table.select("value", "code").iter_rows()]
    )


def test_ids() -> None:
    assert read([" 00123 ", "C5", "", "  ", None], Type.ID) == ["00123", "C5", None, None, None]
    assert read([7, None], Type.ID) == ["7", None]
    # A gap makes whole numbers floats in many files; they stay the same ids.
    assert read([13085.0, None, 12.5, float("nan")], Type.ID) == ["13085", None, "12.5", None]
    assert read(["x" * 200, "x" * 201, "ä" * 200], Type.ID) == ["x" * 200, Code.TOO_LONG, "ä" * 200]
    assert read(["a\x00b"], Type.ID) == [Code.NUL]
    assert read(pl.Series([None, None]), Type.ID) == [None, None]


def test_money_is_exact_to_a_ten_thousandth() -> None:
    assert read(["12.50", "0", "1e2", " 3 ", "", None], Type.MONEY) == [
        125_000,
        0,
        1_000_000,
        30_000,
        None,
        None,
    ]
    assert read([0.1, 0.29, 4.35, 1.1], Type.MONEY) == [1_000, 2_900, 43_500, 11_000]
    assert read([3, None], Type.MONEY) == [30_000, None]
    assert read([Decimal("2.0001")], Type.MONEY) == [20_001]
    assert read(["12,50", "£5", "nan", "inf", "-inf"], Type.MONEY) == [Code.NOT_A_NUMBER] * 5
    assert read([float("nan"), float("inf")], Type.MONEY) == [Code.NOT_A_NUMBER] * 2
    assert read([-0.01, 0.0], Type.MONEY, least=0) == [Code.NEGATIVE, 0]
    assert read([-5.0], Type.MONEY) == [-50_000]
    assert read([1e12, 1.1e12, -1.1e12], Type.MONEY) == [10**16, Code.OUT_OF_RANGE, Code.OUT_OF_RANGE]
    assert read([date(2020, 1, 1)], Type.MONEY) == [Code.NOT_A_NUMBER]


def test_quantities_are_exact_to_a_thousandth_and_never_zero() -> None:
    assert read(["2", "-1", "0.125"], Type.QUANTITY) == [2_000, -1_000, 125]
    assert read(["0", "0.0004"], Type.QUANTITY) == [Code.ZERO, Code.ZERO]


def test_whole_numbers() -> None:
    assert read(["3", "6", "0", "2.5"], Type.WHOLE, least=1, most=5) == [
        3, Code.OUT_OF_RANGE, Code.OUT_OF_RANGE, Code.NOT_A_NUMBER,
    ]  # fmt: skip


def test_times_with_a_zone() -> None:
    expected = datetime(2024, 5, 31, 12, 30, tzinfo=UTC)
    written = [
        "2024-05-31T14:30:00+02:00", "2024-05-31T12:30:00Z", "2024-05-31 12:30:00.000Z", "2024-05-31T07:30-05:00",
        "2024-05-31T18:00:00+0530",
    ]  # fmt: skip
    assert read(written, Type.TIME) == [expected] * len(written)


def test_times_without_a_zone_are_local() -> None:
    summer, winter = datetime(2024, 6, 1, 11, tzinfo=UTC), datetime(2024, 1, 1, 12, tzinfo=UTC)
    assert read(["2024-06-01 12:00", "2024-01-01T12:00:00"], Type.TIME) == [summer, winter]
    assert read([datetime(2024, 6, 1, 12), datetime(2024, 1, 1, 12)], Type.TIME) == [summer, winter]  # noqa: DTZ001
    assert read(["2024-06-01"], Type.TIME) == [datetime(2024, 5, 31, 23, tzinfo=UTC)]
    assert read([date(2024, 6, 1)], Type.TIME) == [datetime(2024, 5, 31, 23, tzinfo=UTC)]
    stamped = pl.Series([datetime(2024, 6, 1, 12, tzinfo=UTC)], dtype=pl.Datetime("ns", "UTC"))
    assert read(stamped, Type.TIME) == [datetime(2024, 6, 1, 12, tzinfo=UTC)]


def test_the_hour_that_comes_twice_and_the_one_that_is_skipped() -> None:
    # London 2024: clocks go from 01:00 to 02:00 on 31 March, from 02:00 to 01:00 on 27 October.
    assert read(["2024-10-27 01:30", "2024-03-31 01:30"], Type.TIME) == [
        datetime(2024, 10, 27, 0, 30, tzinfo=UTC), datetime(2024, 3, 31, 1, 30, tzinfo=UTC),
    ]  # fmt: skip


def test_times_of_another_format() -> None:
    assert read(["31/05/2024 09:15", "2024-05-31"], Type.TIME, format="%d/%m/%Y %H:%M") == [
        datetime(2024, 5, 31, 8, 15, tzinfo=UTC), Code.NOT_A_TIME,
    ]  # fmt: skip


def test_times_that_cannot_be() -> None:
    far = (NOW + timedelta(days=2)).isoformat()
    near = (NOW + timedelta(hours=20)).isoformat()
    written = [
        "yesterday",
        "2024-13-01",
        "2024-02-30 10:00",
        "1899-12-31",
        "0001-01-01",
        "9999-12-31",
        far,
        near,
        "",
    ]
    assert read(written, Type.TIME)[:-2] == [
        Code.NOT_A_TIME, Code.NOT_A_TIME, Code.NOT_A_TIME, Code.TOO_EARLY, Code.TOO_EARLY, Code.IN_FUTURE,
        Code.IN_FUTURE,
    ]  # fmt: skip
    assert read(written, Type.TIME)[-1] is None
    assert read([1_700_000_000], Type.TIME) == [Code.NOT_A_TIME]


def test_dates() -> None:
    assert read(["1980-02-29", "1899-12-31", "2100-01-01", "x"], Type.DATE) == [
        date(1980, 2, 29), Code.TOO_EARLY, Code.IN_FUTURE, Code.NOT_A_TIME,
    ]  # fmt: skip
    assert read([date(1980, 2, 29), None], Type.DATE) == [date(1980, 2, 29), None]


def test_booleans_choices_currencies_addresses() -> None:
    assert read(["TRUE", "no", "1", "0", "", "maybe"], Type.BOOLEAN) == [
        True,
        False,
        True,
        False,
        None,
        Code.NOT_A_BOOLEAN,
    ]
    assert read([True, None, False], Type.BOOLEAN) == [True, None, False]
    assert read([1, 0, 2], Type.BOOLEAN) == [True, False, Code.NOT_A_BOOLEAN]
    assert read(["Paid", "gone"], Type.CHOICE, choices=records.ORDER_STATUSES) == ["paid", Code.NOT_A_CHOICE]
    assert read(["gbp", "POUND", "£", None], Type.CURRENCY) == [
        "GBP",
        Code.BAD_CURRENCY,
        Code.BAD_CURRENCY,
        None,
    ]
    assert read(["https://x.example/a", "javascript:alert(1)", "http://a b"], Type.URL) == [
        "https://x.example/a", Code.BAD_ADDRESS, Code.BAD_ADDRESS,
    ]  # fmt: skip


def test_lists() -> None:
    assert read(["a| b ||", "", None, "x" * 501], Type.NAMES, longest=500) == [
        ["a", "b"],
        None,
        None,
        Code.TOO_LONG,
    ]
    assert read([["a", None, " b "], []], Type.NAMES) == [["a", "b"], []]
    assert read(["food", ""], Type.PATH) == [["food"], None]
    assert read([["a\x00"]], Type.PATH) == [Code.NUL]


def test_every_code_has_words() -> None:
    assert {*Code} == {*records.REASONS}


@pytest.mark.parametrize(
    ("kind", "model", "names"),
    [
        (records.PRODUCT, Product, {"product_id": "external_id"}),
        (records.ORDER, Order, {"order_id": "external_id"}),
        (records.STORE, Store, {"store_id": "external_id"}),
        (records.CUSTOMER, Profile, {}),
    ],
)
def test_texts_fit_their_columns(
    kind: records.Kind, model: type[models.Model], names: dict[str, str]
) -> None:
    columns = {field.name: field for field in model._meta.concrete_fields}
    compared = 0
    for field in kind.fields:
        column = columns.get(names.get(field.name, field.name))
        if (
            isinstance(column, models.CharField)
            and field.type in {Type.ID, Type.TEXT, Type.URL}
            and not field.personal
        ):
            assert (field.name, field.longest) == (field.name, column.max_length)
            compared += 1
    assert compared >= 4


def test_order_statuses_are_those_of_the_model() -> None:
    assert set(records.ORDER_STATUSES) == set(Order.Status.values)
