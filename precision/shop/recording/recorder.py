"""The one way of rows of the API into the tables: read, fold, write, count, all in one transaction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from django.db import transaction

from precision.shop import bulk, dead_letters, tallies
from precision.shop.dead_letters import Letter
from precision.shop.intake import guard
from precision.shop.models import Platform, Source
from precision.shop.recording import catalogue, contacts, events, happenings, orders, people, store_months
from precision.shop.recording.answers import Answer, Refusal
from precision.shop.recording.batch import Batch, Writer, fold
from precision.shop.recording.handed_on import HandedOn, Teller
from precision.shop.recording.reading import Table, read
from precision.shop.records import KINDS
from precision.shop.tallies import Outcome

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
    opened one of its own. Raises KeyError for a kind that nothing writes.

    `trusted`: told by the shop's own server or by staff. Refused rows are kept as dead letters, unless `letters` is
    off because they come from there.
    """
    if kind in HANDED_ON:
        call = HandedOn(
            platform=platform,
            rows=rows,
            replace=replace,
            source=source,
            now=now,
            trusted=trusted,
            letters=letters,
        )
        told = HANDED_ON[kind](call)
        refused = {place: what for place, what in told.items() if isinstance(what, Refusal)}
        answer = _answer({place: what for place, what in told.items() if isinstance(what, str)}, refused)
        own = Answer(rejected=[one for one in answer.rejected if one.index in call.own_refusals])
        with transaction.atomic():
            _note(platform, source, kind, rows, own, now=now, trusted=trusted, letters=letters)
        return answer
    form, write = KINDS[kind], BATCHED[kind]
    optional = JUDGED_LATER.get(kind, frozenset())
    table = read(form, rows, timezone=platform.timezone, now=now, optional=optional)
    folded = fold(form, rows, table.usable(), replace=replace)
    if len(folded.rows) != len(rows):
        usable = read(form, folded.rows, timezone=platform.timezone, now=now, optional=optional)
    else:
        usable = Table(frame=table.frame, nested=table.nested)
    with transaction.atomic():
        guard.share([platform.organisation_id])
        bulk.lock(platform)
        batch = Batch(
            platform=platform, kind=form, rows=folded.rows, table=usable, replace=replace, source=source, now=now,
            trusted=trusted,
        )  # fmt: skip
        outcomes = folded.outcomes(write(batch)) if folded.rows else {}
        refused = dict(table.refused)
        for index, late in batch.refused.items():
            for place in folded.members[index]:
                refused[place] = Refusal(index=place, code=late.code, detail=late.detail, field=late.field)
        answer = _answer(outcomes, refused)
        _note(platform, source, kind, rows, answer, now=now, trusted=trusted, letters=letters)
    return answer


def _note(
    platform: Platform,
    source: Source,
    kind: str,
    rows: Sequence[Any],
    answer: Answer,
    *,
    now: datetime,
    trusted: bool,
    letters: bool,
) -> None:
    """Count the rows, and keep those that were refused."""
    _count(platform, source, kind, answer, now=now)
    if letters and answer.rejected:
        kept = [_letter(kind, one, rows[one.index], trusted=trusted) for one in answer.rejected]
        dead_letters.keep(platform, kept, source=source)


def _letter(kind: str, one: Refusal, row: Any, *, trusted: bool) -> Letter:
    """Return what is kept of a refused row, so that it can be sent in again after a fix."""
    return Letter(kind=kind, code=one.code, detail=one.detail, field=one.field, payload=row, trusted=trusted)


def _answer(outcomes: Mapping[int, str], refused: Mapping[int, Refusal]) -> Answer:
    """Return the counts of the rows."""
    counts = Counter(outcomes.values())
    return Answer(
        accepted=counts[bulk.ACCEPTED],
        updated=counts[bulk.UPDATED],
        duplicate=counts[bulk.DUPLICATE],
        rejected=[refused[place] for place in sorted(refused)],
    )


def _count(platform: Platform, source: Source, kind: str, answer: Answer, *, now: datetime) -> None:
    """Append the counts to those of the source."""
    counts: Counter[tuple[Outcome, str]] = Counter(
        {
            (Outcome.ACCEPTED, ""): answer.accepted,
            (Outcome.UPDATED, ""): answer.updated,
            (Outcome.DUPLICATE, ""): answer.duplicate,
        }
    )
    counts.update((Outcome.REJECTED, one.code) for one in answer.rejected)
    tallies.append(platform, source, counts, kind=kind, day=now.date())
