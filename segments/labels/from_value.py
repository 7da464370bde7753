"""Labels of value: what a customer is expected to order and to be worth within a year."""

from datetime import date

import polars as pl

from precision.engine.models import Run
from precision.shop import columns as c
from precision.shop.scopes import Scope
from segments import kept
from segments.labels.own import NUMBER
from segments.labels.registry import Definition, Evidence, Kind, Source, register
from segments.lifecycle import VALUE_JOB, worth
from segments.methods import histories as h

ALIVE, ORDERS, VALUE = "probability_alive", "expected_orders_365", "value_365"
COLUMNS = {ALIVE: "alive", ORDERS: "orders_365", VALUE: "value_365"}
DEFINITIONS = (
    Definition(
        key=ALIVE,
        title="Probability of being alive",
        kind=Kind.MODEL,
        type=NUMBER,
        unit="probability",
        formula="BG/NBD: 1 / (1 + a / (b + x − 1) × ((α + T) / (α + t)) ^ (r + x)), 1 for x = 0; x repeat orders, t "
        "days from first to last, T from first to the date.",
    ),
    Definition(
        key=ORDERS,
        title="Expected orders in 365 days",
        kind=Kind.MODEL,
        type=NUMBER,
        unit="days with an order",
        formula="BG/NBD, conditional expectation given x, t and T (Fader, Hardie, Lee 2005, formula 10).",
    ),
    Definition(
        key=VALUE,
        title="Customer value in 365 days",
        kind=Kind.MODEL,
        type=NUMBER,
        unit="currency of the shop",
        formula="Expected orders × expected value of an order by gamma-gamma, p (v + x m) / (p x + q − 1); before "
        "returns, not discounted.",
    ),
)


def frame(scope: Scope, as_of: date) -> pl.DataFrame:
    """Return the labels of everybody in the scope's run in force; no rows before the first."""
    found = kept.published(VALUE_JOB, scope.key, VALUE_JOB)
    if found is None:
        return pl.DataFrame(schema={c.CUSTOMER: pl.Int64, **dict.fromkeys(COLUMNS, pl.Float64)})
    return (
        found[1]
        .select(
            c.CUSTOMER,
            pl.col(COLUMNS[ALIVE]).alias(ALIVE),
            pl.col(COLUMNS[ORDERS]).alias(ORDERS),
            (pl.col(COLUMNS[VALUE]) / c.MONEY).alias(VALUE),
        )
        .collect()
    )


def evidence(scope: Scope, as_of: date, customer: int, key: str) -> Evidence | None:
    """Return the customer's history and the parameters of the models; None for somebody without a value."""
    found = kept.published(VALUE_JOB, scope.key, VALUE_JOB)
    rows = [] if found is None else found[1].filter(pl.col(c.CUSTOMER) == customer).collect().to_dicts()
    if found is None or not rows or rows[0][COLUMNS[key]] is None:
        return None
    row, run = rows[0], Run.objects.get(pk=found[0])
    model = worth.model_of(run)
    mean = row[h.MEAN_E4]
    parameters = {
        name: getattr(part, name)
        for part, names in ((model.purchases, ("r", "alpha", "a", "b")), (model.spend, ("p", "q", "v")))
        if part is not None
        for name in names
    }
    plain = {"daily_repeats": model.daily_repeats, "order_value": model.order_value}
    return {
        "run": run.pk,
        "as_of": run.as_of.isoformat(),
        "repeats": row[h.REPEATS],
        "recency_days": row[h.RECENCY_DAYS],
        "age_days": row[h.AGE_DAYS],
        "valued": row[h.VALUED],
        "mean_value": None if mean is None else mean / c.MONEY,
        "reason": model.reason,
        "parameters": parameters or plain,
    }


register(Source(name="value", definitions=DEFINITIONS, frame=frame, evidence=evidence))
