"""Dead letters sent in again, each by the way on which it came: the receiver that `dead_letters.RECEIVER` names."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from precision.shop import recording, sources, tokens
from precision.shop.dead_letters import LEFT_OUT, TOO_LARGE, Refusal
from precision.shop.intake import Status
from precision.shop.intake import receive as receive_calls
from precision.shop.intake.committing import BusyError
from precision.shop.intake.orders import BUSY, Told, apply_changes, apply_orders
from precision.shop.models import DeadLetter, Platform, Source
from precision.shop.tallies import Outcome

EVENT: Final = "event"
UNKNOWN_KIND: Final = "unknown_kind"
SEALED: Final = "sealed"


def receive(letter: DeadLetter) -> Refusal | None:
    """Send a letter in again, as of the time it came in; return why it cannot be used, None where it was.

    To be called within a transaction. What a refused one wrote is taken back, new letters about it too.
    """
    platform = letter.platform
    try:
        payload = tokens.unseal(letter.payload)
    except ImproperlyConfigured as error:
        return Refusal(code=SEALED, detail=str(error))
    if isinstance(payload, dict) and LEFT_OUT in payload:
        return Refusal(
            code=TOO_LARGE,
            detail="The content was too large to be kept whole; the shop has to send it again.",
        )
    way = _way(letter.kind, payload)
    if way is None:
        return Refusal(code=UNKNOWN_KIND, detail=f"Nothing takes in letters of the kind {letter.kind!r}.")
    source = letter.source or sources.default(platform, Source.Kind.SDK if way is _call else Source.Kind.REST)
    with transaction.atomic():
        try:
            refusal = way(platform, letter, payload, source)
        except BusyError as error:
            refusal = Refusal(code=BUSY, detail=str(error))
        if refusal is not None:
            transaction.set_rollback(True)
    return refusal


Way = Callable[[Platform, DeadLetter, Any, Source], Refusal | None]


def _way(kind: str, payload: Any) -> Way | None:
    if kind == EVENT and (
        not isinstance(payload, dict) or "type" in payload or EVENT not in recording.WRITERS
    ):
        return _call
    return WAYS.get(kind) or (_record if kind in recording.WRITERS else None)


def _call(platform: Platform, letter: DeadLetter, payload: Any, source: Source) -> Refusal | None:
    """Send in a call of the event dialect."""
    (verdict,) = receive_calls(
        platform, [payload], source=source, trusted=letter.trusted, received_at=letter.received_at
    )
    if verdict.status is not Status.REJECTED:
        return None
    return Refusal(code=verdict.code, detail=verdict.detail, field=verdict.field)


def _order(platform: Platform, letter: DeadLetter, payload: Any, source: Source) -> Refusal | None:
    told = apply_orders(
        platform,
        [payload],
        source=source,
        trusted=letter.trusted,
        received_at=letter.received_at,
        letters="none",
    )
    return _judged(told[0])


def _change(platform: Platform, letter: DeadLetter, payload: Any, source: Source) -> Refusal | None:
    told = apply_changes(
        platform,
        [payload],
        source=source,
        trusted=letter.trusted,
        received_at=letter.received_at,
        letters="none",
    )
    return _judged(told[0])


def _judged(told: Told) -> Refusal | None:
    """Return why the word still cannot be used; what would have to wait again cannot either."""
    waits = told.status is Outcome.ACCEPTED and bool(told.code)
    if not waits and told.status is not Outcome.REJECTED:
        return None
    return Refusal(code=told.code, detail=told.detail, field=told.field)


def _record(platform: Platform, letter: DeadLetter, payload: Any, source: Source) -> Refusal | None:
    """Send in a record of the API."""
    answer = recording.record(
        platform, letter.kind, [payload], replace=False, source=source, now=letter.received_at
    )
    if not answer.rejected:
        return None
    refused = answer.rejected[0]
    return Refusal(code=refused.code, detail=refused.detail, field=refused.field)


WAYS: Final[Mapping[str, Way]] = MappingProxyType({"order": _order, "change": _change})
"""How letters of each kind are sent in again; other kinds of records go by `recording.record`."""
