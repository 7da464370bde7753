"""What was shown and sent to whom, and what came of it, into its tables.

Frames in: one row a fact, columns named as the table's (`campaign`, `identity_id`, `at` …), null where nothing is
given. Each function returns the key of every row and what became of it (`bulk.OUTCOME`); telling the same again adds
nothing. Call them within a transaction.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import polars as pl

from precision.shop import bulk, partitions
from precision.shop.bulk import OUTCOME
from precision.shop.models import Assignment, Exposure, Platform, Response, Send

ASSIGNMENT_KEY: Final = ("campaign", "identity_id")
SEND_KEY: Final = ("campaign", "step", "identity_id")
EXPOSURE_DEFAULTS: Final[Mapping[str, Any]] = {
    "page": "", "experiment": "", "arm": "", "slots": "{}", "ranks": "{}", "products": "{}", "sources": "{}",
    "propensities": "{}",
}  # fmt: skip
RESPONSE_DEFAULTS: Final[Mapping[str, Any]] = {
    "campaign": "",
    "recommendation": "",
    "slot": "",
    "properties": "{}",
}


def assign(platform: Platform, frame: pl.DataFrame, *, replace: bool = False, now: datetime) -> pl.DataFrame:
    """Write who was put into which arm; the key is ASSIGNMENT_KEY."""
    within = {"platform_id": platform.pk}
    return bulk.upsert(
        Assignment, frame, key=ASSIGNMENT_KEY, within=within, defaults={}, replace=replace, now=now
    )


def send(platform: Platform, frame: pl.DataFrame, *, replace: bool = False, now: datetime) -> pl.DataFrame:
    """Write what was sent; the key is SEND_KEY, a campaign without steps has the step ""."""
    return bulk.upsert(
        Send,
        frame,
        key=SEND_KEY,
        within={"platform_id": platform.pk},
        defaults={"status": "sent", "properties": "{}"},
        replace=replace,
        now=now,
    )


def respond(platform: Platform, frame: pl.DataFrame, *, replace: bool = False, now: datetime) -> pl.DataFrame:
    r"""Write what came of it; the key is `message`, the digest of the response's id as bytea text (`\x…`)."""
    return bulk.upsert(
        Response,
        frame,
        key="message",
        within={"platform_id": platform.pk},
        defaults=RESPONSE_DEFAULTS,
        replace=replace,
        now=now,
    )


def show(platform: Platform, frame: pl.DataFrame, *, replace: bool = False, now: datetime) -> pl.DataFrame:
    """Write what was shown; the key is `recommendation`, whatever the month: makes the partitions that lack.

    An exposure that is told again with another time stays where it is, in the month of its first time.
    """
    if not frame.height:
        return pl.DataFrame(schema={"recommendation": pl.String, OUTCOME: pl.String})
    for month in frame.get_column("at").dt.date().dt.truncate("1mo").unique().to_list():
        partitions.ensure_month(month, partitions.EXPOSURE)
    stored = bulk.lookup(
        Exposure,
        frame.select("recommendation"),
        within={"platform_id": platform.pk},
        columns={"at": pl.Datetime("us", "UTC")},
    ).rename({"at": "stored"})
    placed = frame.join(stored, on="recommendation", how="left", maintain_order="left")
    months = pl.col("at").dt.truncate("1mo") == pl.col("stored").dt.truncate("1mo")
    placed = placed.with_columns(
        pl.when(pl.col("stored").is_null() | months).then("at").otherwise("stored").alias("at")
    ).drop("stored")
    return bulk.upsert(
        Exposure,
        placed,
        key="recommendation",
        within={"platform_id": platform.pk},
        defaults=EXPOSURE_DEFAULTS,
        replace=replace,
        now=now,
    )
