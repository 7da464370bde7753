"""What portraits are made of, counted every night: what people buy, and when and by what they are in contact."""

import narwhals as nw
import polars as pl

from precision.engine.backends import Engine
from precision.engine.jobs import Job, Outcome, register
from precision.engine.models import Run
from precision.engine.reading import read_frame
from precision.engine.windows import Window
from precision.shop import columns as c
from precision.shop import history, scopes
from precision.shop.scopes import Scope
from segments import kept, product_labels
from segments.jobs.frames import once
from segments.methods import habits
from segments.portraits import JOB, WINDOW_DAYS

GOODS = {c.PRODUCT: pl.Int64, **dict.fromkeys(product_labels.AFFINE, pl.String)}


def compute_portraits(run: Run, engine: Engine) -> Outcome:
    """Write the habits of the last WINDOW_DAYS as a file: a row a customer, dimension and value."""
    scope = scopes.read(run.scope)
    with history.snapshot():
        lines = once(scope.scan("order_lines", run.as_of, days=WINDOW_DAYS))
        events = scope.scan("events", run.as_of, days=WINDOW_DAYS)
        parts = [
            *habits.bought(lines, _goods(scope), labels=product_labels.AFFINE),
            *habits.ordered(lines),
            *habits.contacts(events, lines, _told(scope, run)),
        ]
        # One after the other: each is small, their sources are not.
        frame = pl.concat([part.collect("polars").to_native() for part in parts])
    # By value first: a search for who buys something reads a small part of the file.
    frame = frame.sort(habits.DIMENSION, habits.VALUE, c.CUSTOMER)
    kept.write(run, JOB, frame)
    counts = frame.group_by(habits.DIMENSION).agg(pl.col(c.CUSTOMER).n_unique().alias("people"))
    return Outcome(
        rows={},
        measures={
            "rows": frame.height,
            "people": dict(counts.sort(habits.DIMENSION).iter_rows()),
        },
        parameters={"days": WINDOW_DAYS},
    )


def _goods(scope: Scope) -> "nw.LazyFrame[pl.LazyFrame]":
    """Return the labels of the products of all platforms of the scope, from the runs in force."""
    tables = [product_labels.table(product_labels.published(platform)) for platform in scope.platforms]
    found = [table.select(*GOODS) for table in tables if table is not None]
    return nw.from_native(pl.concat([pl.LazyFrame(schema=GOODS), *found]))


def _told(scope: Scope, run: Run) -> "nw.LazyFrame[pl.LazyFrame]":
    """Return how often people were in contact by the channels of orders and messages: CUSTOMER, CHANNEL, TIMES."""
    frames = []
    for platform in scope.platforms:
        window = Window.before(run.as_of, days=WINDOW_DAYS, timezone=platform.timezone)
        within = f">= to_timestamp({window.start or 0:d}) AND {{0}} < to_timestamp({window.end:d})"
        frames.append(
            read_frame(f"""
                SELECT i.customer_id AS "{c.CUSTOMER}", k.channel AS "{c.CHANNEL}", sum(k.n)::bigint AS "{habits.TIMES}"
                FROM (
                    SELECT identity_id, channel, count(*) AS n FROM precision_shop_order
                    WHERE platform_id = {platform.pk:d} AND placed_at {within.format("placed_at")}
                      AND confirmed AND status NOT IN ('cancelled', 'returned') AND channel <> ''
                    GROUP BY 1, 2
                    UNION ALL
                    SELECT identity_id, channel, count(*) AS n FROM precision_shop_send
                    WHERE platform_id = {platform.pk:d} AND at {within.format("at")} AND channel <> ''
                    GROUP BY 1, 2
                ) k JOIN precision_shop_identity i ON i.id = k.identity_id
                GROUP BY 1, 2
            """)
        )
    return nw.from_native(pl.concat(frames).lazy())


register(
    Job(
        name=JOB,
        title="portraits",
        compute=compute_portraits,
        after=(product_labels.JOB,),
        overall=True,
    )
)
