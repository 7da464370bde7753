"""How values are written."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from precision.engine import display
from precision.engine.display import duration, figure, joined, money, pretty, share, table


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("12.5", "12.50"), ("12", "12.00"), ("-0.0001", "-0.0001"), ("1234567.891", "1,234,567.891"), ("100", "100.00"),
        ("0", "0.00"), ("1E+3", "1,000.00"),
    ],
)  # fmt: skip
def test_money_has_two_decimals_or_those_it_needs(value: str, text: str) -> None:
    assert money(Decimal(value)) == text
    assert money(Decimal(value), "GBP") == f"{text} GBP"


def test_what_is_unknown_is_a_dash_and_zero_is_not() -> None:
    assert {money(None), share(None), figure(None), duration(None), pretty(None), pretty({}), pretty([])} == {
        "–"
    }
    assert [share(0.0), figure(0.0, 1), pretty(0), pretty(False)] == ["0.0%", "0.0", "0", "no"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (59.94, "59.9 s"), (60, "1 min 00 s"), (3599, "59 min 59 s"), (3900, "1 h 05 min")],
)
def test_durations_are_words(seconds: float, text: str) -> None:
    assert duration(timedelta(seconds=seconds)) == text.replace(" ", "\N{NO-BREAK SPACE}")


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ({"min_count": 1234}, ["min count", "1,234"]),
        ({"sizes": {"A": 1}}, ["sizes", ">A<", ">1<"]),
        ([1, 2], ["1, 2"]),
        ([{"k": 10, "recall": 0.08123}, {"k": 20, "recall": 0.5}], [">k<", ">recall<", "0.08123", "0.5"]),
        ([{"k": 10}, 3], [">k<", ">10<", ">3<"]),
        ([3, {"k": 10}], [">k<", ">10<", ">3<"]),
        ("<b>", ["<b>"]),
        (["<b>"], ["<b>"]),
    ],
)
def test_json_is_written_for_people(value: Any, texts: list[str]) -> None:
    assert [text for text in texts if text not in pretty(value)] == []


def test_nothing_that_came_from_outside_becomes_html() -> None:
    evil = "<script>"
    for text in (
        table([evil], [[evil]]),
        pretty({evil: evil}),
        pretty([{evil: [evil]}]),
        joined([evil, evil], evil),
    ):
        assert "&lt;script&gt;" in text
    assert "<script>" not in table([evil], [[evil]]) + pretty({evil: {evil: [evil, evil]}}) + joined([evil])


def test_long_lists_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "MOST_ENTRIES", 2)
    assert pretty([1, 2, 3, 4, 5]) == "1, 2 … and 3 more"
    assert "and 1 more" in pretty({"a": 1, "b": 2, "c": 3})
