"""The band of price positions that somebody accepts, overall and in their favourite category."""

from datetime import date
from typing import Any

import narwhals as nw
import polars as pl

from precision.engine import runs
from precision.engine.reading import read_frame
from precision.engine.windows import epoch_day
from precision.shop import columns as c
from precision.shop.scopes import Scope
from segments.labels import own
from segments.labels.own import NUMBER, fact
from segments.labels.registry import Evidence, Source, register
from segments.methods import buying, favourites
from segments.methods import price_bands as p
from segments.methods.favourites import TIMES
from segments.methods.prices import PRICE_POSITION

JOB = "price-classes"
UNIT = "price position: 0 cheapest of the kind to 1 dearest"
WITHIN = (
    f"quantile of the price positions of the sold lines of {buying.WINDOW_DAYS} days, in {p.BINS} bins, with "
    f"{p.PRIOR_LINES} lines"
)
DEFINITIONS = (
    fact(
        p.LOW, "Accepted price band, low end", NUMBER, UNIT, f"{p.LOW_QUANTILE} {WITHIN} of everyone added."
    ),
    fact(
        p.HIGH,
        "Accepted price band, high end",
        NUMBER,
        UNIT,
        f"{p.HIGH_QUANTILE} {WITHIN} of everyone added.",
    ),
    fact(
        p.CATEGORY_LOW,
        "Accepted price band in the favourite category, low end",
        NUMBER,
        UNIT,
        f"{p.LOW_QUANTILE} {WITHIN} of the customer's own mixture added.",
    ),
    fact(
        p.CATEGORY_HIGH,
        "Accepted price band in the favourite category, high end",
        NUMBER,
        UNIT,
        f"{p.HIGH_QUANTILE} {WITHIN} of the customer's own mixture added.",
    ),
)


def frame(scope: Scope, as_of: date) -> pl.DataFrame:
    """Return the bands of everybody who bought goods with a price position in the last year; see `Source`."""
    return labels(scope.scan("order_lines", as_of, days=buying.WINDOW_DAYS), _positions(scope))


def labels(lines: "nw.LazyFrame[Any]", positions: "nw.LazyFrame[Any]") -> pl.DataFrame:
    """Return the bands from the order lines of a year, and PRODUCT with its PRICE_POSITION."""
    counts = own.once(p.binned(lines, positions))
    top = favourites.favourites(_by_category(lines), c.CATEGORY).select(c.CUSTOMER, c.CATEGORY)
    return own.eager(p.bands(counts, own.once(top)))


def evidence(scope: Scope, as_of: date, customer: int, key: str) -> Evidence | None:
    """Return the bins of the customer's lines and of everyone's; None where no line has a position."""
    positions = _positions(scope)
    lines = own.facts_of(scope, "order_lines", as_of, customer, days=buying.WINDOW_DAYS)
    mine = p.binned(lines, positions).collect("polars").to_native()
    if not mine.height:
        return None
    everybody = p.binned(scope.scan("order_lines", as_of, days=buying.WINDOW_DAYS), positions)
    told: dict[str, Any] = {
        "from": own.iso(epoch_day(as_of) - buying.WINDOW_DAYS),
        "until": as_of.isoformat(),
        "bins": p.BINS,
        "lines": _bins(mine),
        "everyones_lines": _bins(everybody.collect("polars").to_native()),
        "prior_lines": p.PRIOR_LINES,
    }
    if key in (p.LOW, p.HIGH):
        return told
    top = favourites.favourites(_by_category(lines), c.CATEGORY).collect("polars").to_native()
    inside = mine.filter(pl.col(c.CATEGORY).is_in(top[c.CATEGORY].to_list()))
    return {**told, "lines_in_category": _bins(inside)} if inside.height else None


def _by_category(lines: "nw.LazyFrame[Any]") -> "nw.LazyFrame[Any]":
    return buying.lines_of(buying.per_product(lines), c.CATEGORY)


def _bins(counts: pl.DataFrame) -> list[int]:
    found = dict(counts.group_by(p.BIN).agg(pl.col(TIMES).sum()).iter_rows())
    return [found.get(number, 0) for number in range(p.BINS)]


def _positions(scope: Scope) -> "nw.LazyFrame[pl.LazyFrame]":
    """Return PRODUCT and PRICE_POSITION of the scope's run in force; no rows before the first."""
    run = runs.published_ids(scope.key).get(JOB, 0)
    return nw.from_native(
        read_frame(f"""
            SELECT product_id AS {c.PRODUCT}, price_position AS {PRICE_POSITION}
            FROM precision_segments_productprice WHERE run_id = {run:d} AND price_position IS NOT NULL
        """).lazy()
    )


register(Source(name="price bands", definitions=DEFINITIONS, frame=frame, evidence=evidence))
