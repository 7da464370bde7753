"""Expected orders and value of customers."""

from typing import Any, Final

import narwhals as nw
import numpy as np
import polars as pl
from scipy.stats import pearsonr

from precision.engine.backends import Engine
from precision.engine.copying import copy_rows
from precision.engine.jobs import Job, Outcome, register
from precision.engine.models import Run
from precision.engine.windows import epoch_day
from precision.shop import columns as c
from precision.shop import scopes
from segments import kept
from segments.jobs.frames import once
from segments.lifecycle import ROW_DAYS, VALUE_JOB, versions
from segments.methods import held_out, value
from segments.methods import histories as h
from segments.methods.value import Forecast
from segments.models import CustomerValue

SEED: Final = 20_050_401
LONGEST_TEST: Final = 180
"""Days that are held out to judge by: a third of the history, at most these."""
LEAST_TEST: Final = 7
MONEY: Final = frozenset({"order_value", "value", "value_low", "value_high"})
YEAR: Final = 365
HUNDRED: Final = 100
YEAR_COLUMNS: Final = {"orders": "orders_365", "value": "value_365"}


def compute_value(run: Run, engine: Engine) -> Outcome:
    """Write the value of everybody as a file, and CustomerValue rows of who ordered lately."""
    scope = scopes.read(run.scope)
    rule, as_of = versions.current(run.scope), epoch_day(run.as_of)
    days = once(h.order_days(scope.scan("order_lines", run.as_of)))
    # Sorted, since the resamples draw rows by number: a rerun gives the same.
    people = h.histories(days, as_of=as_of).collect("polars").sort(c.CUSTOMER)
    buyers = h.buyers(people)
    model = value.fit(buyers, np.random.default_rng(SEED))
    told = value.forecast(model, buyers, days=rule.horizon_days)
    year = value.forecast(model, buyers, days=YEAR) if rule.horizon_days != YEAR else told
    history: pl.DataFrame = people.to_native()
    frame = _table(history, told, reason=model.reason).with_columns(
        _series(name, getattr(year, source), money=source in MONEY) for source, name in YEAR_COLUMNS.items()
    )
    kept.write(run, VALUE_JOB, frame)
    lately = frame.filter(pl.col(h.AGE_DAYS) - pl.col(h.RECENCY_DAYS) <= ROW_DAYS)
    rows = lately.drop(*YEAR_COLUMNS.values()).rename(
        {c.CUSTOMER: "customer_id", h.MEAN_E4: "mean_value", "orders": "expected_orders"}
    )
    return Outcome(
        rows={"customer_value": copy_rows(CustomerValue, rows.with_columns(pl.lit(run.pk).alias("run_id")))},
        measures={
            "customers": frame.height,
            "came_back": int((buyers.repeats > 0).sum()),
            "reason": model.reason,
            "expected_orders": _sum(told.orders),
            "expected_value": _sum(told.value),
            "number_with_size": _correlation(buyers),
            "held_out": _held_out(days, as_of=as_of),
        },
        parameters={"horizon_days": rule.horizon_days, "rule": rule.version, "model": model.to_json()},
    )


def _table(history: pl.DataFrame, told: Forecast, *, reason: str) -> pl.DataFrame:
    """Return the histories with what is expected beside them; money as whole numbers."""
    columns = [_series(name, getattr(told, name), money=name in MONEY) for name in Forecast.__slots__]
    return history.with_columns(*columns, pl.lit(reason).alias("reason"))


def _series(name: str, values: value.Floats, *, money: bool) -> pl.Series:
    """Return the values as a column, NaN as null; money in whole hundredths, as an expectation has no more digits."""
    column = pl.Series(name, values).fill_nan(None)
    return (column * HUNDRED).round().cast(pl.Int64) * (c.MONEY // HUNDRED) if money else column


def _held_out(days: "nw.LazyFrame[Any]", *, as_of: int) -> dict[str, Any] | None:
    """Return how the models, fitted to all but the last days, foretold their orders; None for a short history."""
    first = days.select(nw.col(c.DAY).min()).collect("polars").to_native().item()
    test = 0 if first is None else min((as_of - first) // 3, LONGEST_TEST)
    if test < LEAST_TEST:
        return None
    split = as_of - test
    people = h.histories(days, as_of=split).collect("polars").sort(c.CUSTOMER)
    later = (
        days.filter((nw.col(c.DAY) >= split) & (nw.col(c.DAY) < as_of))
        .group_by(c.CUSTOMER)
        .agg(nw.len().cast(nw.Int64).alias("_orders"), nw.col(c.AMOUNT_E4).sum().alias("_paid"))
        .collect("polars")
        .to_native()
    )
    actual = (
        people.to_native().select(c.CUSTOMER).join(later, on=c.CUSTOMER, how="left", maintain_order="left")
    )
    orders, paid = (actual[name].fill_null(0).to_numpy().astype(np.float64) for name in ("_orders", "_paid"))
    buyers = h.buyers(people)
    model = value.fit(buyers, np.random.default_rng(SEED), rounds=0)
    told = value.forecast(model, buyers, days=test)
    if np.isnan(told.orders).all():
        return None
    # The rival goes on as before: everybody at their own rate, nobody ever leaves.
    plain = buyers.repeats / buyers.age * test
    return {
        "days": test,
        "reason": model.reason,
        **held_out.judged(told.orders, orders, plain),
        "predicted_value": _sum(told.value),
        "actual_value": float(paid.sum()) / c.MONEY,
    }


def _correlation(buyers: value.Buyers) -> float | None:
    """Return how far the number of orders goes with their size, which the model of spending takes for independent."""
    valued = buyers.valued > 0
    count, mean = buyers.valued[valued], buyers.mean[valued]
    if len(count) < 2 or count.std() == 0 or mean.std() == 0:
        return None
    return float(pearsonr(count, mean).statistic)


def _sum(values: value.Floats) -> float | None:
    """Return the sum of what is defined; None where nothing is."""
    return None if np.isnan(values).all() else float(np.nansum(values))


register(Job(name=VALUE_JOB, title="customer value", compute=compute_value, overall=True))
