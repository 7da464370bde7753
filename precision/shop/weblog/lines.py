"""Lines of a log taken apart: who, when, what, from where. Pure: frames in, frames out."""

from datetime import datetime
from typing import Final

import polars as pl

from precision.shop.importing import values
from precision.shop.records import Field, Type
from precision.shop.weblog.pattern import LogPattern

LINE: Final = "line"
TIME: Final = Field(name="time", type=Type.TIME)
COMMON: Final = "%d/%b/%Y:%H:%M:%S %z"
EPOCH: Final = "epoch"
UNREADABLE: Final = "unreadable_line"
REASON: Final = "The line does not look as the pattern says."
_REQUEST: Final = r"^(?P<method>[A-Za-z]+) (?P<target>\S+)"
_HOST: Final = r"^[A-Za-z][A-Za-z0-9+.\-]*://[^/?#]*"


def parse(frame: pl.DataFrame, pattern: LogPattern, *, timezone: str, now: datetime) -> pl.DataFrame:
    """Return the frame with `ip`, `agent`, `at`, `method`, `target`, `status`, `referrer` and `code`.

    `line` holds the texts. `code` says why a line cannot be used, null where it can; what a pattern does not tell, and
    what a log writes as `-`, is null. `timezone` is that of times without one, `now` bounds what lies in the future.
    """
    names = pattern.groups
    read = frame.lazy().with_columns(pl.col(LINE).str.extract_groups(pattern.expression).alias("found"))
    made = read.unnest("found").collect()
    if "request" in names:
        made = made.with_columns(pl.col("request").str.extract_groups(_REQUEST).alias("found")).unnest(
            "found"
        )
    made = made.with_columns(
        pl.lit(None, pl.String).alias(name)
        for name in ("agent", "status", "referrer", "method", "target")
        if name not in made.columns
    ).with_columns(
        pl.when(pl.col(name) != "-").then(pl.col(name)).alias(name)
        for name in ("ip", "agent", "referrer", "target", "status")
    )
    times = _times(made, pattern, timezone=timezone, now=now)
    unread = pl.col("ip").is_null() | (pl.col("target").is_null() & pl.col("read").is_null())
    return (
        made.select(
            *frame.columns,
            "ip",
            "agent",
            "referrer",
            pl.col("method").str.to_uppercase(),
            pl.col("target").str.replace(_HOST, ""),
            pl.col("status").cast(pl.Int32, strict=False),
            pl.lit(times.get_column("value")).alias("at"),
            pl.lit(times.get_column("code")).alias("code"),
            read=pl.col("request" if "request" in names else "target"),
        )
        .with_columns(
            pl.when(unread | (pl.col("code").is_null() & pl.col("at").is_null()))
            .then(pl.lit(UNREADABLE))
            .otherwise("code")
            .alias("code")
        )
        .drop("read")
    )


def _times(made: pl.DataFrame, pattern: LogPattern, *, timezone: str, now: datetime) -> pl.DataFrame:
    """Return `value` and `code` of the times."""
    if "date" in made.columns:
        texts = made.select(pl.concat_str("date", "clock", separator=" ")).to_series()
    else:
        texts = made.get_column("time")
    form = pattern.time_format
    if form == EPOCH:
        seconds = pl.DataFrame({"t": texts.cast(pl.Float64, strict=False)})
        stamps = seconds.select((pl.col("t") * 1_000_000).cast(pl.Int64, strict=False))
        moments = stamps.to_series().cast(pl.Datetime("us", "UTC"))
        return values.read(moments, TIME, timezone=timezone, now=now, time_format=None)
    if form is None and texts.head(1_000).str.contains(r"^\d{1,2}/[A-Za-z]{3}/").any():
        form = COMMON
    if form is None or "%z" not in form:
        return values.read(texts, TIME, timezone=timezone, now=now, time_format=form)
    distinct = texts.unique().drop_nulls()
    moments = distinct.str.to_datetime(form, time_unit="us", strict=False).dt.convert_time_zone("UTC")
    known = pl.DataFrame({"text": distinct, "value": moments})
    found = texts.to_frame("text").join(known, on="text", how="left", maintain_order="left")
    return values.read(found.get_column("value"), TIME, timezone=timezone, now=now, time_format=None)
