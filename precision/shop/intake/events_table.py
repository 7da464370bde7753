"""Events into their table: one statement for the events of many requests, each kept once.

Message ids are unique within a month of receipt and platform, by an index of each partition. Whether a message came in
an earlier month is looked up only where its own time leaves that possible.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple

import orjson
import psycopg
from django.db import connection

from precision.shop import partitions

HORIZON: Final = timedelta(days=90)
"""For how long a message is known again."""
SLACK: Final = timedelta(days=1)
"""How much the time of a message that is sent twice may differ: clocks are set right in between."""
EARLY: Final = timedelta(days=7)
"""How long before a month its partition is made."""
_INSERT = """
WITH added AS (
    INSERT INTO precision_shop_event (
        platform_id, message, source_id, identity_id, name, at, received_at, product_id, store_id, channel, session,
        duration_s, query, recommendation, properties
    )
    SELECT * FROM unnest(
        %s::bigint[], %s::bytea[], %s::bigint[], %s::bigint[], %s::text[], %s::timestamptz[], %s::timestamptz[],
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
    """An event as it is inserted: the columns in the order of the statement, and how well its time is known."""

    platform: int
    message: bytes
    source: int
    identity: int | None
    name: str
    at: datetime
    received: datetime
    product: int | None
    store: int | None
    channel: str
    session: str
    duration: float | None
    query: str
    recommendation: str
    properties: bytes
    known_time: bool


def insert(rows: Mapping[Key, Row]) -> set[Key]:
    """Write the events within the running transaction; return those of them that were there already.

    They are written in one order, so that writers do not wait for each other in a circle.
    """
    known = _known_before(rows.values())
    keys = sorted(rows.keys() - known if known else rows)
    if not keys:
        return known
    (
        platforms, messages, sources, identities, names, ats, received, products, stores, channels, sessions,
        durations, queries, recommendations, properties, _,
    ) = zip(*[rows[key] for key in keys], strict=True)  # fmt: skip
    found = _run(
        _INSERT,
        [
            _literal(platforms), '{"\\\\x' + '","\\\\x'.join([message.hex() for message in messages]) + '"}',
            _literal(sources), _literal(identities), _texts(names), _literal(ats), _literal(received),
            _literal(products), _literal(stores), _texts(channels), _texts(sessions), _literal(durations),
            _texts(queries), _texts(recommendations), _literal([one.decode() for one in properties]), len(keys),
        ],
    )  # fmt: skip
    if not found:
        return known
    added = set(zip(found[0][0] or (), map(bytes, found[0][1] or ()), strict=True))
    return known.union(key for key in keys if key not in added)


def _known_before(rows: Iterable[Row]) -> set[Key]:
    """Return the events that came in an earlier month within HORIZON. No query for those that happened since."""
    doubtful: dict[datetime, list[Row]] = {}
    first = month = datetime.max.replace(tzinfo=UTC)
    for row in rows:
        if row.received is not first:  # the calls of one request share it
            first, month = row.received, _month(row.received)
        if not row.known_time or row.at < month + SLACK:
            doubtful.setdefault(month, []).append(row)
    known: set[Key] = set()
    for month, some in doubtful.items():
        earliest = min(row.received for row in some) - HORIZON
        wanted = {(row.platform, row.message) for row in some}
        platforms = list({platform for platform, _ in wanted})
        messages = [message for _, message in wanted]
        found = _run(_PROBE, [platforms, messages, earliest, month])
        known |= wanted & {(platform, bytes(message)) for platform, message in found}
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
