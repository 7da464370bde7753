"""Stages of the life cycle, their changes, and weekly flows."""

from dataclasses import asdict
from typing import Any, Final

import narwhals as nw
import polars as pl

from precision.engine.backends import Engine
from precision.engine.copying import copy_rows
from precision.engine.jobs import Job, Outcome, register
from precision.engine.models import Run
from precision.engine.reading import read_frame
from precision.engine.windows import epoch_day
from precision.shop import columns as c
from precision.shop import history, scopes
from precision.shop.scopes import Scope
from segments import kept
from segments.jobs.frames import once
from segments.lifecycle import JOB, ROW_DAYS, flow, stages, versions
from segments.lifecycle.rule import StageRule
from segments.lifecycle.standing import FILE_ONLY, due_next, limited, standing
from segments.methods import gaps
from segments.models import StageChange, StageFlow, StageNow

JUDGED_DAYS: Final = 180
"""Gaps that ended in so many days before the run are held against the limits that were told for them."""
LAST_SEEN = "last_seen"  # Int64, day of the last behaviour, registration or order
BY_CATEGORY: Final = (c.CUSTOMER, c.CATEGORY)


def compute_lifecycle(run: Run, engine: Engine) -> Outcome:
    """Write the stages of everybody as a file, and StageNow, StageChange and StageFlow rows."""
    scope = scopes.read(run.scope)
    rule, as_of = versions.current(run.scope), epoch_day(run.as_of)
    with history.snapshot():
        bought = once(gaps.visits(scope.scan("order_lines", run.as_of), as_of=as_of))
        met = once(_met(scope, run))
    model = gaps.fit(bought, fallback_days=rule.fallback_days)
    purchases = once(limited(gaps.expectations(bought, model), rule))
    asked = met.select(c.CUSTOMER, nw.col("_asked").alias(c.DAY)).filter(~nw.col(c.DAY).is_null())
    changed = stages.changes(met.select(c.CUSTOMER, c.DAY), asked, purchases, as_of=as_of)
    changes = changed.collect("polars").to_native()
    frame = standing(
        changes,
        asked.collect("polars").to_native(),
        _last(purchases),
        _due(bought, rule, as_of=as_of),
        as_of=as_of,
    )
    kept.write(run, JOB, frame)
    lately = _seen(met, purchases).filter(pl.col(LAST_SEEN) >= as_of - ROW_DAYS).select(c.CUSTOMER)
    return Outcome(
        rows={
            "stage_now": copy_rows(StageNow, _rows(run, frame.join(lately, on=c.CUSTOMER, how="semi"))),
            "stage_change": copy_rows(
                StageChange, _changes(run, changes.join(lately, on=c.CUSTOMER, how="semi"))
            ),
            "stage_flow": copy_rows(StageFlow, _flows(run, changes)),
        },
        measures={
            "customers": frame.height,
            "stages": dict(sorted(frame[stages.STAGE].value_counts().iter_rows())),
            "limits": _judged(purchases.collect("polars").to_native(), as_of=as_of),
        },
        parameters={"rule": asdict(rule), "gaps": asdict(model), "row_days": ROW_DAYS},
    )


def _met(scope: Scope, run: Run) -> "nw.LazyFrame[Any]":
    """Return CUSTOMER, DAY of the first behaviour or registration, `_asked`, the first day of asking, and LAST_SEEN."""
    events = scope.scan("events", run.as_of)
    asking = nw.when(nw.col(c.EVENT).is_in(stages.ASKING)).then(nw.col(c.DAY))
    behaved = events.select(c.CUSTOMER, c.DAY, asking.cast(nw.Int64).alias("_asked"))
    registered = nw.from_native(_registered(scope, epoch_day(run.as_of)).lazy())
    both = nw.concat([behaved, registered]).filter(~nw.col(c.CUSTOMER).is_null())
    return both.group_by(c.CUSTOMER).agg(
        nw.col(c.DAY).min(), nw.col("_asked").min(), nw.col(c.DAY).max().alias(LAST_SEEN)
    )


