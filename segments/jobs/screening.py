"""Who brings the revenue, how much of the range people buy, and the demand for categories by week and month."""

from typing import Any, Final

import narwhals as nw
import polars as pl

from precision.engine.backends import Engine
from precision.engine.copying import copy_rows
from precision.engine.jobs import Job, Outcome, register
from precision.engine.models import Run
from precision.engine.windows import epoch_day
from precision.shop import columns as c
from precision.shop import history, scopes
from precision.shop.scopes import Scope
from segments import screening_reports
from segments.jobs.frames import once
from segments.methods import screening as s
from segments.models import CategoryDemand, CustomerWorth

JOB: Final = "screening"
VALUE_DAYS: Final = 365
"""Spend of so many days counts."""
DEMAND_DAYS: Final = 730
"""Demand of so many days is counted."""
BIG_SHARE: Final = 0.5
"""The fewest customers who together bring this share are the big ones."""
DATE: Final = pl.Date


def compute_screening(run: Run, engine: Engine) -> Outcome:
    """Write CustomerWorth and CategoryDemand rows of the run's scope, and the reports on value and range."""
    scope = scopes.read(run.scope)
    as_of = epoch_day(run.as_of)
    with history.snapshot():
        lines = scope.scan("order_lines", run.as_of, days=VALUE_DAYS)
        spending = once(s.spending(lines, as_of=as_of, window_days=VALUE_DAYS))
        demand = [_demand(scope, run, as_of, period) for period in s.PERIODS]
    customers = once(s.screened(spending, big_share=BIG_SHARE))
    everybody: pl.DataFrame = customers.collect("polars").to_native().sort(c.CUSTOMER)
    reports: dict[str, Any] = {
        "value": value_report(customers, everybody),
        "range": _shared(s.by_range(customers).collect("polars").to_native().sort(s.CATEGORIES)),
    }
    return Outcome(
        rows={
            "customer_worth": copy_rows(CustomerWorth, _worth_rows(run, everybody)),
            "category_demand": sum(copy_rows(CategoryDemand, rows) for rows in demand),
            "screening_report": screening_reports.write(run, reports),
        },
        measures={
            "customers": everybody.height,
            "big": int(everybody[s.BIG].sum()),
            "gini": reports["value"]["gini"],
            "reason": reports["value"]["reason"],
        },
        parameters={
            "value_days": VALUE_DAYS, "demand_days": DEMAND_DAYS, "big_share": BIG_SHARE,
            "currency": scope.currency,
        },
    )  # fmt: skip


def value_report(customers: "nw.LazyFrame[Any]", everybody: pl.DataFrame) -> dict[str, Any]:
    """Return the deciles from the highest down, the big customers and the small ones as one group, and the Gini.

    Money is in currency units; `cumulative` is the share of this decile and those above it. `reason` tells why figures
    are missing; empty where none is.
    """
    deciles = _shared(
        s.by_decile(customers).collect("polars").to_native().sort(s.VALUE_DECILE, descending=True)
    )
    reached = 0.0
    for row in deciles:
        reached += row["share"] or 0.0
        row["cumulative"] = None if row["share"] is None else reached
    sizes = _shared(s.by_size(customers).collect("polars").to_native().sort(s.BIG, descending=True))
    gini = s.gini(everybody[s.SPEND_E4].to_numpy())
    reason = "" if gini is not None else "nobody spent anything" if everybody.height else "nobody ordered"
    return {
        "customers": everybody.height,
        "money": int(everybody[s.SPEND_E4].sum()) / c.MONEY,
        "gini": gini,
        "reason": reason,
        "deciles": deciles,
        "sizes": sizes,
    }


def _shared(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as JSON with money in currency units, each with its share of all money and of all customers."""
    total = int(frame[s.SPEND_E4].sum())
    people = int(frame[s.CUSTOMERS].sum())
    money = {s.SPEND_E4: "money", s.LEAST_E4: "least", s.MOST_E4: "most"}
    units = [(pl.col(name) / c.MONEY).alias(to) for name, to in money.items() if name in frame.columns]
    share = pl.col(s.SPEND_E4) / total if total > 0 else pl.lit(None, dtype=pl.Float64)
    return frame.select(
        pl.all().exclude(*money), *units,
        share.alias("share"), (pl.col(s.CUSTOMERS) / max(people, 1)).alias("share_of_customers"),
    ).to_dicts()  # fmt: skip


def _demand(scope: Scope, run: Run, as_of: int, period: str) -> pl.DataFrame:
    """Return rows of CategoryDemand of one kind of period."""
    lines = scope.scan("order_lines", run.as_of, days=DEMAND_DAYS)
    found = s.demand(lines, as_of=as_of, window_days=DEMAND_DAYS, period=period)
    frame: pl.DataFrame = found.collect("polars").to_native()
    return frame.sort(s.PERIOD, c.CATEGORY).select(
        pl.lit(run.pk).alias("run_id"),
        pl.lit(period).alias("period"),
        pl.col(s.PERIOD).cast(pl.Int32).cast(DATE).alias("start"),
        pl.col(c.CATEGORY).alias("category_id"),
        s.ORDERS,
        s.CUSTOMERS,
        pl.col(c.QUANTITY_E3).alias("quantity"),
        pl.col(c.AMOUNT_E4).alias("amount"),
    )


def _worth_rows(run: Run, everybody: pl.DataFrame) -> pl.DataFrame:
    return everybody.select(
        pl.lit(run.pk).alias("run_id"),
        pl.col(c.CUSTOMER).alias("customer_id"),
        pl.col(s.SPEND_E4).alias("spend"),
        s.ORDERS,
        s.CATEGORIES,
        s.PRODUCTS,
        pl.col(s.VALUE_DECILE).alias("decile"),
        s.BIG,
    )


register(Job(name=JOB, title="value, range and demand", compute=compute_screening, overall=True))
