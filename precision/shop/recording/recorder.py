"""The one way of rows of the API into the tables: read, fold, write, count, all in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected, LockNotAvailable

from precision.shop import bulk, pii
from precision.shop.intake import guard
from precision.shop.intake.committing import BusyError
from precision.shop.models import Platform, Source
from precision.shop.recording import (
    catalogue,
    contacts,
    events,
    happenings,
    noting,
    orders,
    people,
    store_months,
)
from precision.shop.recording.answers import Answer, Refusal
from precision.shop.recording.batch import Batch, Writer, fold
from precision.shop.recording.handed_on import HandedOn, Teller
from precision.shop.recording.reading import Table, read
from precision.shop.records import KINDS

BATCHED: Final[Mapping[str, Writer]] = MappingProxyType(
    {
        "customer": people.write,
        "product": catalogue.write_products,
        "store": catalogue.write_stores,
        "store-month": store_months.write,
        "shipment": happenings.write,
        "ticket": happenings.write,
        "assignment": contacts.write_assignments,
        "exposure": contacts.write_exposures,
        "send": contacts.write_sends,
        "response": contacts.write_responses,
    }
)
"""How each kind of record is written here."""
HANDED_ON: Final[Mapping[str, Teller]] = MappingProxyType(
    {"order": orders.tell_orders, "refund": orders.tell_refunds, "event": events.tell}
)
"""Kinds that have an intake of their own, to which they are handed on."""
WRITERS: Final = frozenset({*BATCHED, *HANDED_ON})
"""The kinds of records that can be written."""
JUDGED_LATER: Final = MappingProxyType({"product": frozenset({"title"})})
"""Required fields that a record may lack when the tables have it already."""
ROUNDS: Final = 3
"""How often a call is written anew because another writer was in the way."""
PATIENCE: Final = "20s"
"""How long a call waits for another writer of the platform, a long import say, before it gives up."""


def record(
    platform: Platform,
    kind: str,
    rows: Sequence[Any],
    *,
    replace: bool,
    source: Source,
    now: datetime,
    trusted: bool = True,
    letters: bool = True,
) -> Answer:
    """Write rows of JSON as records of the kind; return what became of each.

    A new id is accepted, the same content is a duplicate, other content updates the given fields (with `replace`
    those that are not given are emptied; identity and history stay). A row that cannot be used is refused with its
    place, code and field, and the others are taken: in one transaction, durable on return unless the caller has
    opened one of its own. Raises KeyError for a kind that nothing writes, BusyError when other writers hold the rows
    for too long; then nothing was written.

    `trusted`: told by the shop's own server or by staff. Refused rows are kept as dead letters, unless `letters` is
    off because they come from there.
    """
    if kind in HANDED_ON:
        call = HandedOn(
            platform=platform, rows=rows, replace=replace, source=source, now=now, trusted=trusted,
            letters=letters,
        )  # fmt: skip
        return _hand_on(kind, call)
    form = KINDS[kind]
    optional = JUDGED_LATER.get(kind, frozenset())
    table = read(form, rows, timezone=platform.timezone, now=now, optional=optional)
    folded = fold(form, rows, table.usable(), replace=replace)
    usable = Table(frame=table.frame, nested=table.nested)
    if len(folded.rows) != len(rows):
        usable = read(form, folded.rows, timezone=platform.timezone, now=now, optional=optional)

    def write() -> Answer:
        batch = Batch(
            platform=platform, kind=form, rows=folded.rows, table=usable, replace=replace, source=source, now=now,
            trusted=trusted,
        )  # fmt: skip
        outcomes = folded.outcomes(BATCHED[kind](batch)) if folded.rows else {}
        refused = dict(table.refused)
        for index, late in batch.refused.items():
            for place in folded.members[index]:
                refused[place] = Refusal(index=place, code=late.code, detail=late.detail, field=late.field)
        answer = noting.answer_of(outcomes, refused)
        noting.count(platform, source, kind, answer, now=now)
        if letters:
            noting.keep(platform, source, kind, rows, answer, trusted=trusted)
        return answer

    return _alone(platform, write)


def _hand_on(kind: str, call: HandedOn) -> Answer:
    """Hand rows on to the intake of their kind; what was refused before is counted and kept here."""
    told = HANDED_ON[kind](call)
    refused = {place: what for place, what in told.items() if isinstance(what, Refusal)}
    answer = noting.answer_of({place: what for place, what in told.items() if isinstance(what, str)}, refused)
    own = Answer(rejected=[one for one in answer.rejected if one.index in call.own_refusals])
    if own.rejected:
        with transaction.atomic():
            noting.count(call.platform, call.source, kind, own, now=call.now)
            if call.letters:
                noting.keep(call.platform, call.source, kind, call.rows, own, trusted=call.trusted)
    return answer


def _alone(platform: Platform, write: Callable[[], Answer]) -> Answer:
    """Run `write` in a transaction that other writers of the platform wait for; again where they were in the way."""
    pii.match_key(platform.organisation_id)  # read within a transaction it is not remembered
    for last in (*[False] * (ROUNDS - 1), True):
        try:
            with transaction.atomic():
                _wait_at_most(PATIENCE)
                bulk.lock(platform)
                # In this order, which is also that of an erasure.
                guard.share([platform.organisation_id], patience=PATIENCE)
                return write()
        except OperationalError as error:
            waited = isinstance(error.__cause__, LockNotAvailable)
            if not isinstance(error.__cause__, DeadlockDetected) and not waited:
                raise
            if last or waited:
                raise BusyError("Another writer of this platform holds the rows.") from error
    raise AssertionError("The last round returns or raises.")


def _wait_at_most(patience: str) -> None:
    """Let the running transaction wait no longer than this for any one lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [patience])
