"""Classes of people without orders, from what they answered to price tests."""

from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from precision.shop import columns as c
from segments.methods import price_classes, price_tests
from segments.methods.price_classes import (
    CONFIDENCE,
    LETTERS,
    PRICE_CLASS,
    PROBABILITIES,
    REASON,
    PriceClassRule,
)
from segments.methods.price_tests import ANSWERS, KIND, KINDS, TRIALS, USUAL_RATES, USUAL_TRIALS

RULE = PriceClassRule(share_a=0.4, share_b=0.2, least_trials=3, tests_confidence=0.7)
USUAL = {kind: tuple(rates) for kind, rates in USUAL_RATES.items()}


def eager(frame: pl.DataFrame) -> "nw.DataFrame[pl.DataFrame]":
    return nw.from_native(frame, eager_only=True)


def trials(rows: list[tuple[int, str, int, int]]) -> "nw.DataFrame[pl.DataFrame]":
    schema = {c.CUSTOMER: pl.Int64, KIND: pl.String, TRIALS: pl.Int64, ANSWERS: pl.Int64}
    return eager(pl.DataFrame(rows, schema=schema, orient="row"))


def by_orders(rows: list[tuple[int, str, str, tuple[float, float, float] | None]]) -> Any:
    """Customer, class, reason and probabilities, as `classify` gives them."""
    names = (c.CUSTOMER, PRICE_CLASS, REASON, *PROBABILITIES, CONFIDENCE)
    kinds = (pl.Int64, pl.String, pl.String, *[pl.Float64] * 4)
    flat = [(*row[:3], *(row[3] or (None,) * 3), max(row[3]) if row[3] else None) for row in rows]
    return eager(pl.DataFrame(flat, schema=dict(zip(names, kinds, strict=True)), orient="row"))


def test_the_posterior_by_hand() -> None:
    # Shown the high price four times, answered three times; prior 0.4, 0.2, 0.4.
    found = price_tests.with_tests(by_orders([]), trials([(7, "high_price", 4, 3)]), RULE, USUAL).to_native()
    weights = np.array(
        [p * r**3 * (1 - r) for p, r in zip((0.4, 0.2, 0.4), USUAL["high_price"], strict=True)]
    )
    row = found.row(0, named=True)
    assert [row[name] for name in PROBABILITIES] == pytest.approx(list(weights / weights.sum()))
    assert (row[PRICE_CLASS], row[REASON]) == ("A", "tests")
    assert row[CONFIDENCE] == pytest.approx(weights[0] / weights.sum())
    assert (row["high_price_trials"], row["high_price_answers"], row["coupon_trials"]) == (4, 3, 0)


@pytest.mark.parametrize(
    ("kind", "tried", "answered", "letter"),
    [("high_price", 6, 5, "A"), ("discount", 6, 5, "B"), ("low_price", 8, 7, "B"), ("coupon", 5, 5, "B")],
)
def test_who_answers_what(kind: str, tried: int, answered: int, letter: str) -> None:
    found = price_tests.with_tests(by_orders([]), trials([(1, kind, tried, answered)]), RULE, USUAL)
    assert found[PRICE_CLASS].to_list() == [letter]


def test_few_trials_or_an_unclear_answer_leave_u() -> None:
    rows = trials([(1, "high_price", 2, 2), (2, "discount", 3, 1)])
    found = price_tests.with_tests(by_orders([]), rows, RULE, USUAL).to_native().sort(c.CUSTOMER)
    assert found[PRICE_CLASS].to_list() == ["U", "U"]
    assert found[CONFIDENCE].null_count() == 0  # what they answered is told nevertheless
    assert found.filter(pl.col(c.CUSTOMER) == 1)["probability_a"].item() > 0.4


def test_a_class_by_orders_stays_and_thin_orders_are_the_prior() -> None:
    orders = by_orders(
        [
            (1, "C", "neither", (0.1, 0.1, 0.8)),
            (2, "U", "few_orders", (0.05, 0.9, 0.05)),
            (3, "U", "few_orders", None),
        ]
    )
    rows = trials([(number, "high_price", 3, 2) for number in (1, 2, 3)])
    found = price_tests.with_tests(orders, rows, RULE, USUAL).to_native().sort(c.CUSTOMER)
    assert found[PRICE_CLASS].to_list() == ["C", "U", "A"]
    assert found.row(0, named=True)["probability_c"] == 0.8
    likelihood = np.array([r**2 * (1 - r) for r in USUAL["high_price"]])
    expected = np.array([0.05, 0.9, 0.05]) * likelihood
    second = [found.row(1, named=True)[name] for name in PROBABILITIES]
    assert second == pytest.approx(list(expected / expected.sum()))


def test_without_trials_nothing_changes() -> None:
    orders = by_orders([(1, "C", "neither", (0.1, 0.1, 0.8)), (2, "U", "few_orders", None)])
    found = price_tests.with_tests(orders, trials([]), RULE, USUAL).to_native()
    assert found.select(orders.columns).equals(orders.to_native())


def test_rates_are_learnt_from_those_with_a_class_by_orders() -> None:
    orders = by_orders([(number, "A", "quality", (1.0, 0.0, 0.0)) for number in range(50)])
    seen = trials([(number, "high_price", 10, 6) for number in range(50)])
    rates = price_tests.answer_rates(seen, orders, RULE)
    # The level of the platform is known from 500 trials, A's own rate from the same 500 and the 20 usual ones.
    level = (USUAL_TRIALS * np.dot(USUAL["high_price"], (0.4, 0.2, 0.4)) + 300) / (USUAL_TRIALS + 500)
    assert rates["high_price"][0] == pytest.approx(0.6, abs=0.02)
    assert rates["high_price"][1] < rates["high_price"][2] < level < rates["high_price"][0] + 0.2
    assert rates["discount"] == pytest.approx(USUAL["discount"])


