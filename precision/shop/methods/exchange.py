"""Amounts of one currency in another, by dated rates.

A rate says what one unit of a currency was worth in a target from a day on. For an amount of some day:

1. The *direct* rate is the latest one not after the day, of the pair as given or turned around (1 / rate); where both
   ways have one of the same day, the pair as given.
2. Where there is none, the *cross* rate goes through one base currency: rate to the base times rate from the base to
   the target, each the latest not after the day. Longer chains are not followed.
3. Otherwise no rate is known: the result is null, and the rows are counted; 1.0 is never assumed. Only an amount that
   is in the target currency already has the rate 1.

Results are rounded half away from zero to 1/10,000 of the target's unit. A rate is a float here: it is exact to 15
digits, more than any published rate has.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import polars as pl

CURRENCY = "currency"  # String, of the amount
DAY = "day"  # Int64, days since 1970-01-01
RATE = "rate"  # Float64, units of the target for one unit of the currency; null: none known
ROWS = "rows"  # Int64

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What one unit of `currency` was worth in `target` from `day` (days since 1970-01-01) on."""

    currency: str
    target: str
    day: int
    rate: float

    def __post_init__(self) -> None:
        if not 0 < self.rate < float("inf"):
            raise ValueError(f"The rate of {self.currency} in {self.target} is {self.rate}, wanted above 0.")


@dataclass(frozen=True, slots=True)
class Converted:
    """A frame with the converted column, and which rows have none."""

    frame: nw.LazyFrame[Any]
    missing: nw.LazyFrame[Any]
    """CURRENCY (null: not given) and ROWS of the rows whose amount is known and whose rate is not."""


def common_base(rates: Iterable[Rate]) -> str | None:
    """Return the currency that stands in the most pairs (of equals the first by letter); None without rates."""
    pairs = {(rate.currency, rate.target) for rate in rates}
    counts = Counter(name for pair in pairs for name in set(pair))
    return min(counts, key=lambda name: (-counts[name], name)) if counts else None


def daily(rates: Iterable[Rate], *, target: str, base: str | None = None) -> pl.DataFrame:
    """Return CURRENCY, DAY, RATE into `target`: a row for each day from a currency's first rate to the last day.

    The last day is that of the newest rate of all; whoever looks a later day up takes the last. `base` None: the
    common base of the rates. The target itself is not in the table.
    """
    known = list(rates)
    through = base or common_base(known)
    directed = _directed(known)
    last = _last_day(known)
    rows: list[pl.DataFrame] = []
    for currency in sorted({name for pair in directed for name in pair} - {target}):
        direct = _steps(directed.get((currency, target)), last=last)
        cross = (
            _product(
                _steps(directed.get((currency, through)), last=last),
                _steps(directed.get((through, target)), last=last),
            )
            if through is not None and through not in {currency, target}
            else _steps(None, last=last)
        )
        both = pl.concat([direct.with_columns(way=pl.lit(0)), cross.with_columns(way=pl.lit(1))])
        best = both.sort(DAY, "way").unique(DAY, keep="first", maintain_order=True).drop("way")
        rows.append(best.select(pl.lit(currency).alias(CURRENCY), DAY, RATE))
    return (
        pl.concat(rows)
        if rows
        else pl.DataFrame(schema={CURRENCY: pl.String, DAY: pl.Int64, RATE: pl.Float64})
    )


def convert(
    frame: nw.LazyFrame[Any],
    rates: Iterable[Rate],
    *,
    target: str,
    amount: str,
    into: str | None = None,
    base: str | None = None,
) -> Converted:
    """Return the frame with `amount` (Int64, 1/10,000 of CURRENCY) in `target`, in the column `into`.

    The frame has CURRENCY (String) and DAY (Int64). `into` None replaces `amount`. An amount without a known rate, of
    no given currency, or that is null itself, becomes null; `missing` counts the first two. Nothing is computed before
    it is collected.
    """
    name = into or amount
    known = list(rates)
    table = daily(known, target=target, base=base)
    last = _last_day(known)
    lookup = nw.from_native(table.rename({DAY: "_day", RATE: "_rate"}).lazy())
    day = nw.when(nw.col(DAY) > last).then(nw.lit(last)).otherwise(nw.col(DAY)).cast(nw.Int64)
    rated = frame.with_columns(day.alias("_day")).join(lookup, on=[CURRENCY, "_day"], how="left")
    rate = nw.when(nw.col(CURRENCY) == target).then(nw.lit(1.0)).otherwise(nw.col("_rate"))
    rated = rated.with_columns(rate.alias("_rate"))
    missing = (
        rated.filter(nw.col("_rate").is_null() & ~nw.col(amount).is_null())
        .group_by(CURRENCY)
        .agg(nw.len().cast(nw.Int64).alias(ROWS))
    )
    exact = nw.col(amount).cast(nw.Float64) * nw.col("_rate")
    away = nw.when(exact < 0).then(exact - 0.5).otherwise(exact + 0.5).cast(nw.Int64)
    # What is in the target currency already is not sent through a float.
    value = nw.when(nw.col(CURRENCY) == target).then(nw.col(amount)).otherwise(away)
    return Converted(rated.with_columns(value.alias(name)).drop("_day", "_rate"), missing)


def _last_day(rates: Iterable[Rate]) -> int:
    """Return the day of the newest rate; 0 without any."""
    return max((rate.day for rate in rates), default=0)


def _directed(rates: Iterable[Rate]) -> Mapping[Pair, dict[int, float]]:
    """Return the rate of each day of each pair, both ways; a pair as given goes before one turned around."""
    found: dict[Pair, dict[int, float]] = {}
    given = list(rates)
    for rate in given:
        found.setdefault((rate.target, rate.currency), {})[rate.day] = 1 / rate.rate
    for rate in given:
        found.setdefault((rate.currency, rate.target), {})[rate.day] = rate.rate
    return found


def _steps(known: Mapping[int, float] | None, *, last: int) -> pl.DataFrame:
    """Return DAY and RATE of every day from the first known one to `last`, each the latest not after it."""
    table = pl.DataFrame(
        {DAY: list(known or ()), RATE: list((known or {}).values())}, schema={DAY: pl.Int64, RATE: pl.Float64}
    ).sort(DAY)
    if not table.height:
        return table
    days = pl.DataFrame({DAY: pl.int_range(table.get_column(DAY).item(0), last + 1, eager=True)})
    return days.join(table, on=DAY, how="left", maintain_order="left").with_columns(
        pl.col(RATE).forward_fill()
    )


def _product(first: pl.DataFrame, second: pl.DataFrame) -> pl.DataFrame:
    """Return the days that both have, with the product of their rates."""
    return first.join(second, on=DAY, suffix="_second").select(DAY, pl.col(RATE) * pl.col(f"{RATE}_second"))
