"""Value: both models together, intervals that cover, plain means where there is no model, and histories as of a day."""

import json
from dataclasses import replace
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest
from threadpoolctl import threadpool_limits

from precision.shop import columns as c
from segments.methods import held_out, histories, value
from segments.methods.purchases import Purchases
from segments.methods.spend import Spend
from segments.methods.value import Buyers, Reason, ValueModel
from tests.segments import cdnow

LINES = {c.CUSTOMER: pl.Int64, c.DAY: pl.Int64, c.AMOUNT_E4: pl.Int64, c.RETURNED: pl.Boolean}
ROWS: list[tuple[int | None, int, int, bool]] = [
    (1, 100, 50_000, False),
    (1, 110, 20_000, False),
    (1, 110, 10_000, False),  # the same day: one purchase
    (1, 130, 50_001, False),
    (1, 140, -50_000, True),  # goods taken back are no purchase
    (1, 150, 0, False),  # bought for nothing: a purchase without a value
    (2, 149, 80_000, False),
    (None, 120, 70_000, False),
    (3, 200, 10_000, False),
]


def people(as_of: int) -> list[dict[str, Any]]:
    lines = pl.DataFrame(ROWS, schema=LINES, orient="row").sample(fraction=1, shuffle=True, seed=2)
    days = histories.order_days(nw.from_native(lines.lazy()))
    return histories.histories(days, as_of=as_of).collect("polars").to_native().sort(c.CUSTOMER).to_dicts()


def test_histories_by_hand() -> None:
    names = (
        histories.REPEATS, histories.RECENCY_DAYS, histories.AGE_DAYS, histories.VALUED, histories.MEAN_E4
    )  # fmt: skip
    found = {row[c.CUSTOMER]: tuple(row[name] for name in names) for row in people(160)}
    # (30,000 + 50,001) / 2 rounds up; the first day and the one of value 0 are not in the mean.
    assert found == {1: (3, 50, 60, 2, 40_001), 2: (0, 0, 11, 0, None)}


def test_histories_see_nothing_from_the_date_on() -> None:
    assert [row[c.CUSTOMER] for row in people(149)] == [1]
    assert people(150)[0][histories.RECENCY_DAYS] == 30


def test_the_published_histories_of_cdnow_come_out_of_its_purchases() -> None:
    split = (cdnow.LAST_DAY - cdnow.date(1970, 1, 1)).days + 1
    found = histories.histories(cdnow.days(), as_of=split).collect("polars").sort(c.CUSTOMER)
    ours, theirs = histories.buyers(found), cdnow.summary()
    assert ours.repeats.tolist() == theirs.repeats.tolist()
    assert ours.recency / 7 == pytest.approx(theirs.recency, abs=0.006)
    assert (ours.age - 1) / 7 == pytest.approx(theirs.age, abs=0.006)


def simulated(rng: np.random.Generator, *, customers: int, days: float = 500) -> Buyers:
    """Return customers who do what both models say: r .8, α 20, a .7, b 2.5; p 3, q 4, v 60."""
    rate, leaving = rng.gamma(0.8, 1 / 20, customers), rng.beta(0.7, 2.5, customers)
    orders = rng.geometric(np.clip(leaving, 1e-9, 1))
    times = rng.exponential(1, (customers, 60)).cumsum(axis=1) / rate[:, None]
    done = (times < days) & (np.arange(60) < orders[:, None])
    x = done.sum(axis=1).astype(float)
    recency = np.where(done, times, 0).max(axis=1)
    mean = np.where(x > 0, rng.gamma(3 * np.maximum(x, 1)) * 60 / rng.gamma(4, 1, customers), 0)
    return Buyers(
        repeats=x, recency=recency, age=np.full(customers, days), valued=x, mean=mean / np.maximum(x, 1)
    )


TRUE = ValueModel(
    purchases=Purchases(r=0.8, alpha=20, a=0.7, b=2.5, log_likelihood=0, customers=0),
    spend=Spend(p=3, q=4, v=60, log_likelihood=0, customers=0),
    covariance=None, rounds=0, daily_repeats=0.01, order_value=60.0,
)  # fmt: skip


def test_intervals_cover_what_the_true_parameters_expect() -> None:
    rng = np.random.default_rng(11)
    someone = Buyers(
        repeats=np.array([3.0, 0.0]), recency=np.array([300.0, 0.0]), age=np.array([400.0, 90.0]),
        valued=np.array([3.0, 0.0]), mean=np.array([80.0, 0.0]),
    )  # fmt: skip
    truth = value.forecast(TRUE, someone, days=365)
    hits, rounds = np.zeros((3, 2)), 25
    for _ in range(rounds):
        told = value.forecast(value.fit(simulated(rng, customers=800), rng, rounds=20), someone, days=365)
        for row, name in enumerate(("alive", "orders", "value")):
            low, high, true = (
                getattr(told, f"{name}_low"),
                getattr(told, f"{name}_high"),
                getattr(truth, name),
            )
            hits[row] += (low <= true) & (true <= high)
    assert hits[0, 1] == rounds  # one order only: alive for certain, by the model
    assert (hits / rounds >= 0.8).all()


