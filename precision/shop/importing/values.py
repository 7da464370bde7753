"""Raw columns read as the wire format wants them, whole columns at a time.

Each reader gives two series of the same length: the values, and for each row the code of its refusal or
null. An empty text counts as not given.
"""

from collections.abc import Callable
from datetime import datetime

import polars as pl

from precision.shop import columns as c
from precision.shop.records import CLOCK_SKEW, EARLIEST, LARGEST, NAMES_SEPARATOR, Code, Field, Type

LOCAL_FORMATS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")
ZONE = r"(?:\s*)(Z|z|[+-]\d{2}:?\d{2})$"
TRUE = ("true", "t", "yes", "y", "1")
FALSE = ("false", "f", "no", "n", "0")
MICROSECONDS = 1_000_000


def read(
    raw: pl.Series, field: Field, *, timezone: str, now: datetime, time_format: str | None
) -> pl.DataFrame:
    """Return a frame with `value` (typed) and `code` (null: fine) for the raw values of one field.

    Money comes as Int64 of 1/10,000, quantities as Int64 of 1/1,000, times as UTC with microseconds.
    `timezone` is that of times without one; `now` bounds what lies in the future.
    """
    readers: dict[Type, Callable[[pl.Series], tuple[pl.Expr, pl.Expr]]] = {
        Type.ID: lambda series: _text(series, field),
        Type.TEXT: lambda series: _text(series, field),
        Type.URL: lambda series: _url(series, field),
        Type.CURRENCY: lambda series: _currency(series, field),
        Type.CHOICE: lambda series: _choice(series, field),
        Type.MONEY: lambda series: _number(series, field, parts=c.MONEY),
        Type.QUANTITY: lambda series: _number(series, field, parts=c.QUANTITY),
        Type.WHOLE: lambda series: _number(series, field, parts=1),
        Type.NUMBER: lambda series: _number(series, field, parts=None),
        Type.BOOLEAN: _boolean,
        Type.TIME: lambda series: _time(series, timezone=timezone, now=now, time_format=time_format),
        Type.DATE: lambda series: _date(series, timezone=timezone, now=now, time_format=time_format),
        Type.PATH: lambda series: _texts(series, field),
        Type.NAMES: lambda series: _texts(series, field),
    }
    if raw.dtype == pl.Null:
        raw = raw.cast(pl.String)
    raw = raw.alias("raw")
    value, code = readers[field.type](raw)
    return raw.to_frame().lazy().with_columns(value.alias("value")).with_columns(code.alias("code")).collect()


def as_text(raw: pl.Series) -> pl.Series:
    """Return the values as text: whole numbers by their digits, also where a gap had made them floats."""
    if raw.dtype == pl.String:
        return raw
    if raw.dtype in {pl.Float32, pl.Float64}:
        whole = raw.cast(pl.Int64, strict=False)
        digits = whole.cast(pl.String)
        same = (whole.cast(pl.Float64) == raw.cast(pl.Float64)).fill_null(value=False)
        text = raw.fill_nan(None).cast(pl.String)
        return pl.select(pl.when(same).then(digits).otherwise(text)).to_series().alias(raw.name)
    if isinstance(raw.dtype, (pl.List, pl.Array, pl.Struct)):
        return raw.to_frame("v").select(pl.struct("v").struct.json_encode()).to_series().alias(raw.name)
    return raw.cast(pl.String)


def _text(raw: pl.Series, field: Field) -> tuple[pl.Expr, pl.Expr]:
    text = _clean(raw)
    value = pl.col("value")
    code = (
        pl.when(value.str.len_bytes() > field.longest * 4).then(pl.lit(Code.TOO_LONG.value))
        .when((value.str.len_bytes() > field.longest) & (value.str.len_chars() > field.longest))
        .then(pl.lit(Code.TOO_LONG.value))
        .when(value.str.contains("\x00", literal=True)).then(pl.lit(Code.NUL.value))
    )  # fmt: skip
    return pl.lit(text), code


def _clean(raw: pl.Series) -> pl.Series:
    """Return trimmed texts; null where nothing is left."""
    text = as_text(raw).str.strip_chars()
    return text.to_frame("t").select(pl.when(pl.col("t") != "").then(pl.col("t"))).to_series()


def _url(raw: pl.Series, field: Field) -> tuple[pl.Expr, pl.Expr]:
    text, code = _text(raw, field)
    bad = ~pl.col("value").str.contains(r"^https?://\S+$")
    return text, pl.when(code.is_not_null()).then(code).when(bad).then(pl.lit(Code.BAD_ADDRESS.value))


