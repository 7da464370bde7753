"""Recency, frequency and money, their fifths and groups, from the published run."""

from datetime import date

import polars as pl

from precision.engine import runs
from precision.engine.reading import read_frame
from precision.shop import columns as c
from precision.shop.scopes import Scope
from segments.labels import own
from segments.labels.own import NUMBER, TEXT, fact
from segments.labels.registry import Definition, Evidence, Kind, Source, register
from segments.methods import buying, rfm
from segments.models import RfmScore

JOB = "rfm"
MONEY = "money"
FIFTH = "1 + ⌊5 × (share of customers who are worse + half the share of those who are equal)⌋"
DEFINITIONS = (
    fact(rfm.RECENCY_DAYS, "Recency", NUMBER, "days", "Date − day of the last order with a sold line."),
    fact(rfm.FREQUENCY, "Frequency", NUMBER, "orders", "Orders with a sold line, ever."),
    fact(
        MONEY,
        "Money",
        NUMBER,
        "currency of the shop",
        "Sum of the amounts of all order lines, what came back being negative.",
    ),
    fact(
        rfm.RECENCY_SCORE,
        "Fifth of recency",
        NUMBER,
        "1 long ago to 5 lately",
        f"{FIFTH}, fewer days being better.",
    ),
    fact(rfm.FREQUENCY_SCORE, "Fifth of frequency", NUMBER, "1 to 5", f"{FIFTH}, more orders being better."),
    fact(rfm.MONEY_SCORE, "Fifth of money", NUMBER, "1 to 5", f"{FIFTH}, more money being better."),
    Definition(
        key=rfm.RFM_GROUP,
        title="Group by recency, frequency, money",
        kind=Kind.RULE,
        type=TEXT,
        formula="The first of the named groups whose bounds hold the three fifths.",
        values=tuple(group.key for group in rfm.GROUPS),
    ),
)
SCORED = {rfm.RECENCY_SCORE: rfm.RECENCY_DAYS, rfm.FREQUENCY_SCORE: rfm.FREQUENCY, rfm.MONEY_SCORE: MONEY}


def frame(scope: Scope, as_of: date) -> pl.DataFrame:
    """Return the labels of everybody in the scope's run in force; no rows before the first."""
    run = runs.published_ids(scope.key).get(JOB, 0)
    return read_frame(f"""
        SELECT customer_id AS {c.CUSTOMER}, recency_days::bigint, frequency::bigint,
               money::double precision / {c.MONEY:d} AS money, recency_score::bigint, frequency_score::bigint,
               money_score::bigint, "group" AS rfm_group
        FROM precision_segments_rfmscore WHERE run_id = {run:d}
    """)


def evidence(scope: Scope, as_of: date, customer: int, key: str) -> Evidence | None:
    """Return the orders, the rivals or the fifths behind a label; None for somebody whom the run has not."""
    run = runs.published(JOB, scope.key)
    row = RfmScore.objects.filter(run=run, customer_id=customer).first() if run else None
    if run is None or row is None:
        return None
    about = {"run": run.pk, "as_of": run.as_of.isoformat()}
    if key == rfm.RFM_GROUP:
        return {**about, **{score: getattr(row, score) for score in SCORED}}
    if key in SCORED:
        figure = SCORED[key]
        value = getattr(row, figure)
        everybody = RfmScore.objects.filter(run=run)
        worse = "gt" if figure == rfm.RECENCY_DAYS else "lt"
        return {
            **about,
            figure: float(value) if figure == MONEY else value,
            "worse": everybody.filter(**{f"{figure}__{worse}": value}).count(),
            "equal": everybody.filter(**{figure: value}).count(),
            "everybody": everybody.count(),
        }
    lines = own.facts_of(scope, "order_lines", run.as_of, customer)
    orders = buying.per_order(lines).collect("polars").to_native().sort(c.DAY)
    if key == MONEY:
        amounts = [amount / c.MONEY for amount in orders[buying.NET].to_list()]
        return {**about, "amounts": amounts}
    days = [own.iso(day) for day in orders.filter(pl.col(buying.LINES) > 0)[c.DAY].to_list()]
    return {**about, "orders": days}


register(Source(name="rfm", definitions=DEFINITIONS, frame=frame, evidence=evidence))
