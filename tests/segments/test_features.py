"""The feature table as of a day: counted by hand, and blind to what comes after."""

from typing import Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from precision.shop import columns as c
from segments.lifecycle import features

DAY = 20_000
LINES = {
    c.CUSTOMER: pl.Int64, c.ORDER: pl.Int64, c.PRODUCT: pl.Int64, c.CATEGORY: pl.Int64, c.STORE: pl.Int64,
    c.DAY: pl.Int64, c.WEEKDAY: pl.Int64, c.QUANTITY_E3: pl.Int64, c.UNIT_PRICE_E4: pl.Int64,
    c.LIST_PRICE_E4: pl.Int64, c.AMOUNT_E4: pl.Int64, c.RETURNED: pl.Boolean,
}  # fmt: skip
EVENTS = {
    c.CUSTOMER: pl.Int64, c.EVENT: pl.String, c.DAY: pl.Int64, c.CHANNEL: pl.String, c.DURATION_MS: pl.Int64,
}  # fmt: skip

CAMPAIGNS = {c.CUSTOMER: pl.Int64, c.DAY: pl.Int64, features.ANSWERED_DAY: pl.Int64}


def line(customer: int | None, order: int, ago: int, **given_: Any) -> tuple[Any, ...]:
    told = {
        "product": 1, "category": 1, "store": None, "weekday": 1, "units": 1, "price": 10.0, "listed": None,
        "returned": False, **given_,
    }  # fmt: skip
    units, price = told["units"], told["price"]
    return (
        customer, order, told["product"], told["category"], told["store"], DAY - ago, told["weekday"], units * 1000,
        int(price * 10_000), None if told["listed"] is None else int(told["listed"] * 10_000),
        int(units * price * 10_000), told["returned"],
    )  # fmt: skip


def table(
    lines: list[tuple[Any, ...]], events: list[tuple[Any, ...]], *, told: Any = None, day: int = DAY
) -> pl.DataFrame:
    campaigns = pl.DataFrame(told or [], schema=CAMPAIGNS, orient="row").lazy()
    made = features.build(
        nw.from_native(pl.DataFrame(lines, schema=LINES, orient="row").lazy()),
        nw.from_native(pl.DataFrame(events, schema=EVENTS, orient="row").lazy()),
        as_of_day=day,
        campaigns=None if told is None else nw.from_native(campaigns),
    )
    return made.collect("polars").to_native().sort(c.CUSTOMER)


def test_buying_by_hand() -> None:
    lines = [
        line(7, 1, 100, units=2, price=5.0, listed=10.0, weekday=6, store=3),
        line(7, 1, 100, product=2, category=2, weekday=6),
        line(7, 2, 40, product=2, category=2),
        line(7, 3, 10, product=3, category=None, weekday=7),
        line(7, 4, 5, units=-1, returned=True),
        line(7, 5, 0, price=99.0),
        line(None, 6, 3),
    ]
    [row] = table(lines, []).to_dicts()
    expected = {
        "recency_days": 10, "tenure_days": 100, "orders": 3, "orders_30": 1, "orders_90": 2, "orders_365": 3,
        "mean_gap_days": 45, "overdue": 10 / 45, "orders_trend": 2 * 365 / (3 * 90), "money": 30.0, "money_90": 10.0,
        "money_365": 30.0, "order_value": 10.0, "units_per_order": 5 / 3, "products": 3, "categories": 2, "stores": 1,
        "return_share": 0.2, "weekend_share": 2 / 3, "listed_saving": 0.5, "discounted_share": 1.0,
        # Category 1: 10 for 2 units, by nobody else; category 2: 20 for 2 units: both at their own mean.
        "price_level": 1.0,
    }  # fmt: skip
    assert {name: row[name] for name in features.BUYING} == pytest.approx(expected)
    assert row["seen_days_ago"] is None
    assert row["views_30"] == 0


def test_looking_by_hand() -> None:
    events = [
        (7, "Product Viewed", DAY - 100, "web", None),
        (7, "Product Viewed", DAY - 20, "app", 90_000),
        (7, "Product Viewed", DAY - 20, None, None),
        (7, "Product Added", DAY - 3, "web", 30_000),
        (7, "Shipment Delivered", DAY - 1, None, None),
        (7, "Product Added", DAY, "web", 30_000),
        (None, "Product Viewed", DAY - 1, "web", 1),
    ]
    [row] = table([], events).to_dicts()
    assert row["seen_days_ago"] == 3
    assert row["known_days"] == 100
    assert [row[f"visit_days_{span}"] for span in features.LOOKS] == [1, 2, 2]
    assert [row[f"views_{span}"] for span in features.LOOKS] == [0, 2, 2]
    assert [row[f"carts_{span}"] for span in features.LOOKS] == [1, 1, 1]
    assert (row["dwell_minutes_30"], row["channels"], row["orders"]) == (2.0, 2, 0)
    assert row["visits_trend"] == pytest.approx(2 * 90 / (2 * 30))
    assert row["main_channel_share"] == pytest.approx(2 / 3)
    assert row["recency_days"] is None


