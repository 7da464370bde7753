"""Recency, frequency and money."""

from typing import Any, Final

import narwhals as nw
import polars as pl

from precision.engine.backends import Engine
from precision.engine.copying import copy_rows
from precision.engine.jobs import Job, Outcome, register
from precision.engine.models import Run
from precision.engine.windows import epoch_day
from precision.shop import columns as c
from precision.shop import scopes
from segments import kept, screening_reports
from segments.jobs.frames import once
from segments.lifecycle import ROW_DAYS
from segments.methods import rfm
from segments.models import RfmScore

JOB: Final = "rfm"
"""Name of the job, and kind of the file with the scores of everybody."""


def compute_rfm(run: Run, engine: Engine) -> Outcome:
    """Write the scores of everybody as a file, RfmScore rows of who ordered lately, and the grid."""
    scope = scopes.read(run.scope)
    customers = rfm.recency_frequency_money(scope.scan("order_lines", run.as_of), as_of=epoch_day(run.as_of))
    scored = once(rfm.scored(once(customers)))
    everybody: pl.DataFrame = scored.collect("polars").to_native().sort(c.CUSTOMER)
    kept.write(run, JOB, everybody)
    rows = everybody.filter(pl.col(rfm.RECENCY_DAYS) <= ROW_DAYS).select(
        pl.lit(run.pk).alias("run_id"),
        pl.col(c.CUSTOMER).alias("customer_id"),
        rfm.RECENCY_DAYS,
        rfm.FREQUENCY,
        pl.col(rfm.MONEY_E4).alias("money"),
        rfm.RECENCY_SCORE,
        rfm.FREQUENCY_SCORE,
        rfm.MONEY_SCORE,
        pl.col(rfm.RFM_GROUP).alias("group"),
    )
    reports = {
        "rfm_grid": cells(rfm.grid(scored), (rfm.RECENCY_SCORE, rfm.FREQUENCY_SCORE)),
        "rfm_groups": cells(rfm.grid(scored, by=(rfm.RFM_GROUP,)), (rfm.RFM_GROUP,)),
    }
    return Outcome(
        rows={
            "rfm_score": copy_rows(RfmScore, rows),
            "screening_report": screening_reports.write(run, reports),
        },
        measures={
            "customers": everybody.height,
            "groups": dict(sorted(everybody[rfm.RFM_GROUP].value_counts().iter_rows())),
        },
        parameters={"row_days": ROW_DAYS},
    )


def cells(grid: "nw.LazyFrame[pl.LazyFrame]", by: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the cells of a grid as JSON: its scores, `customers`, `orders` and `money` in currency units."""
    found: pl.DataFrame = grid.collect("polars").to_native().sort(*by)
    return found.select(
        *by,
        rfm.CUSTOMERS,
        pl.col(rfm.FREQUENCY).alias("orders"),
        (pl.col(rfm.MONEY_E4) / c.MONEY).alias("money"),
    ).to_dicts()


register(Job(name=JOB, title="recency, frequency, money", compute=compute_rfm, overall=True))
