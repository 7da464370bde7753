"""When something happened, in our time, from what the sender's clock says."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from precision.shop.intake.verdicts import RefusedError
from precision.shop.records import EARLIEST, Code

LATE: Final = timedelta(days=1)
"""An event that comes in longer than this after it happened counts as late."""
TOLERATED: Final = timedelta(seconds=1)
"""A clock ahead by less than this is clamped, but not counted: a network's delay varies as much."""


def moment(value: Any, field: str) -> datetime | None:
    """Return the moment of an ISO 8601 text, or None where none is given; without a zone it is UTC.

    Raises RefusedError for what is no time, or lies before 1900.
    """
    if value is None:
        return None
    if type(value) is not str:
        raise RefusedError(Code.NOT_A_TIME, field, found=value)
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        read = _patient(value, field)
    if read.tzinfo is None:
        read = read.replace(tzinfo=UTC)
    if read < EARLIEST:
        raise RefusedError(Code.TOO_EARLY, field, found=value)
    return read


def lag(sent: datetime | None, *, received: datetime) -> timedelta:
    """Return how far our clock is ahead of the sender's, the way of the message included; 0 where unknown."""
    return received - sent if sent is not None else timedelta()


def happened(original: datetime | None, *, lag: timedelta, received: datetime) -> tuple[datetime, bool]:
    """Return when it happened in our time, and whether that was clamped because it lay ahead.

    received − (sent − original), which is original + `lag`. Without a time of its own it happened when it came in.
    """
    if original is None:
        return received, False
    try:
        at = original + lag
    except OverflowError:  # a clock at the end of the calendar
        return received, True
    if at > received:
        return received, at > received + TOLERATED
    return (at, False) if at >= EARLIEST else (EARLIEST, False)


def _patient(text: str, field: str) -> datetime:
    """Read what only differs from ISO 8601 in spaces, or in more than six digits of a second."""
    text = text.strip()
    head, dot, rest = text.partition(".")
    if dot:
        digits = len(rest) - len(rest.lstrip("0123456789"))
        text = f"{head}.{rest[: min(digits, 6)]}{rest[digits:]}"
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise RefusedError(Code.NOT_A_TIME, field, found=text) from error