def test_dear_and_cheap_goods_of_a_category() -> None:
    lines = [
        line(1, 1, 9, price=30.0),
        line(2, 2, 9, units=3, price=10.0),
        line(2, 3, 8, category=2, price=7.0),
    ]
    dear, cheap = table(lines, []).to_dicts()
    # The mean of category 1 is 60 / 4 = 15; category 2 has one price.
    assert dear["price_level"] == pytest.approx(30 / 15)
    assert cheap["price_level"] == pytest.approx((30 + 7) / (3 * 15 + 7))


def test_campaigns_by_hand() -> None:
    told = [
        (1, DAY - 400, DAY - 390),
        (1, DAY - 40, DAY - 10),
        (1, DAY - 20, None),
        (1, DAY - 9, DAY),
        (1, DAY, DAY),
    ]
    [row] = table([line(1, 1, 1)], [], told=told).to_dicts()
    assert (row["campaigns_365"], row["answers_365"], row["answered_days_ago"]) == (3, 1, 10)
    [row] = table([line(1, 1, 1)], [], told=[]).to_dicts()
    assert (row["campaigns_365"], row["answers_365"], row["answered_days_ago"]) == (0, 0, None)


def test_nobody_and_one_order() -> None:
    empty = table([], [])
    assert empty.height == 0
    assert empty.columns == [c.CUSTOMER, *features.WORDS]
    [row] = table([line(1, 1, 1)], []).to_dicts()
    assert row["mean_gap_days"] is None
    assert row["overdue"] is None
    assert row["listed_saving"] is None


days = st.integers(-40, 400)
some_lines = st.lists(
    st.builds(
        lambda customer, order, ago, units, price: line(
            customer, order, ago, units=units, price=price, returned=units < 0, weekday=1 + order % 7
        ),
        st.integers(1, 4), st.integers(1, 9), days, st.sampled_from([-1, 1, 3]), st.floats(0, 50),
    ),
    max_size=30,
)  # fmt: skip
some_events = st.lists(
    st.builds(
        lambda customer, event, ago, channel, dwell: (customer, event, DAY - ago, channel, dwell),
        st.integers(1, 4), st.sampled_from([*features.COUNTED.values(), "Page Viewed", "Sensor Reading"]), days,
        st.sampled_from(["web", "app", None]), st.sampled_from([None, 0, 60_000]),
    ),
    max_size=30,
)  # fmt: skip

some_campaigns = st.lists(
    st.builds(
        lambda customer, ago, after: (customer, DAY - ago, None if after is None else DAY - ago + after),
        st.integers(1, 4), days, st.none() | st.integers(0, 60),
    ),
    max_size=10,
)  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(some_lines, some_events, some_campaigns, some_lines, some_events, some_campaigns)
def test_nothing_after_the_date_is_seen(
    lines: list[Any], events: list[Any], told: list[Any], later_lines: list[Any], later_events: list[Any],
    later_told: list[Any],
) -> None:  # fmt: skip
    day_of_line, day_of_event = list(LINES).index(c.DAY), list(EVENTS).index(c.DAY)
    before = table(
        [row for row in lines if row[day_of_line] < DAY],
        [row for row in events if row[day_of_event] < DAY],
        told=[
            (who, day, None if answered is None or answered >= DAY else answered)
            for who, day, answered in told
            if day < DAY
        ],
    )
    after = table(
        [row for row in lines if row[day_of_line] < DAY]
        + [row for row in later_lines if row[day_of_line] >= DAY],
        [row for row in events if row[day_of_event] < DAY]
        + [row for row in later_events if row[day_of_event] >= DAY],
        told=[row for row in told if row[1] < DAY] + [row for row in later_told if row[1] >= DAY],
    )
    assert_frame_equal(before, after)
    assert not any(before[name].is_nan().any() for name in features.WORDS)


def test_the_day_itself_is_seen_a_day_later() -> None:
    lines = [line(1, 1, 0)]
    assert table(lines, []).height == 0
    assert table(lines, [], day=DAY + 1)["recency_days"].to_list() == [1]
