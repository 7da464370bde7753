"""What people did, counted by day, every night: what behaviour terms of segments are counted from."""

from typing import Final

import polars as pl

from precision.engine.backends import Engine
from precision.engine.jobs import Job, Outcome, register
from precision.engine.models import Run
from precision.shop import columns as c
from precision.shop import history, scopes
from segments import behaviour
from segments.methods import behaviour as m

MOST_NAMES: Final = 1_000
"""Names of events that a run remembers."""


def compute_behaviour(run: Run, engine: Engine) -> Outcome:
    """Write the run's files of events and orders, each counted by customer, day, product, store and channel."""
    scope = scopes.read(run.scope)
    events: pl.DataFrame = (
        # An order told as an event is an order; as an event it would count twice.
        m.of_events(scope.scan("events", run.as_of), leave_out=[behaviour.ORDER_COMPLETED])
        .collect("polars")
        .to_native()
    )
    orders: pl.DataFrame = m.of_orders(scope.scan("order_contents", run.as_of)).collect("polars").to_native()
    behaviour.write(run, events, orders)
    names = events[c.EVENT].unique().drop_nulls().sort().head(MOST_NAMES).to_list()
    return Outcome(
        measures={
            "events": names,
            "rows": {"events": events.height, "orders": orders.height},
            "customers": pl.concat([events[c.CUSTOMER], orders[c.CUSTOMER]]).n_unique(),
        },
        parameters={"horizons": {each.key: history.horizon(each) for each in scope.platforms}},
    )


register(Job(name=behaviour.JOB, title="behaviour by day", compute=compute_behaviour, overall=True))