def _currency(raw: pl.Series, field: Field) -> tuple[pl.Expr, pl.Expr]:
    text, _ = _text(raw, field)
    bad = ~pl.col("value").str.contains(r"^[A-Z]{3}$")
    return text.str.to_uppercase(), pl.when(bad).then(pl.lit(Code.BAD_CURRENCY.value))


def _choice(raw: pl.Series, field: Field) -> tuple[pl.Expr, pl.Expr]:
    text, _ = _text(raw, field)
    bad = ~pl.col("value").is_in(list(field.choices))
    return text.str.to_lowercase(), pl.when(bad).then(pl.lit(Code.NOT_A_CHOICE.value))


def _boolean(raw: pl.Series) -> tuple[pl.Expr, pl.Expr]:
    if raw.dtype == pl.Boolean:
        return pl.col("raw"), pl.lit(None, pl.String)
    text = pl.lit(_clean(raw).str.to_lowercase())
    value = pl.when(text.is_in(TRUE)).then(True).when(text.is_in(FALSE)).then(False)
    bad = text.is_not_null() & pl.col("value").is_null()
    return value, pl.when(bad).then(pl.lit(Code.NOT_A_BOOLEAN.value))


def _number(raw: pl.Series, field: Field, *, parts: int | None) -> tuple[pl.Expr, pl.Expr]:
    """Read whole parts of a number, or the number itself where `parts` is None.

    Floats are exact to a part up to 10¹¹ units, far above any price.
    """
    text = _clean(raw) if raw.dtype == pl.String else None
    numeric = text is not None or (raw.dtype.is_numeric() or raw.dtype == pl.Boolean)
    if not numeric:
        return pl.lit(None, pl.Int64), _when_given(Code.NOT_A_NUMBER)
    number = (pl.lit(text) if text is not None else pl.col("raw")).cast(pl.Float64, strict=False)
    given = pl.lit(text).is_not_null() if text is not None else pl.col("raw").is_not_null()
    usable = number.is_finite() & (number.abs() <= LARGEST)
    value: pl.Expr = pl.when(usable).then(number)
    if parts is not None:
        value = (value * parts).round().cast(pl.Int64)
    checks = (
        pl.when(given & (number.is_null() | ~number.is_finite())).then(pl.lit(Code.NOT_A_NUMBER.value))
        .when(number.abs() > LARGEST).then(pl.lit(Code.OUT_OF_RANGE.value))
    )  # fmt: skip
    if field.type is Type.WHOLE:
        checks = checks.when(number != number.round()).then(pl.lit(Code.NOT_A_NUMBER.value))
    if field.least == 0:
        checks = checks.when(number < 0).then(pl.lit(Code.NEGATIVE.value))
    elif field.least is not None:
        checks = checks.when(number < field.least).then(pl.lit(Code.OUT_OF_RANGE.value))
    if field.most is not None:
        checks = checks.when(number > field.most).then(pl.lit(Code.OUT_OF_RANGE.value))
    if field.type is Type.QUANTITY:
        checks = checks.when(pl.col("value") == 0).then(pl.lit(Code.ZERO.value))
    return value, checks


def _time(
    raw: pl.Series, *, timezone: str, now: datetime, time_format: str | None
) -> tuple[pl.Expr, pl.Expr]:
    value = pl.lit(_instants(raw, timezone=timezone, time_format=time_format))
    latest = pl.lit(now + CLOCK_SKEW)
    return value, _time_code(pl.lit(EARLIEST), latest)


def _date(
    raw: pl.Series, *, timezone: str, now: datetime, time_format: str | None
) -> tuple[pl.Expr, pl.Expr]:
    if raw.dtype == pl.Date:
        value = pl.col("raw")
    else:
        instants = _instants(raw, timezone=timezone, time_format=time_format)
        value = pl.lit(instants).dt.convert_time_zone(timezone).dt.date()
    return value, _time_code(pl.lit(EARLIEST.date()), pl.lit((now + CLOCK_SKEW).date()))


def _time_code(earliest: pl.Expr, latest: pl.Expr) -> pl.Expr:
    value = pl.col("value")
    return (
        pl.when(_given() & value.is_null()).then(pl.lit(Code.NOT_A_TIME.value))
        .when(value < earliest).then(pl.lit(Code.TOO_EARLY.value))
        .when(value > latest).then(pl.lit(Code.IN_FUTURE.value))
    )  # fmt: skip


