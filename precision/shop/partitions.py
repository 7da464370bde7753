"""Monthly partitions of the tables of events and exposures."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import sql

EVENT = "precision_shop_event"
EXPOSURE = "precision_shop_exposure"
ONCE = {EVENT: ("platform_id", "message"), EXPOSURE: ("platform_id", "recommendation")}
"""Columns that are unique within a partition: the same message twice in one month is one event."""
LOCK = 0x50415254  # “PART”: two processes that make the same partition wait for each other


def month_of(day: date) -> tuple[date, date]:
    """Return the first day of the month that `day` lies in, and of the next one."""
    first = day.replace(day=1)
    return first, date(first.year + first.month // 12, first.month % 12 + 1, 1)


def name_of(day: date, table: str = EVENT) -> str:
    """Return the name of the partition of the month that `day` lies in."""
    return f"{table}_{day:%Y_%m}"


def ensure_month(day: date, table: str = EVENT) -> str:
    """Create the partition of the month that `day` lies in, unless it exists; return its name."""
    first, following = month_of(day)
    name = name_of(first, table)
    with _alone() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
        if cursor.fetchone() == (True,):
            return name
        cursor.execute(
            sql.SQL("CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ({start}) TO ({end})").format(
                name=sql.Identifier(name),
                table=sql.Identifier(table),
                start=sql.Literal(f"{first.isoformat()} 00:00+00"),
                end=sql.Literal(f"{following.isoformat()} 00:00+00"),
            )
        )
        cursor.execute(
            sql.SQL("CREATE UNIQUE INDEX IF NOT EXISTS {index} ON {name} ({columns})").format(
                index=sql.Identifier(f"{name}_once"),
                name=sql.Identifier(name),
                columns=sql.SQL(", ").join(map(sql.Identifier, ONCE[table])),
            )
        )
    return name


def months(table: str = EVENT) -> list[str]:
    """Return the names of the partitions that exist, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = %s::regclass ORDER BY c.relname",
            [table],
        )
        return [name for (name,) in cursor.fetchall()]


@contextmanager
def _alone() -> Iterator[CursorWrapper]:
    """Give a cursor within a transaction that no other process making partitions shares."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        yield cursor
