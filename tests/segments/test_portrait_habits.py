"""Habits of customers, and the affinity to goods that they tell, by hand."""

import math
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from precision.shop import columns as c
from segments.methods import affinity
from segments.methods import habits as h


def lazy(data: dict[str, list[Any]], **schema: Any) -> "nw.LazyFrame[pl.LazyFrame]":
    return nw.from_native(
        pl.DataFrame(data, schema_overrides=schema).sample(fraction=1, shuffle=True, seed=1).lazy()
    )


LINES = lazy(
    {
        c.CUSTOMER: [1, 1, 1, 2, None, 2],
        c.ORDER: [10, 10, 11, 12, 13, 14],
        c.PRODUCT: [100, 101, 100, 101, 100, 102],
        c.HOUR: [9, 9, 20, 9, 9, 7],
        c.WEEKDAY: [1, 1, 7, 3, 1, 2],
        c.QUANTITY_E3: [1_000, 2_000, 1_000, 1_000, 1_000, -1_000],
        c.AMOUNT_E4: [30_000, 50_000, 30_000, 25_000, 30_000, -9_000],
        c.RETURNED: [False, False, False, False, False, True],
    }
)
EVENTS = lazy(
    {
        c.CUSTOMER: [1, 1, 3, None, 3],
        c.CHANNEL: ["web", "app", "web", "web", None],
        c.HOUR: [9, 10, 22, 3, 22],
        c.DURATION_MS: [4_000, None, 1_500, 9, 500],
    }
)


def found(frames: list["nw.LazyFrame[Any]"]) -> set[tuple[Any, ...]]:
    return {row for frame in frames for row in frame.select(*h.COLUMNS).collect("polars").to_native().rows()}


def test_what_customers_bought_by_label() -> None:
    goods = lazy(
        {c.PRODUCT: [100, 101, 102], "category": ["Tea", "Cups", "Tea"], "brand": ["Leaf", None, None]}
    )
    assert found(h.bought(LINES, goods, labels=["category", "brand"])) == {
        (1, "category", "Tea", 2, 60_000),
        (1, "category", "Cups", 1, 50_000),
        (2, "category", "Cups", 1, 25_000),
        (1, "brand", "Leaf", 2, 60_000),
    }


def test_when_customers_order() -> None:
    assert found(h.ordered(LINES)) == {
        (1, "order_hour", "9", 1, 80_000),
        (1, "order_hour", "20", 1, 30_000),
        (2, "order_hour", "9", 1, 25_000),
        (1, "order_weekday", "1", 1, 80_000),
        (1, "order_weekday", "7", 1, 30_000),
        (2, "order_weekday", "3", 1, 25_000),
    }


def test_contacts_are_events_orders_and_messages() -> None:
    told = lazy({c.CUSTOMER: [1, 2], c.CHANNEL: ["web", "email"], h.TIMES: [2, 5]})
    assert found(h.contacts(EVENTS, LINES, told)) == {
        (1, "channel", "web", 3, 4_000),
        (1, "channel", "app", 1, 0),
        (2, "channel", "email", 5, 0),
        (3, "channel", "web", 1, 1_500),
        (1, "hour", "9", 2, 4_000),
        (1, "hour", "10", 1, 0),
        (1, "hour", "20", 1, 0),
        (2, "hour", "9", 1, 0),
        (3, "hour", "22", 2, 2_000),
    }


HABITS = pl.DataFrame(
    [
        (1, "category", "Tea", 30, 0),
        (1, "category", "Cups", 10, 0),
        (1, "brand", "Leaf", 30, 0),
        (2, "category", "Cups", 60, 0),
        (2, "brand", "Clay", 60, 0),
        (3, "category", "Tea", 1, 0),
        (1, "hour", "9", 99, 0),
    ],
    schema=list(h.COLUMNS),
    orient="row",
).lazy()
TEA, LEAF = 31 / 101, 30 / 90


def evidence(weight: float, x: int, n: int, share: float) -> float:
    return weight * math.log((x + 10 * share) / (n + 10) / share)


def test_the_audience_of_labels_by_hand() -> None:
    answer = affinity.audience(HABITS, {"category": "Tea", "brand": "Leaf", "colour": "red"}, most=10)
    assert answer.columns == [c.CUSTOMER, affinity.SCORE, "category", "brand"]
    one, three = answer.rows()
    assert one[0] == 1
    assert one[2:] == pytest.approx((evidence(1, 30, 40, TEA), evidence(0.5, 30, 30, LEAF)))
    assert one[1] == pytest.approx(sum(one[2:]))
    # Who never bought goods with a brand tells nothing by it; customer 2 bought nothing of either and is not there.
    assert three[:3] == (3, pytest.approx(evidence(1, 1, 1, TEA)), pytest.approx(evidence(1, 1, 1, TEA)))
    assert affinity.audience(HABITS, {"category": "Tea"}, most=1)[c.CUSTOMER].to_list() == [1]


@pytest.mark.parametrize("labels", [{}, {"colour": "red"}, {"category": "Shoes"}])
def test_nobody_wants_what_nobody_bought(labels: dict[str, str]) -> None:
    assert affinity.audience(HABITS, labels, most=10).height == 0


def test_what_somebody_wants_by_hand() -> None:
    goods = pl.LazyFrame(
        {c.PRODUCT: [7, 8, 9], "category": ["Tea", "Cups", None], "brand": ["Clay", "Leaf", "Leaf"]}
    )
    own = HABITS.filter(pl.col(c.CUSTOMER) == 1).select(h.DIMENSION, h.VALUE, h.TIMES).collect()
    answer = affinity.wanted(goods, own, affinity.shares(HABITS), labels=["category", "brand"], most=10)
    scores = {row[0]: row[2:] for row in answer.rows()}
    assert scores[7] == pytest.approx((evidence(1, 30, 40, TEA), evidence(0.5, 0, 30, 1 - LEAF)))
    assert scores[8] == pytest.approx((evidence(1, 10, 40, 1 - TEA), evidence(0.5, 30, 30, LEAF)))
    assert scores[9] == pytest.approx((0.0, evidence(0.5, 30, 30, LEAF)))
    assert answer[c.PRODUCT].to_list() == sorted(scores, key=lambda product: -sum(scores[product]))


def test_both_ways_of_the_search_give_one_score() -> None:
    goods = pl.LazyFrame({c.PRODUCT: [7], "category": ["Tea"], "brand": ["Leaf"]})
    own = HABITS.filter(pl.col(c.CUSTOMER) == 1).select(h.DIMENSION, h.VALUE, h.TIMES).collect()
    forth = affinity.wanted(goods, own, affinity.shares(HABITS), labels=["category", "brand"], most=1)
    back = affinity.audience(HABITS, {"category": "Tea", "brand": "Leaf"}, most=1)
    assert forth[affinity.SCORE].to_list() == pytest.approx(back[affinity.SCORE].to_list())
