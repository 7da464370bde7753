"""Counting what became of what came in: a row per source, day and outcome, appended, never updated.

Writers that update one shared row would wait for each other's commits; appended rows are added up by night.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from django.db import connection, transaction

from precision.shop.models import Platform, Source

LOCK = 0x54414C4C  # “TALL”
# In SQL: every commit of intake does this, and making the rows by models costs as much as all the rest of it.
_APPEND = """
INSERT INTO precision_shop_tally (platform_id, source_id, day, kind, outcome, reason, count)
SELECT %s, %s, %s, %s, * FROM unnest(%s::text[], %s::text[], %s::bigint[])
"""


class Outcome(StrEnum):
    """What can become of a record; the first four are exclusive, the others are told beside them."""

    ACCEPTED = "accepted"
    UPDATED = "updated"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    LATE = "late"  # it happened more than a day before it came in
    CLOCK_SKEWED = "clock_skewed"  # its sender's clock ran ahead; the time was clamped
    UNKNOWN_PRODUCT = "unknown_product"
    BOT = "bot"


def append(
    platform: Platform,
    source: Source | None,
    counts: Mapping[tuple[Outcome, str], int],
    *,
    kind: str,
    day: date,
) -> None:
    """Append the counts of (outcome, reason) in the running transaction, so that they are true after any crash."""
    rows = [(outcome.value, reason, number) for (outcome, reason), number in counts.items() if number]
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(
                _APPEND,
                [platform.pk, source.pk if source else None, day, kind, *map(list, zip(*rows, strict=True))],
            )


def fold(before: date, *, platform: Platform) -> int:
    """Add up the rows of the platform's days before `before`, one row for each key; return how many rows it saved.

    One statement: what it adds up is exactly what it takes away, so that no count is lost or doubled. Rows that others
    append meanwhile are not seen and stay for the next night; of two that fold at once the second waits, and finds the
    work done.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, platform.pk])
        cursor.execute(FOLD, [platform.pk, before])
        gone, made = cursor.fetchone()
    return int(gone - made)


FOLD = """
WITH several AS (
    SELECT id FROM (
        SELECT id, count(*) OVER (PARTITION BY source_id, day, kind, outcome, reason) AS rows
        FROM precision_shop_tally WHERE platform_id = %s AND day < %s
    ) AS counted WHERE rows > 1
), gone AS (
    DELETE FROM precision_shop_tally AS t USING several WHERE t.id = several.id
    RETURNING t.platform_id, t.source_id, t.day, t.kind, t.outcome, t.reason, t.count
), made AS (
    INSERT INTO precision_shop_tally (platform_id, source_id, day, kind, outcome, reason, count)
    SELECT platform_id, source_id, day, kind, outcome, reason, sum(count) FROM gone
    GROUP BY platform_id, source_id, day, kind, outcome, reason
    RETURNING id
)
SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM made)
"""