def test_a_shop_without_coupons_learns_nothing_from_unused_ones() -> None:
    seen = trials([(number, "coupon", 4, 0) for number in range(2_000)])
    rates = price_tests.answer_rates(seen, by_orders([]), RULE)
    found = price_tests.with_tests(by_orders([]), seen, RULE, rates)
    assert set(found[PRICE_CLASS].to_list()) == {"U"}
    assert found["probability_a"].to_numpy() == pytest.approx(0.4, abs=0.01)


def test_planted_people_are_found_again() -> None:
    """People without orders who answer with rates other than the usual ones, which those with orders show."""
    rng = np.random.default_rng(5)
    truth = rng.choice(3, 1_500, p=(0.4, 0.2, 0.4))
    true_rates = np.array([[0.45, 0.1, 0.25], [0.15, 0.5, 0.3], [0.1, 0.6, 0.25]])
    names = ("high_price", "low_price", "discount")
    rows = [
        (person, kind, 10, int(rng.binomial(10, true_rates[place, letter])))
        for person, letter in enumerate(truth.tolist())
        for place, kind in enumerate(names)
    ]
    known = [
        (person, LETTERS[letter], "quality", tuple(0.9 if i == letter else 0.05 for i in range(3)))
        for person, letter in enumerate(truth[:300].tolist())
    ]
    orders, tried = by_orders(known), trials(rows)  # type: ignore[arg-type]
    rates = price_tests.answer_rates(tried, orders, RULE)
    for place, kind in enumerate(names):
        assert rates[kind] == pytest.approx(tuple(true_rates[place]), abs=0.08)
    found = price_tests.with_tests(orders, tried, RULE, rates).to_native().filter(pl.col(c.CUSTOMER) >= 300)
    letters = np.array(LETTERS)[truth[found[c.CUSTOMER].to_numpy()]]
    sure = (found[PRICE_CLASS] != "U").to_numpy()
    assert sure.mean() > 0.75
    assert (found[PRICE_CLASS].to_numpy()[sure] == letters[sure]).mean() > 0.9
    # What is said to be sure comes true as often.
    said = found[CONFIDENCE].to_numpy()[sure].mean()
    assert (found[PRICE_CLASS].to_numpy()[sure] == letters[sure]).mean() == pytest.approx(said, abs=0.05)


def lazy(rows: list[dict[str, Any]], schema: dict[str, Any]) -> Any:
    return nw.from_native(pl.DataFrame(rows, schema=schema).lazy())


EVENT_SCHEMA = {c.CUSTOMER: pl.Int64, c.EVENT: pl.String, c.DAY: pl.Int64, c.RECOMMENDATION: pl.Int64}
SHOWN_SCHEMA = {c.CUSTOMER: pl.Int64, c.RECOMMENDATION: pl.Int64, c.ARM: pl.String}


def event(customer: int | None, name: str, day: int, recommendation: int | None = None) -> dict[str, Any]:
    return {c.CUSTOMER: customer, c.EVENT: name, c.DAY: day, c.RECOMMENDATION: recommendation}


def sorted_rows(found: Any) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = found.collect("polars").to_native().sort(c.CUSTOMER, KIND).rows()
    return rows


def test_trials_of_slots_are_answers_shown_and_clicked() -> None:
    shown = [
        (1, 11, "price:high"), (1, 11, "price:high"),  # two items of one answer
        (1, 12, "price:high"), (1, 13, "discount:20"), (2, 14, "price:low"), (2, 15, "control"),
        (2, 16, "discount:0"), (2, 17, "discount:200"), (2, 18, None), (None, 19, "price:low"),
    ]  # fmt: skip
    exposures = lazy([dict(zip(SHOWN_SCHEMA, row, strict=True)) for row in shown], SHOWN_SCHEMA)
    events = lazy(
        [
            event(1, "Product Clicked", 5, 11),
            event(1, "Product Clicked", 5, 11),
            event(1, "Product Viewed", 5, 13),
        ],
        EVENT_SCHEMA,
    )
    assert sorted_rows(price_tests.slot_trials(exposures, events)) == [
        (1, "discount", 1, 0), (1, "high_price", 2, 1), (2, "low_price", 1, 0),
    ]  # fmt: skip


def test_trials_of_coupons_are_days_at_the_checkout() -> None:
    events = [
        event(1, "Checkout Started", 5), event(1, "Coupon Entered", 5), event(1, "Coupon Applied", 5),
        event(1, "Checkout Started", 6), event(1, "Checkout Started", 6), event(2, "Product Viewed", 6),
        event(None, "Coupon Entered", 6),
    ]  # fmt: skip
    assert sorted_rows(price_tests.coupon_trials(lazy(events, EVENT_SCHEMA))) == [(1, "coupon", 2, 1)]


def test_sources_add_up() -> None:
    one, two = trials([(1, "coupon", 2, 1), (2, "discount", 1, 0)]), trials([(1, "coupon", 3, 0)])
    both = price_tests.added([one.lazy(), two.lazy()])
    assert sorted_rows(both) == [(1, "coupon", 5, 1), (2, "discount", 1, 0)]
    assert price_classes.REASONS["tests"]
    assert set(USUAL) == set(KINDS)
