"""Local times, digests and the cutting by month, against Python's own calendar."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from precision.shop import columns as c
from precision.shop.history import layout, shaping

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]
SECONDS = st.integers(31_536_000, 2_145_916_800)  # 1971 to 2037, where all tables of zones agree


@settings(deadline=None)
@given(st.lists(SECONDS, min_size=1, max_size=20), st.sampled_from(ZONES))
def test_local_times_are_those_of_the_calendar(seconds: list[int], zone: str) -> None:
    frame = shaping.local_columns(pl.DataFrame({c.SECONDS: seconds}), timezone=zone)
    for row in frame.iter_rows(named=True):
        local = datetime.fromtimestamp(row[c.SECONDS], tz=ZoneInfo(zone))
        day = (local.date() - datetime(1970, 1, 1, tzinfo=UTC).date()).days
        assert (row[c.DAY], row[c.HOUR], row[c.WEEKDAY]) == (day, local.hour, local.isoweekday())
    assert set(frame.dtypes) == {pl.Int64}


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), SECONDS), max_size=30))
def test_every_row_goes_to_its_platform_and_month(rows: list[tuple[int, int]]) -> None:
    def nothing(kind: type[pl.DataType]) -> pl.Series:
        return pl.Series([None] * len(rows), dtype=kind)

    times = [datetime.fromtimestamp(second, tz=UTC) for _, second in rows]
    frame = pl.DataFrame(
        {
            shaping.PLATFORM: pl.Series([platform for platform, _ in rows], dtype=pl.Int64),
            c.ID: pl.Series(range(len(rows)), dtype=pl.Int64),
            shaping.AT: pl.Series(times, dtype=pl.Datetime("us", "UTC")),
            **dict.fromkeys((c.IDENTITY, c.PRODUCT, c.STORE, c.RECEIVED), nothing(pl.Int64)),
            **dict.fromkeys((c.EVENT, c.CHANNEL, c.SESSION, c.RECOMMENDATION), nothing(pl.String)),
            "duration_s": nothing(pl.Float64),
        }
    )  # fmt: skip
    shaped = shaping.events(frame, timezones=dict.fromkeys((1, 2, 3), "Asia/Kathmandu"), digest=lambda *_: 0)
    found = {
        number: (platform, month)
        for platform, month, piece in shaping.by_month(shaped, layout.EVENTS)
        for number in piece[c.ID]
    }
    assert found == {
        number: (platform, at.year * 100 + at.month)
        for number, ((platform, _), at) in enumerate(zip(rows, times, strict=True))
    }


def test_digests_hang_on_the_key_the_column_and_the_text() -> None:
    codes = [
        shaping.keyed_digest(key, column, text)
        for key in (b"a" * 32, b"b" * 32)
        for column in (c.SESSION, c.RECOMMENDATION)
        for text in ("one", "two")
    ]
    assert len(set(codes)) == 8
    assert all(-(2**63) <= code < 2**63 for code in codes)
    assert shaping.keyed_digest(b"a" * 32, c.SESSION, "one") == codes[0]