def _registered(scope: Scope, as_of: int) -> pl.DataFrame:
    """Return when people registered before the day, as the platforms told: CUSTOMER, DAY, `_asked` (the same)."""
    frames = []
    for platform in scope.platforms:
        told = read_frame(f"""
            SELECT i.customer_id AS "{c.CUSTOMER}", extract(epoch FROM p.registered_at)::bigint AS "{c.SECONDS}"
            FROM precision_shop_profile p JOIN precision_shop_identity i ON i.id = p.identity_id
            WHERE i.platform_id = {platform.pk:d} AND p.registered_at IS NOT NULL
        """)
        local = pl.from_epoch(c.SECONDS).dt.replace_time_zone("UTC").dt.convert_time_zone(platform.timezone)
        day = local.dt.date().cast(pl.Int32).cast(pl.Int64)
        frames.append(told.select(c.CUSTOMER, day.alias(c.DAY), day.alias("_asked")))
    return pl.concat(frames).filter(pl.col(c.DAY) < as_of)


def _last(purchases: "nw.LazyFrame[Any]") -> pl.DataFrame:
    """Return what is expected after the last order of each customer."""
    last = purchases.filter(nw.col(gaps.NEXT_DAY).is_null()).drop(gaps.NEXT_DAY)
    found: pl.DataFrame = last.collect("polars").to_native()
    return found


def _due(bought: "nw.LazyFrame[Any]", rule: StageRule, *, as_of: int) -> pl.DataFrame:
    """Return the categories due next of each customer."""
    model = gaps.fit(bought, by=BY_CATEGORY, fallback_days=rule.fallback_days)
    expected = limited(gaps.expectations(bought, model, by=BY_CATEGORY), rule)
    return due_next(_last(expected), as_of=as_of)


def _seen(met: "nw.LazyFrame[Any]", purchases: "nw.LazyFrame[Any]") -> pl.DataFrame:
    """Return the day on which each customer was last seen: CUSTOMER, LAST_SEEN."""
    ordered = purchases.select(c.CUSTOMER, nw.col(c.DAY).alias(LAST_SEEN))
    both = nw.concat([met.select(c.CUSTOMER, LAST_SEEN), ordered])
    found: pl.DataFrame = both.group_by(c.CUSTOMER).agg(nw.col(LAST_SEEN).max()).collect("polars").to_native()
    return found


def _judged(purchases: pl.DataFrame, *, as_of: int) -> dict[str, Any]:
    """Return how many of the gaps that ended lately were within the limits told for them beforehand."""
    ended = purchases.filter(
        pl.col(gaps.NEXT_DAY).is_not_null() & (pl.col(gaps.NEXT_DAY) >= as_of - JUDGED_DAYS)
    )
    gap = pl.col(gaps.NEXT_DAY) - pl.col(c.DAY)
    if ended.is_empty():
        return {"days": JUDGED_DAYS, "gaps": 0, "within_retention": None, "within_win_back": None}
    first, second = ended.select(
        (gap <= pl.col(stages.LIMIT_DAYS)).mean().alias("first"),
        (gap <= pl.col(stages.WIN_BACK_DAYS)).mean().alias("second"),
    ).row(0)
    return {"days": JUDGED_DAYS, "gaps": ended.height, "within_retention": first, "within_win_back": second}


def _rows(run: Run, frame: pl.DataFrame) -> pl.DataFrame:
    return (
        frame.drop(FILE_ONLY).rename({c.CUSTOMER: "customer_id"}).with_columns(pl.lit(run.pk).alias("run_id"))
    )


def _changes(run: Run, changes: pl.DataFrame) -> pl.DataFrame:
    return changes.sort(c.CUSTOMER, c.DAY).select(
        pl.lit(run.pk).alias("run_id"),
        pl.col(c.CUSTOMER).alias("customer_id"),
        pl.col(c.DAY).cast(pl.Int32).cast(pl.Date),
        stages.FROM_STAGE,
        stages.STAGE,
    )


def _flows(run: Run, changes: pl.DataFrame) -> pl.DataFrame:
    found: pl.DataFrame = flow.weekly(nw.from_native(changes.lazy())).collect("polars").to_native()
    return found.sort(flow.WEEK, stages.FROM_STAGE, stages.STAGE).select(
        pl.lit(run.pk).alias("run_id"),
        pl.col(flow.WEEK).cast(pl.Int32).cast(pl.Date),
        stages.FROM_STAGE,
        stages.STAGE,
        flow.PEOPLE,
    )


register(Job(name=JOB, title="life cycle", compute=compute_lifecycle, overall=True))
