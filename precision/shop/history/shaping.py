"""Rows as PostgreSQL gives them into rows of the lake: local times, amounts, digests, one row an item.

Pure: frames in, frames out. The frames that come in have `platform` and AT (timestamp, UTC); those that go out have
`platform`, `month` (year × 100 + month, UTC) and the columns of their table, rows of one platform and month together.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping

import polars as pl

from precision.shop import columns as c
from precision.shop.history import layout

PLATFORM = "platform"
MONTH = "month"
AT = "at"
HOUR_S = 3_600
DAY_S = 86_400


def local_columns(frame: pl.DataFrame, *, timezone: str) -> pl.DataFrame:
    """Return the frame with DAY, HOUR, WEEKDAY of SECONDS in the time zone."""
    # One look-up of the zone's rules for each row; the rest is arithmetic on whole numbers.
    local = pl.from_epoch(c.SECONDS).dt.convert_time_zone(timezone).dt.replace_time_zone(None).dt.epoch("s")
    return frame.with_columns(local.alias(c.DAY)).with_columns(
        pl.col(c.DAY) // DAY_S,
        (pl.col(c.DAY) // HOUR_S % 24).alias(c.HOUR),
        (pl.col(c.DAY) // DAY_S + 3).mod(7).add(1).alias(c.WEEKDAY),  # 1970-01-01 was a Thursday
    )


def timed(frame: pl.DataFrame, *, timezones: Mapping[int, str], key: str) -> pl.DataFrame:
    """Return the rows sorted by platform, time and key, with SECONDS, the local columns and `month` for AT."""
    ordered = frame.with_columns(
        pl.col(AT).dt.epoch("s").alias(c.SECONDS),
        (pl.col(AT).dt.year() * 100 + pl.col(AT).dt.month()).cast(pl.Int64).alias(MONTH),
    ).sort(PLATFORM, c.SECONDS, key)
    pieces = [
        local_columns(piece, timezone=timezones[platform]) for (platform,), piece in _runs(ordered, PLATFORM)
    ]
    return pl.concat(pieces).drop(AT) if pieces else local_columns(ordered, timezone="UTC").drop(AT)


def order_lines(orders: pl.DataFrame, lines: pl.DataFrame, *, timezones: Mapping[int, str]) -> pl.DataFrame:
    """Return one row a line, in the order of `timed`: orders (ORDER and its columns) joined with their lines."""
    amount = pl.col(c.QUANTITY_E3) * pl.col(c.UNIT_PRICE_E4)
    half_up = (amount.abs() + c.QUANTITY // 2) // c.QUANTITY * amount.sign()
    return (
        timed(orders, timezones=timezones, key=c.ORDER)
        .join(lines, on=c.ORDER, how="inner", maintain_order="left")
        .with_columns(half_up.alias(c.AMOUNT_E4), _text(c.CHANNEL))
    )


def events(
    frame: pl.DataFrame, *, timezones: Mapping[int, str], digest: Callable[[int, str, str], int]
) -> pl.DataFrame:
    """Return one row an event; `digest(platform, column, text)` replaces names of sessions and recommendations."""
    dwell = pl.col("duration_s")
    return _digested(frame, c.SESSION, c.RECOMMENDATION, digest=digest).pipe(
        lambda rows: timed(rows, timezones=timezones, key=c.ID)
    ).with_columns(
        _text(c.CHANNEL),
        pl.when(dwell.is_finite()).then(dwell * 1_000).round().cast(pl.Int64, strict=False).alias(c.DURATION_MS),
    )  # fmt: skip


def exposures(
    frame: pl.DataFrame, *, timezones: Mapping[int, str], digest: Callable[[int, str, str], int]
) -> pl.DataFrame:
    """Return one row for each item shown, one without item columns for an answer that showed none."""
    items = (c.SLOT, c.RANK, c.PRODUCT, c.SOURCE, c.PROPENSITY)
    # Arrays of one answer are of equal length; should one be shorter all the same, its tail is unknown. One row at
    # least, because exploding drops an empty list.
    longest = pl.max_horizontal(pl.lit(1), *(pl.col(name).list.len() for name in items))
    padded = frame.with_columns(longest.alias("length")).with_columns(
        pl.col(name).list.gather(pl.int_ranges(0, pl.col("length")), null_on_oob=True) for name in items
    )
    rows = _digested(padded.drop("length"), c.RECOMMENDATION, digest=digest).explode(*items)
    propensity = pl.col(c.PROPENSITY).cast(pl.Float64)
    return timed(rows, timezones=timezones, key=c.ID).with_columns(
        *(_text(name) for name in (c.PAGE, c.EXPERIMENT, c.ARM, c.SLOT, c.SOURCE)),
        pl.col(c.RANK).cast(pl.Int64),
        pl.when(propensity.is_finite()).then(propensity).alias(c.PROPENSITY),
    )  # fmt: skip


def by_month(frame: pl.DataFrame, table: layout.Table) -> Iterator[tuple[int, int, pl.DataFrame]]:
    """Yield (platform, month, rows with the columns of the table); the frame is as `timed` leaves it."""
    for (platform, month), piece in _runs(frame, PLATFORM, MONTH):
        yield platform, month, piece.select(pl.col(name).cast(kind) for name, kind in table.columns.items())


def keyed_digest(key: bytes, column: str, text: str) -> int:
    """Return a 64-bit digest of the text (BLAKE2b under a secret key): equal texts are found, none is read back."""
    code = hashlib.blake2b(text.encode(), digest_size=8, key=key[:64], person=column.encode()[:16]).digest()
    return int.from_bytes(code, "big", signed=True)


def _runs(frame: pl.DataFrame, *names: str) -> Iterator[tuple[tuple[int, ...], pl.DataFrame]]:
    """Yield the values of the columns and the rows that have them; equal rows stand together."""
    if not frame.height:
        return
    runs = frame.select(pl.struct(names).rle().alias("run")).unnest("run")
    start = 0
    for length, value in runs.iter_rows():
        yield tuple(value[name] for name in names), frame.slice(start, length)
        start += length


def _text(name: str) -> pl.Expr:
    """Return the column with null where nothing was given."""
    return pl.when(pl.col(name) != "").then(pl.col(name)).alias(name)


def _digested(frame: pl.DataFrame, *names: str, digest: Callable[[int, str, str], int]) -> pl.DataFrame:
    """Return the frame with texts replaced by their digests; each distinct text is computed once."""
    for name in names:
        distinct = frame.select(PLATFORM, name).unique().filter(pl.col(name) != "")
        codes = pl.Series(
            "code", [digest(platform, name, text) for platform, text in distinct.iter_rows()], dtype=pl.Int64
        )
        frame = (
            frame.join(distinct.with_columns(codes), on=[PLATFORM, name], how="left", maintain_order="left")
            .drop(name)
            .rename({"code": name})
        )
    return frame
