"""Labels of the life cycle: the stage, how long, the own gap between orders, and what is expected next."""

from datetime import date
from typing import Any

import narwhals as nw
import polars as pl

from precision.engine.models import Run
from precision.engine.windows import epoch_day
from precision.shop import columns as c
from precision.shop.models import Category
from precision.shop.scopes import Scope
from segments import kept
from segments.labels import own
from segments.labels.own import NUMBER, TEXT
from segments.labels.registry import Definition, Evidence, Kind, Source, register
from segments.lifecycle import JOB
from segments.lifecycle import standing as s
from segments.lifecycle.stages import LIMIT_DAYS, STAGE, WIN_BACK_DAYS, Stage
from segments.methods import gaps

SINCE_DAYS, GAP, PAST_GAP = "stage_since_days", "expected_gap_days", "days_past_gap"
NEXT_IN, NEXT_CATEGORY = "next_order_in_days", "next_category"
DEFINITIONS = (
    Definition(
        key=STAGE,
        title="Stage of the life cycle",
        kind=Kind.RULE,
        type=TEXT,
        formula="Contact: behaviour only. Acquisition: inquired, registered or cart. Development: the days since the "
        "last order are within the own limit; retention: past it; win-back: past the second limit.",
        values=tuple(Stage),
    ),
    Definition(
        key=SINCE_DAYS,
        title="Days in the stage",
        kind=Kind.RULE,
        type=NUMBER,
        unit="days",
        formula="Date − first day of the stage.",
    ),
    Definition(
        key=GAP,
        title="Expected gap between orders",
        kind=Kind.MODEL,
        type=NUMBER,
        unit="days",
        formula="exp((sum of ln own gaps / σ² + m / τ²) / (own gaps / σ² + 1 / τ²)): the median of the own next gap, "
        "shrunk to m, that of the categories bought.",
    ),
    Definition(
        key=PAST_GAP,
        title="Days past the own limit",
        kind=Kind.MODEL,
        type=NUMBER,
        unit="days",
        formula="Whole days without an order since the last one − the own limit of retention; negative: days left.",
    ),
    Definition(
        key=NEXT_IN,
        title="Next order in",
        kind=Kind.MODEL,
        type=NUMBER,
        unit="days",
        formula="Day by which half of those with this gap and silence have ordered − date; unknown in win-back.",
    ),
    Definition(
        key=NEXT_CATEGORY,
        title="Category due next",
        kind=Kind.MODEL,
        type=TEXT,
        formula="Among the categories bought on two days or more, the one whose next order is expected first.",
    ),
)


def frame(scope: Scope, as_of: date) -> pl.DataFrame:
    """Return the labels of everybody in the scope's run in force; no rows before the first."""
    found = kept.published(JOB, scope.key, JOB)
    if found is None:
        empty = {each.key: pl.String if each.type == TEXT else pl.Int64 for each in DEFINITIONS}
        return pl.DataFrame(schema={c.CUSTOMER: pl.Int64, **empty, GAP: pl.Float64})
    names = own.categories(scope).rename({"name": NEXT_CATEGORY}).lazy()
    today = pl.lit(as_of)
    return (
        found[1]
        .with_columns(pl.col(s.NEXT_CATEGORIES).list.first().alias(c.CATEGORY))
        .join(names, on=c.CATEGORY, how="left")
        .select(
            c.CUSTOMER,
            STAGE,
            (today - pl.col(s.SINCE)).dt.total_days().alias(SINCE_DAYS),
            pl.col(s.GAP_DAYS).alias(GAP),
            (_silence(today) - pl.col(LIMIT_DAYS)).alias(PAST_GAP),
            (pl.col(s.EXPECTED_AT) - today).dt.total_days().alias(NEXT_IN),
            NEXT_CATEGORY,
        )
        .collect()
    )


def evidence(scope: Scope, as_of: date, customer: int, key: str) -> Evidence | None:
    """Return the days, gaps and parameters behind a label; None for somebody whom the run has not, or no value."""
    found = kept.published(JOB, scope.key, JOB)
    rows = [] if found is None else found[1].filter(pl.col(c.CUSTOMER) == customer).collect().to_dicts()
    if found is None or not rows:
        return None
    row, run = rows[0], Run.objects.get(pk=found[0])
    about = {"run": run.pk, "as_of": as_of.isoformat()}
    days = {name: _iso(row[name]) for name in (s.ASKED, s.LAST_ORDER, s.SINCE)}
    silence = {"last_order": days[s.LAST_ORDER], LIMIT_DAYS: row[LIMIT_DAYS]}
    if key == STAGE:
        return {**about, **days, LIMIT_DAYS: row[LIMIT_DAYS], WIN_BACK_DAYS: row[WIN_BACK_DAYS]}
    if key == SINCE_DAYS:
        return {**about, STAGE: row[STAGE], s.SINCE: days[s.SINCE]}
    if row[s.LAST_ORDER] is None:
        return None
    if key == PAST_GAP:
        return {**about, **silence}
    if key == GAP:
        return {**about, **_own_gaps(scope, run, customer), "usual_log": row[gaps.PRIOR], **_variances(run)}
    if key == NEXT_IN and row[s.EXPECTED_AT] is not None:
        spread = {"gap_days": row[s.GAP_DAYS], "spread": row[gaps.SPREAD]}
        return {**about, **silence, **spread, "expected_at": _iso(row[s.EXPECTED_AT])}
    if key == NEXT_CATEGORY and row[s.NEXT_CATEGORIES]:
        return {**about, "categories": _due(row)}
    return None


def _own_gaps(scope: Scope, run: Run, customer: int) -> dict[str, Any]:
    """Return the days between the orders of a customer before the run."""
    lines = own.facts_of(scope, "order_lines", run.as_of, customer)
    bought = gaps.visits(lines, as_of=epoch_day(run.as_of))
    days = own.eager(bought.group_by(c.DAY).agg(nw.len())).sort(c.DAY)[c.DAY]
    return {"gaps": days.diff().drop_nulls().to_list()}


def _variances(run: Run) -> dict[str, float]:
    """Return the variances of the model of the run."""
    told = run.parameters["gaps"]
    return {"within": told["within"], "between": told["between"]}


def _due(row: dict[str, Any]) -> dict[str, str]:
    """Return the day on which each category is expected."""
    named = Category.objects.in_bulk(row[s.NEXT_CATEGORIES])
    pairs = zip(row[s.NEXT_CATEGORIES], row[s.NEXT_EXPECTED], strict=True)
    return {str(named[key]): day.isoformat() for key, day in pairs if key in named}


def _silence(today: pl.Expr) -> pl.Expr:
    """Return the whole days without an order since the last one."""
    return (today - pl.col(s.LAST_ORDER)).dt.total_days() - 1


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


register(Source(name="lifecycle", definitions=DEFINITIONS, frame=frame, evidence=evidence))
