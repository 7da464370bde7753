"""Lines of the same visitor put together: visits, dwell, and visitors that are programs. Pure."""

from datetime import timedelta
from typing import Final

import polars as pl

VISITOR: Final = "visitor"
VISIT: Final = "visit"


def with_visitors(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with `visitor`, a number that the lines of one `ip` and `agent` share."""
    return frame.with_columns(pl.struct("ip", "agent").hash(seed=0).alias(VISITOR))


def programs(frame: pl.DataFrame, *, page: pl.Series, most_a_minute: int) -> pl.Series:
    """Return, for each line, whether its visitor behaves as programs do.

    That is: asks for /robots.txt, tells no agent, or opens more than `most_a_minute` pages within a minute (of the
    clock). `page`: whether each line is one of a page.
    """
    told = frame.select(
        VISITOR,
        "at",
        page=page,
        asks=pl.col("target").str.contains(r"^/robots\.txt(?:\?|$)"),
        mute=pl.col("agent").is_null(),
    )
    busy = (
        told.filter("page")
        .group_by(VISITOR, pl.col("at").dt.truncate("1m"))
        .len()
        .filter(pl.col("len") > most_a_minute)
    )
    known = pl.concat(
        [busy.get_column(VISITOR), told.filter(pl.col("asks") | pl.col("mute")).get_column(VISITOR)]
    )
    return told.get_column(VISITOR).is_in(known.unique().implode()).alias("program")


def with_visits(frame: pl.DataFrame, *, gap: timedelta) -> pl.DataFrame:
    """Return the lines by visitor and time, with `visit` (a number), its `start`, and `duration_s` of dwell.

    A visit ends when nothing came from its visitor for longer than `gap`. The dwell is the time until the visit's next
    line; of its last line it is unknown.
    """
    ordered = frame.sort(VISITOR, "at", maintain_order=True)
    first = (pl.col(VISITOR) != pl.col(VISITOR).shift()).fill_null(value=True)
    late = pl.col("at") - pl.col("at").shift() > gap
    numbered = ordered.with_columns((first | late).cum_sum().alias(VISIT))
    following = pl.col(VISIT).shift(-1) == pl.col(VISIT)
    return numbered.with_columns(
        start=pl.col("at").first().over(VISIT),
        duration_s=pl.when(following).then(
            (pl.col("at").shift(-1) - pl.col("at")).dt.total_milliseconds() / 1_000
        ),
    )
