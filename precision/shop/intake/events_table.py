"""Events into their table: one statement for the events of many requests, each kept once.

Message ids are unique within a month of receipt and platform, by an index of each partition. Whether a message came in
an earlier month is looked up only where its own time leaves that possible.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple

import orjson
import psycopg
from django.db import connection

from precision.shop import partitions
from precision.shop.intake.reading import Reading

HORIZON: Final = timedelta(days=90)
"""For how long a message is known again."""
SLACK: Final = timedelta(days=1)
"""How much the time of a message that is sent twice may differ: clocks are set right in between."""
EARLY: Final = timedelta(days=7)
"""How long before a month its partition is made."""
_INSERT = """
WITH added AS (
    INSERT INTO precision_shop_event (
        platform_id, source_id, identity_id, message, name, at, received_at, product_id, store_id, channel, session,
        duration_s, query, recommendation, properties
    )
    SELECT * FROM unnest(
        %s::bigint[], %s::bigint[], %s::bigint[], %s::bytea[], %s::text[], %s::timestamptz[], %s::timestamptz[],
        %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::float8[], %s::text[], %s::text[], %s::jsonb[]
    )
    ON CONFLICT DO NOTHING
    RETURNING platform_id, message
)
SELECT array_agg(platform_id), array_agg(message) FROM added HAVING count(*) < %s
"""
_PROBE = """
SELECT platform_id, message FROM precision_shop_event
WHERE platform_id = ANY(%s) AND message = ANY(%s) AND received_at >= %s AND received_at < %s
"""
Key = tuple[int, bytes]
"""Platform and digest of the message id."""
_ready: set[tuple[int, int]] = set()


class Row(NamedTuple):
    """An event with the numbers of what it names."""

    platform: int
    source: int
    identity: int | None
    product: int | None
    store: int | None
    reading: Reading


def insert(rows: Sequence[Row]) -> set[Key]:
    """Write the events within the running transaction; return those of them that were there already.

    The rows differ in (platform, message). They are written in one order, so that writers do not wait in a circle.
    """
    known = _known_before(rows)
    fresh = sorted(
        (row for row in rows if (row.platform, row.reading.message) not in known),
        key=lambda row: (row.platform, row.reading.message),
    )
    if not fresh:
        return known
    readings = [row.reading for row in fresh]
    parameters: list[Any] = [
        _literal([row.platform for row in fresh]),
        _literal([row.source for row in fresh]),
        _literal([row.identity for row in fresh]),
        '{"\\\\x' + '","\\\\x'.join([reading.message.hex() for reading in readings]) + '"}',
        _texts([reading.name for reading in readings]),
        _literal([reading.at for reading in readings]),
        _literal([reading.received for reading in readings]),
        _literal([row.product for row in fresh]),
        _literal([row.store for row in fresh]),
        _texts([reading.channel for reading in readings]),
        _texts([reading.session for reading in readings]),
        _literal([reading.duration for reading in readings]),
        _texts([reading.query for reading in readings]),
        _texts([reading.recommendation for reading in readings]),
        _literal([reading.properties.decode() for reading in readings]),
        len(fresh),
    ]
    found = _run(_INSERT, parameters)
    if not found:
        return known
    platforms, messages = found[0]
    added = set(zip(platforms or (), map(bytes, messages or ()), strict=True))
    return known.union(key for row in fresh if (key := (row.platform, row.reading.message)) not in added)


def _known_before(rows: Iterable[Row]) -> set[Key]:
    """Return the events that came in an earlier month within HORIZON. No query for those that happened since."""
    doubtful: dict[tuple[int, int], list[Row]] = {}
    for row in rows:
        reading = row.reading
        received = reading.received
        month = _month(received)
        if not reading.known_time or reading.at - SLACK < month:
            doubtful.setdefault((received.year, received.month), []).append(row)
    known: set[Key] = set()
    for (year, number), some in doubtful.items():
        month = datetime(year, number, 1, tzinfo=UTC)
        earliest = min(row.reading.received for row in some) - HORIZON
        wanted = {(row.platform, row.reading.message) for row in some}
        platforms = list({platform for platform, _ in wanted})
        messages = [message for _, message in wanted]
        known |= wanted & {
            (platform, bytes(message))
            for platform, message in _run(_PROBE, [platforms, messages, earliest, month])
        }
    return known


def ensure_months(days: Iterable[date]) -> None:
    """Make the partitions of events received on the days, and early that of the next month; call it before a write."""
    for day in {near for each in days for near in (each, each + EARLY)}:
        place = (day.year, day.month)
        if place not in _ready:
            partitions.ensure_month(day)
            if not connection.in_atomic_block:  # what is made here may yet be rolled back
                _ready.add(place)


def _month(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _run(statement: str, parameters: Collection[Any]) -> list[tuple[Any, ...]]:
    """Return the rows of a statement whose parameters are bound by the server: quoting them here costs more."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(statement, list(parameters)).fetchall()


def _literal(values: Sequence[Any]) -> str:
    """Return a PostgreSQL array of numbers, times or JSON texts, which escape like JSON's."""
    return "{" + orjson.dumps(values).decode()[1:-1] + "}"


def _texts(values: Sequence[str]) -> str:
    """Return a PostgreSQL array of texts; JSON escapes control characters in a way that PostgreSQL does not read."""
    literal = orjson.dumps(values).decode()[1:-1]
    if "\\" in literal:
        literal = ",".join('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values)
    return "{" + literal + "}"
