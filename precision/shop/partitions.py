"""Monthly partitions of the event table."""

from datetime import date

from django.db import connection
from psycopg import sql

TABLE = "precision_shop_event"


def ensure_month(day: date) -> str:
    """Create the partition of the month of receipt that `day` lies in, unless it exists; return its name.

    A message id is unique per platform within a partition: the same message twice in one month is one event.
    """
    first = day.replace(day=1)
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    name = f"{TABLE}_{first:%Y_%m}"
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table} FOR VALUES FROM ({start}) TO ({end})"
            ).format(
                name=sql.Identifier(name),
                table=sql.Identifier(TABLE),
                start=sql.Literal(f"{first.isoformat()} 00:00+00"),
                end=sql.Literal(f"{following.isoformat()} 00:00+00"),
            )
        )
        cursor.execute(
            sql.SQL("CREATE UNIQUE INDEX IF NOT EXISTS {index} ON {name} (platform_id, message)").format(
                index=sql.Identifier(f"{name}_message"), name=sql.Identifier(name)
            )
        )
    return name