def _instants(raw: pl.Series, *, timezone: str, time_format: str | None) -> pl.Series:
    """Return the moments in UTC; null where the value is none."""
    if raw.dtype == pl.Date:
        raw = raw.cast(pl.Datetime("us"))
    if isinstance(raw.dtype, pl.Datetime):
        stamped = raw.dt.cast_time_unit("us")
        return stamped.dt.convert_time_zone("UTC") if raw.dtype.time_zone else _to_utc(stamped, timezone)
    if raw.dtype != pl.String:
        return pl.Series("value", [None], dtype=pl.Datetime("us", "UTC")).new_from_index(0, len(raw))
    # Times repeat (a basket's lines share one): read each distinct text once.
    distinct = raw.unique().drop_nulls()
    if time_format is None:
        known = _read_iso(distinct, timezone)
    else:
        known = _to_utc(
            distinct.str.strip_chars().str.to_datetime(time_format, time_unit="us", strict=False), timezone
        )
    table = pl.DataFrame({"raw": distinct, "value": known})
    return raw.to_frame("raw").join(table, on="raw", how="left", maintain_order="left").get_column("value")


def _read_iso(texts: pl.Series, timezone: str) -> pl.Series:
    """Return the moments of ISO 8601 texts, `T` or a space between date and time, seconds optional."""
    text = texts.str.strip_chars().str.replace(r"^(\d{4}-\d{2}-\d{2})[Tt](\d)", "$1 $2")
    zone = text.str.extract(ZONE)
    local = text.str.replace(ZONE, "")
    parsed = pl.select(
        pl.coalesce(pl.lit(local).str.to_datetime(one, time_unit="us", strict=False) for one in LOCAL_FORMATS)
    ).to_series()
    digits = zone.str.replace(":", "", literal=True)
    frame = pl.DataFrame({"parsed": parsed, "zone": digits, "plain": _to_utc(parsed, timezone)})
    hours = pl.col("zone").str.slice(1, 2).cast(pl.Int64, strict=False).fill_null(0)
    minutes = pl.col("zone").str.slice(3, 2).cast(pl.Int64, strict=False).fill_null(0)
    sign = pl.when(pl.col("zone").str.starts_with("-")).then(-1).otherwise(1)
    offset = sign * (hours * 60 + minutes) * 60 * MICROSECONDS
    shifted = (pl.col("parsed").dt.epoch("us") - offset).cast(pl.Datetime("us", "UTC"))
    return frame.select(
        pl.when(pl.col("zone").is_null()).then(pl.col("plain")).otherwise(shifted)
    ).to_series()


def _to_utc(naive: pl.Series, timezone: str) -> pl.Series:
    """Return local times in UTC: the first of an hour that comes twice; an hour that a clock skips counts
    on.
    """
    naive = naive.alias("naive")
    local = pl.col("naive").dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")
    # In the skipped hour: the moment an hour before exists, one hour after it is meant.
    earlier = (pl.col("naive") - pl.duration(hours=1)).dt.replace_time_zone(
        timezone, ambiguous="earliest", non_existent="null"
    ) + pl.duration(hours=1)
    return naive.to_frame().select(pl.coalesce(local, earlier).dt.convert_time_zone("UTC")).to_series()


def _texts(raw: pl.Series, field: Field) -> tuple[pl.Expr, pl.Expr]:
    """Read lists of texts; a text is split at the separator of names, or is a path of one step.

    An empty list of names, or a separator alone, says that there are none (any more); an empty text says nothing.
    """
    if isinstance(raw.dtype, (pl.List, pl.Array)):
        lists = pl.col("raw").cast(pl.List(pl.String), strict=False)
        given = pl.col("raw").is_not_null()
    elif field.type is Type.NAMES:
        lists = pl.lit(as_text(raw)).str.split(NAMES_SEPARATOR)
        given = _given()
    else:
        lists = pl.concat_list(pl.lit(as_text(raw)))
        given = _given()
    stripped = lists.list.eval(pl.element().str.strip_chars())
    kept = stripped.list.eval(pl.element().filter(pl.element().is_not_null() & (pl.element() != "")))
    value = pl.when(given if field.type is Type.NAMES else kept.list.len() > 0).then(kept)
    longest = pl.col("value").list.eval(pl.element().str.len_chars()).list.max()
    nul = pl.col("value").list.eval(pl.element().str.contains("\x00", literal=True)).list.any()
    code = (
        pl.when(longest > field.longest).then(pl.lit(Code.TOO_LONG.value))
        .when(nul).then(pl.lit(Code.NUL.value))
    )  # fmt: skip
    return value, code


def _given() -> pl.Expr:
    """Whether the row has a raw value at all."""
    raw = pl.col("raw")
    return raw.is_not_null() & (raw.cast(pl.String, strict=False).str.strip_chars() != "").fill_null(
        value=True
    )


def _when_given(code: Code) -> pl.Expr:
    return pl.when(_given()).then(pl.lit(code.value))
