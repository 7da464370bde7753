"""Recency, frequency and money, their fifths and groups, from the published run."""

from datetime import date

import polars as pl

from precision.engine.models import Run
from precision.shop import columns as c
from precision.shop.scopes import Scope
from segments import kept
from segments.conditions import LabelType
from segments.labels import own
from segments.labels.own import NUMBER, TEXT, fact
from segments.labels.registry import Definition, Evidence, Kind, Source, register
from segments.methods import buying, rfm

JOB = "rfm"
TYPES = {LabelType.NUMBER: pl.Float64, LabelType.TEXT: pl.String}
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
    found = kept.published(JOB, scope.key, JOB)
    if found is None:
        return pl.DataFrame(
            schema={c.CUSTOMER: pl.Int64, **{each.key: TYPES[each.type] for each in DEFINITIONS}}
        )
    return _with_money(found[1]).select(c.CUSTOMER, *(each.key for each in DEFINITIONS)).collect()


def evidence(scope: Scope, as_of: date, customer: int, key: str) -> Evidence | None:
    """Return the orders, the rivals or the fifths behind a label; None for somebody whom the run has not."""
    found = kept.published(JOB, scope.key, JOB)
    if found is None:
        return None
    everybody = _with_money(found[1])
    rows = everybody.filter(pl.col(c.CUSTOMER) == customer).collect().to_dicts()
    if not rows:
        return None
    row, run = rows[0], Run.objects.get(pk=found[0])
    about = {"run": run.pk, "as_of": run.as_of.isoformat()}
    if key == rfm.RFM_GROUP:
        return {**about, **{score: row[score] for score in SCORED}}
    if key in SCORED:
        figure = SCORED[key]
        value = pl.lit(row[figure])
        worse = pl.col(figure) > value if figure == rfm.RECENCY_DAYS else pl.col(figure) < value
        counts = everybody.select(
            worse.sum().alias("worse"),
            (pl.col(figure) == value).sum().alias("equal"),
            pl.len().alias("everybody"),
        ).collect()
        return {**about, figure: row[figure], **counts.row(0, named=True)}
    lines = own.facts_of(scope, "order_lines", run.as_of, customer)
    orders = buying.per_order(lines).collect("polars").to_native().sort(c.DAY)
    if key == MONEY:
        amounts = [amount / c.MONEY for amount in orders[buying.NET].to_list()]
        return {**about, "amounts": amounts}
    days = [own.iso(day) for day in orders.filter(pl.col(buying.LINES) > 0)[c.DAY].to_list()]
    return {**about, "orders": days}


def _with_money(everybody: pl.LazyFrame) -> pl.LazyFrame:
    return everybody.with_columns((pl.col(rfm.MONEY_E4) / c.MONEY).alias(MONEY))


register(Source(name="rfm", definitions=DEFINITIONS, frame=frame, evidence=evidence))
