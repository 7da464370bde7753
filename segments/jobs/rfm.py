"""Recency, frequency and money."""

import polars as pl

from precision.engine.backends import Engine
from precision.engine.copying import copy_rows
from precision.engine.jobs import Job, Outcome, register
from precision.engine.models import Run
from precision.engine.windows import Window, epoch_day
from precision.shop import columns as c
from precision.shop import history
from precision.shop.models import Platform
from segments.jobs.frames import once
from segments.methods import rfm
from segments.models import RfmScore


def compute_rfm(run: Run, engine: Engine) -> Outcome:
    """Write RfmScore rows of the run's platform."""
    platform = Platform.objects.get(key=run.scope)
    window = Window.before(run.as_of, timezone=platform.timezone)
    lines = history.scan("order_lines", window, platform=platform)
    customers = rfm.recency_frequency_money(lines, as_of=epoch_day(run.as_of))
    scores = rfm.scored(once(customers)).collect("polars").to_native()
    rows = scores.select(
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
    return Outcome(
        rows={"rfm_score": copy_rows(RfmScore, rows)},
        measures={"groups": dict(sorted(rows["group"].value_counts().iter_rows()))},
    )


register(Job(name="rfm", title="recency, frequency, money", compute=compute_rfm))
