"""BG/NBD: the published figures of the CDNOW sample, its formulas against other ways, and what it refuses."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from precision.shop import columns as c
from segments.methods import held_out, histories, purchases
from segments.methods.purchases import NotFittedError, Purchases
from tests.segments import cdnow

FITTED = Purchases(r=0.2426, alpha=4.4135, a=0.7929, b=2.4258, log_likelihood=0, customers=0)


def fitted() -> Purchases:
    people = cdnow.summary()
    return purchases.fit(people.repeats, people.recency, people.age)


def test_the_cdnow_sample() -> None:
    model = fitted()
    assert model.customers == 2357
    assert model.r == pytest.approx(0.2426, abs=5e-5)
    assert model.alpha == pytest.approx(4.4135, abs=5e-4)
    assert model.a == pytest.approx(0.7929, abs=5e-5)
    assert model.b == pytest.approx(2.4258, abs=5e-4)
    assert model.log_likelihood == pytest.approx(-9582.43, abs=5e-3)
    assert model.expected(np.array([1.0, 3.0, 78.0])) == pytest.approx([0.0532, 0.1506, 1.858], rel=5e-4)


def test_thirty_nine_weeks_held_out() -> None:
    split = (cdnow.LAST_DAY - cdnow.date(1970, 1, 1)).days
    people = histories.histories(cdnow.days(), as_of=split).collect("polars").sort(c.CUSTOMER)
    later = cdnow.days().filter(cdnow.nw.col(c.DAY) > split).group_by(c.CUSTOMER)
    counts = later.agg(orders=cdnow.nw.len().cast(cdnow.nw.Int64))
    joined = people.lazy().join(counts, on=c.CUSTOMER, how="left").collect("polars").sort(c.CUSTOMER)
    actual = joined["orders"].fill_null(0).to_numpy().astype(float)
    published = cdnow.summary()
    predicted = fitted().predicted(39, published.repeats, published.recency, published.age)
    assert actual.sum() == 1882
    assert predicted.sum() == pytest.approx(1653, abs=1)
    chance = held_out.auc(predicted, actual > 0)
    assert chance is not None
    assert chance >= 0.7725


def formula_10(model: Purchases, t: int, x: int, recency: int, age: int) -> tuple[float, float]:
    """Return expected orders and chance of being alive as the paper writes them, the series summed in 60 digits."""
    with localcontext(prec=60):
        r, alpha, a, b = (Decimal(repr(each)) for each in (model.r, model.alpha, model.a, model.b))
        z = t / (alpha + age + t)
        term = series = Decimal(1)
        for n in range(6000):
            term *= (r + x + n) * (b + x + n) / (a + b + x - 1 + n) / (1 + n) * z
            series += term
        share = ((alpha + age) / (alpha + age + t)) ** (r + x)
        odds = a / (b + x - 1) * ((alpha + age) / (alpha + recency)) ** (r + x) if x else Decimal(0)
        lasting = (a + b + x - 1) / (a - 1) * (1 - share * series)
        return float(lasting / (1 + odds)), float(1 / (1 + odds))


@pytest.mark.parametrize(("x", "recency", "age"), [(0, 0, 20), (2, 30, 39), (260, 350, 364), (40, 10, 300)])
def test_predictions_are_those_of_the_paper(x: int, recency: int, age: int) -> None:
    for model in (FITTED, Purchases(r=1.4, alpha=9.7, a=0.36, b=525.0, log_likelihood=0, customers=0)):
        orders, alive = formula_10(model, 180, x, recency, age)
        given = (np.array([float(x)]), np.array([float(recency)]), np.array([float(age)]))
        assert model.predicted(180, *given)[0] == pytest.approx(orders, rel=1e-8, abs=1e-250)
        assert model.alive(*given)[0] == pytest.approx(alive, rel=1e-10, abs=1e-250)


def test_the_slope_is_that_of_the_likelihood() -> None:
    rng = np.random.default_rng(2)
    x = rng.integers(0, 9, 50).astype(float)
    age = rng.uniform(30, 60, 50)
    recency = np.where(x > 0, age * rng.uniform(0.1, 1, 50), 0)
    weights = rng.integers(1, 4, 50).astype(float)
    levels = np.unique(x, return_inverse=True)
    at = np.array([0.6, 8.0, 0.9, 2.1])
    _, slope = purchases._log_likelihood(at, *levels, recency, age, weights=weights)
    steps = approx_fprime(
        at, lambda p: purchases._log_likelihood(p, *levels, recency, age, weights=weights)[0], 1e-7
    )
    assert slope == pytest.approx(steps, rel=1e-4)


def simulated(model: Purchases, rng: np.random.Generator, *, customers: int, until: float) -> np.ndarray:
    """Return (x, t_x, T) of customers who do what the model says, shape (3, customers)."""
    rate = rng.gamma(model.r, 1 / model.alpha, customers)
    leaving = rng.beta(model.a, model.b, customers)
    age = rng.uniform(until / 2, until, customers)
    found = np.zeros((3, customers))
    for key in range(customers):
        at = x = last = 0.0
        while (at := at + rng.exponential(1 / rate[key])) < age[key]:
            x, last = x + 1, at
            if rng.random() < leaving[key]:
                break
        found[:, key] = x, last, age[key]
    return found


def test_planted_parameters_come_back() -> None:
    planted = Purchases(r=0.8, alpha=20.0, a=0.7, b=2.5, log_likelihood=0, customers=0)
    model = purchases.fit(*simulated(planted, np.random.default_rng(4), customers=6000, until=400))
    assert model.logs() == pytest.approx(planted.logs(), abs=0.2)


def test_weights_stand_for_customers() -> None:
    people = cdnow.summary()
    rows = np.arange(600)
    part = people.taken(rows)
    twice = people.taken(np.r_[rows, rows[:300]])
    weights = np.where(rows < 300, 2.0, 1.0)
    one = purchases.fit(part.repeats, part.recency, part.age, weights=weights)
    two = purchases.fit(twice.repeats, twice.recency, twice.age)
    assert one.logs() == pytest.approx(two.logs(), abs=1e-3)
    assert one.log_likelihood == pytest.approx(two.log_likelihood, abs=1e-4)
    assert one.customers == two.customers == 900


def test_the_unit_of_time_does_not_matter() -> None:
    people = cdnow.summary()
    weeks, days = fitted(), purchases.fit(people.repeats, people.recency * 7, people.age * 7)
    assert days.alpha / 7 == pytest.approx(weeks.alpha, rel=1e-3)
    assert days.predicted(39 * 7, people.repeats, people.recency * 7, people.age * 7) == pytest.approx(
        weeks.predicted(39, people.repeats, people.recency, people.age), rel=1e-3
    )


def test_a_of_one_is_the_limit_from_both_sides() -> None:
    t = np.array([10.0])
    one, below, above = (
        Purchases(r=0.5, alpha=5.0, a=a, b=2.0, log_likelihood=0, customers=0).expected(t)[0]
        for a in (1.0, 0.999, 1.001)
    )
    assert above < one < below
    assert one == pytest.approx((above + below) / 2, rel=1e-4)


def test_somebody_with_one_order_is_alive_and_silence_kills() -> None:
    x, recency = np.array([0.0, 5.0, 5.0]), np.array([0.0, 30.0, 10.0])
    alive = FITTED.alive(x, recency, np.array([30.0, 31.0, 31.0]))
    assert alive[0] == 1
    assert alive[1] > 0.8 > 0.1 > alive[2]


@pytest.mark.parametrize(
    ("x", "recency", "age", "words"),
    [
        ([1], [2], [1], "between 0 and age"),
        ([0], [2], [3], "exactly where nobody came back"),
        ([-1], [0], [3], "0 or more"),
        ([1], [1], [np.nan], "finite"),
        ([1, 2], [1], [3], "one length"),
    ],
)
def test_contradictions_are_refused(x: list[int], recency: list[int], age: list[float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        purchases.fit(np.array(x, float), np.array(recency, float), np.array(age, float))


def test_nobody_who_came_back_and_people_all_alike_are_no_model() -> None:
    nothing = np.zeros(50)
    with pytest.raises(NotFittedError, match="Nobody came back"):
        purchases.fit(nothing, nothing, nothing + 9)
    with pytest.raises(NotFittedError, match="no inner maximum"):
        purchases.fit(nothing + 4, nothing + 8, nothing + 9)