def test_the_carried_error_is_the_spread_over_resamples() -> None:
    buyers = simulated(np.random.default_rng(3), customers=1500)
    model = value.fit(buyers, np.random.default_rng(1), rounds=60)
    assert model.purchases is not None
    assert model.spend is not None
    with threadpool_limits(limits=1):
        drawn = value._resampled(buyers, model.purchases, model.spend, np.random.default_rng(1), rounds=60)
    some = buyers.taken(np.array([int(np.argmax(buyers.repeats)), int(np.argmin(buyers.repeats))]))
    each = [
        value.forecast(
            replace(
                model, purchases=model.purchases.moved(logs[:4]), spend=model.spend.moved(logs[4:]),
                covariance=None,
            ), some, days=365,
        )
        for logs in drawn
    ]  # fmt: skip
    told = value.forecast(model, some, days=365)
    for name in ("orders", "value"):
        spread = np.std([np.log(getattr(one, name)) for one in each], axis=0, ddof=1)
        carried = np.log(getattr(told, f"{name}_high") / getattr(told, name)) / value.Z
        assert carried == pytest.approx(spread, rel=0.15)


def test_the_same_seed_gives_the_same_and_json_keeps_it() -> None:
    buyers = simulated(np.random.default_rng(3), customers=600)
    one, two = (value.fit(buyers, np.random.default_rng(5), rounds=20) for _ in range(2))
    assert one == two
    assert one.rounds >= 14
    assert ValueModel.from_json(json.loads(json.dumps(one.to_json()))) == one


def test_large_shops_draw_smaller_resamples_and_scale_their_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    buyers = simulated(np.random.default_rng(3), customers=6000)
    whole = value.fit(buyers, np.random.default_rng(5), rounds=60)
    monkeypatch.setattr(value, "MOST_RESAMPLED", 2000)
    part = value.fit(buyers, np.random.default_rng(6), rounds=60)
    errors = [np.sqrt(np.diag(np.array(model.covariance))) for model in (whole, part)]
    assert errors[1] == pytest.approx(errors[0], rel=0.45)


def test_too_few_who_came_back_are_told_plain_means() -> None:
    buyers = simulated(np.random.default_rng(3), customers=60)
    model = value.fit(buyers, np.random.default_rng(5))
    assert (model.reason, model.purchases, model.covariance) == (Reason.TOO_FEW, None, None)
    told = value.forecast(model, buyers, days=100)
    rate = buyers.repeats.sum() / buyers.age.sum()
    assert told.orders == pytest.approx((buyers.repeats + 365 * rate) / (buyers.age + 365) * 100)
    assert told.value == pytest.approx(told.orders * np.average(buyers.mean, weights=buyers.valued))
    assert np.isnan(told.alive).all()
    assert np.isnan(told.orders_low).all()


def test_people_all_alike_are_told_plain_means_and_why() -> None:
    same = np.full(300, 4.0)
    buyers = Buyers(repeats=same, recency=same * 7, age=same * 8, valued=same, mean=same)
    model = value.fit(buyers, np.random.default_rng(5))
    assert model.reason == Reason.NO_MAXIMUM
    assert value.forecast(model, buyers, days=32).orders == pytest.approx(4.0)


@pytest.mark.parametrize("customers", [0, 1, 50])
def test_a_shop_to_which_nobody_came_back_expects_nothing_it_could_know(customers: int) -> None:
    nothing = np.zeros(customers)
    buyers = Buyers(repeats=nothing, recency=nothing, age=nothing + 9, valued=nothing, mean=nothing)
    model = value.fit(buyers, np.random.default_rng(5))
    assert model.reason == Reason.NOBODY
    told = value.forecast(model, buyers, days=365)
    assert np.isnan(told.orders).all()
    assert np.isnan(told.value).all()


def test_every_reason_has_words() -> None:
    assert set(value.REASONS) == {"", *Reason}


def test_calibration_by_hand() -> None:
    predicted = np.arange(20, 0, -1).astype(float)
    found = held_out.calibration(predicted, predicted * 2)
    assert found[0] == {"customers": 2, "predicted": 1.5, "actual": 3.0}
    assert found[-1] == {"customers": 2, "predicted": 19.5, "actual": 39.0}
    assert len(held_out.calibration(predicted[:3], predicted[:3])) == 3


def test_auc_counts_pairs() -> None:
    predicted = np.array([0.1, 0.4, 0.4, 0.9])
    assert held_out.auc(predicted, np.array([False, False, True, True])) == pytest.approx(3.5 / 4)
    assert held_out.auc(predicted, np.array([True] * 4)) is None


def test_judged_against_the_rival() -> None:
    found = held_out.judged(np.array([1.0, 2.0]), np.array([0.0, 3.0]), np.array([4.0, 4.0]))
    assert (found["mean_absolute_error"], found["plain_mean_absolute_error"]) == (1.0, 2.5)
    assert (found["auc"], found["plain_auc"]) == (1.0, 0.5)
