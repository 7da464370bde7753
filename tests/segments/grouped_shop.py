"""Runs whose results are written by hand, for tests of segments."""

from datetime import date
from typing import Any

import polars as pl

from precision.engine import jobs, runs
from precision.engine.models import Run
from precision.shop import columns as c
from precision.shop.models import Identity, Platform
from segments import snapshots
from segments.models import Segment

AS_OF = date(2026, 4, 1)
LABELS = {
    c.CUSTOMER: pl.Int64,
    "recency_days": pl.Int64,
    "price_class": pl.String,
    "last_seen_days": pl.Int64,
}


def label(scope: str, rows: dict[Identity, dict[str, Any]], *, as_of: date = AS_OF) -> Run:
    """Publish these labels of these people."""
    run = Run.objects.create(job=snapshots.JOB, scope=scope, as_of=as_of, status="published")
    frame = pl.DataFrame(
        [{**dict.fromkeys(LABELS), c.CUSTOMER: who.customer_id, **values} for who, values in rows.items()],
        schema=LABELS,
    )
    snapshots.write(run, frame)
    runs.point(run)
    return run


def segment(platform: Platform, key: str, condition: Any = None, **fields: Any) -> Segment:
    """Add a segment; without a condition it is a list."""
    return Segment.objects.create(
        platform=platform, key=key, name=key, condition=condition, static=condition is None, **fields
    )


def night(scope: str, *names: str, as_of: date = AS_OF) -> Run:
    """Run the jobs; return the run of the last one."""
    done = None
    for name in names or ("behaviour", "segments"):
        done = jobs.run(jobs.nightly([name])[0], scope, as_of)
    assert done is not None
    return done
