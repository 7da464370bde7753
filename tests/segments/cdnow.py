"""The CDNOW sample, from the files inside the wheel of `lifetimes`, whose code is not run."""

from datetime import date
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from precision.shop import columns as c
from segments.methods import histories
from segments.methods.value import Buyers

LAST_DAY = date(1997, 9, 30)
"""Of the 39 weeks that the models are fitted to; the next 39 are held out."""


def _folder() -> Path:
    found = find_spec("lifetimes")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "datasets"


@cache
def summary() -> Buyers:
    """Return the published summary of 39 weeks, times in weeks."""
    rows = pl.read_csv(_folder() / "cdnow_customers_summary_with_transactions.csv")
    x, t_x, t, mean = (rows[name].cast(pl.Float64).to_numpy() for name in ("x", "t_x", "T", "zbar"))
    return Buyers(repeats=x, recency=t_x, age=t, valued=np.where(mean > 0, x, 0), mean=mean)


@cache
def lines() -> pl.DataFrame:
    """Return the single purchases of 78 weeks as order lines."""
    rows = [text.split() for text in (_folder() / "CDNOW_sample.txt").read_text().splitlines()]
    days = [
        (date(int(row[2][:4]), int(row[2][4:6]), int(row[2][6:])) - date(1970, 1, 1)).days for row in rows
    ]
    return pl.DataFrame(
        {
            c.CUSTOMER: [int(row[1]) for row in rows],
            c.DAY: days,
            c.AMOUNT_E4: [round(float(row[4]) * c.MONEY) for row in rows],
            c.RETURNED: [False] * len(rows),
        }
    )


def days() -> Any:
    """Return the days with an order."""
    return histories.order_days(nw.from_native(lines().lazy()))
