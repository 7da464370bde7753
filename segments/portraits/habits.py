"""What a customer and everyone do, from the habits that the job counted: goods, channels, hours."""

from typing import Any, Final

import polars as pl

from precision.shop import columns as c
from precision.shop.api.freshness import Cache
from segments import kept
from segments.methods import habits as h

JOB: Final = "portraits"
WINDOW_DAYS: Final = 365
"""Days of orders and contacts that portraits look at."""
MONEY_DIMENSIONS: Final = ("category", "brand", "price_tier", h.ORDER_HOUR, h.ORDER_WEEKDAY)
CONTACT_DIMENSIONS: Final = (h.CHANNEL, h.HOUR)
TOP: Final = 10

# Sums over the file of a run, which never changes.
_everyone: Cache[int, pl.DataFrame] = Cache(seconds=None, most=100)


def published(scope: str) -> tuple[int, pl.LazyFrame] | None:
    """Return the run in force and its habits; None before the first. One query."""
    return kept.published(JOB, scope, JOB)


def everyone(run: int, frame: pl.LazyFrame) -> pl.DataFrame:
    """Return DIMENSION, VALUE, TIMES, WEIGHT and `people` of all customers together; kept per run."""
    return _everyone.get(
        run,
        lambda: (
            frame.group_by(h.DIMENSION, h.VALUE)
            .agg(
                pl.col(h.TIMES).sum(),
                pl.col(h.WEIGHT).clip(lower_bound=0).sum(),
                pl.len().cast(pl.Int64).alias("people"),
            )
            .collect()
        ),
    )


def of_customer(scope: str, customer: int) -> dict[str, Any] | None:
    """Return the media contact and the buying habits of a customer beside everyone's; None before the first run.

    `contacts`: by channel and by hour, each entry with its value, contacts, share of contacts, share of time (None
    where nobody's dwell was told), the same two of everyone, and the lift. `goods`: by each label of goods, the share
    of order lines and of money. Entries come the largest first, hours in order. One query and a pass over the file.
    """
    found = published(scope)
    if found is None:
        return None
    run, frame = found
    own = (
        frame.filter(pl.col(c.CUSTOMER) == customer).select(h.DIMENSION, h.VALUE, h.TIMES, h.WEIGHT).collect()
    )
    all_ = everyone(run, frame)
    return {
        "days": WINDOW_DAYS,
        "contacts": {name: _beside(own, all_, name, "time") for name in CONTACT_DIMENSIONS},
        "goods": {name: _beside(own, all_, name, "money") for name in MONEY_DIMENSIONS},
    }


def _beside(own: pl.DataFrame, everyone: pl.DataFrame, dimension: str, weight: str) -> list[dict[str, Any]]:
    """Return the entries of one dimension."""
    here = own.filter(pl.col(h.DIMENSION) == dimension)
    there = everyone.filter(pl.col(h.DIMENSION) == dimension)
    if not here.height:
        return []
    times, spent = here[h.TIMES].sum(), here[h.WEIGHT].clip(0).sum()
    all_times, all_spent = there[h.TIMES].sum(), there[h.WEIGHT].sum()
    usual = {row[0]: row[1:] for row in there.select(h.VALUE, h.TIMES, h.WEIGHT).iter_rows()}
    entries = [
        {
            "value": value,
            "times": count,
            "share": count / times,
            f"{weight}_share": max(amount, 0) / spent if spent else None,
            "everyone_share": usual[value][0] / all_times,
            f"everyone_{weight}_share": usual[value][1] / all_spent if all_spent else None,
            "lift": (count / times) / (usual[value][0] / all_times),
        }
        for value, count, amount in here.select(h.VALUE, h.TIMES, h.WEIGHT).iter_rows()
    ]
    if dimension in {h.HOUR, h.ORDER_HOUR, h.ORDER_WEEKDAY}:
        return sorted(entries, key=lambda entry: int(str(entry["value"])))
    return sorted(entries, key=lambda entry: (-entry["times"], str(entry["value"])))[:TOP]
