"""The minutes around the turn of a month, when one message could slip into two partitions.

A message is unique within a partition, and looked up in earlier ones. Two writers of one message, one with a time of
receipt just before midnight and one just after, could both find nothing. So in these minutes writers go one after the
other, and each takes its month once it is its turn: whoever comes later sees what was written, in its own month or the
one before.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from django.db import connection

NEAR: Final = timedelta(minutes=2)
"""On either side of the turn; clocks of several machines differ by less."""
STALE: Final = timedelta(minutes=10)
"""A request that waited no longer than this counts as received now; an older time of receipt was given on purpose."""
_LOCK: Final = 0x5455524E  # “TURN”


class Received(Protocol):
    """Something with a time of receipt."""

    received: datetime


def _now() -> datetime:
    return datetime.now(UTC)


def settle(submissions: Iterable[Received], *, clock: Callable[[], datetime] = _now) -> None:
    """Near the turn of a month wait until no other writer is at work, and move what came just before it past it.

    Called at the beginning of the writing transaction; at any other time it does nothing.
    """
    now = clock()
    if (now - NEAR).month == (now + NEAR).month:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    now = clock()
    for one in submissions:
        if one.received.month != now.month and timedelta() < now - one.received < STALE:
            one.received = now
