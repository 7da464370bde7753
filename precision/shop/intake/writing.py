"""Calls that were read into the tables: one transaction for those of many requests."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from django.db import connection, transaction

from precision.shop import dead_letters, segment_spec, stitching, tallies
from precision.shop.dead_letters import Letter
from precision.shop.intake import events_table, guard, known, people, turn
from precision.shop.intake.events_table import Key, Row
from precision.shop.intake.known import Known
from precision.shop.intake.order_events import OrderEvent
from precision.shop.intake.orders import apply_events
from precision.shop.intake.reading import Reading
from precision.shop.intake.times import LATE
from precision.shop.intake.verdicts import ACCEPTED, DUPLICATE, RefusedError, Verdict
from precision.shop.models import Platform, Product, Source, Store
from precision.shop.records import Code
from precision.shop.tallies import Outcome

KIND: Final = "event"
PATIENCE: Final = "4s"
"""How long a write waits for another writer of the same rows, a long import say, before it gives up."""


@dataclass(slots=True, kw_only=True)
class Submission:
    """The calls of one request: what was read, and of each call (by its place) what became of it."""

    platform: Platform
    source: Source
    trusted: bool
    received: datetime
    readings: dict[int, Reading] = field(default_factory=dict)
    refused: dict[int, tuple[Verdict, Any]] = field(default_factory=dict)
    """Verdict and the call as it came."""
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    """Of the readings, once they are written."""
    counts: Counter[tuple[Outcome, str]] = field(default_factory=Counter)

    def part(self, places: Iterable[int], *, refused: bool) -> "Submission":
        """Return a submission of the readings at some places, with what was refused already or without."""
        return replace(
            self,
            readings={place: self.readings[place] for place in places},
            refused=self.refused if refused else {},
            verdicts={},
            counts=Counter(),
        )

    def take(self, part: "Submission") -> None:
        """Take over what became of a part."""
        self.verdicts.update(part.verdicts)
        self.refused.update(part.refused)

    def refuse_all(self, code: Code) -> None:
        """Refuse what was read."""
        for place, reading in self.readings.items():
            self.refused[place] = (RefusedError(code, "").verdict, reading.call)
        self.readings.clear()


def write(submissions: Sequence[Submission]) -> None:
    """Write the submissions and set their verdicts; all of them are durable on return, or nothing was written.

    Durable unless the caller has opened a transaction of its own. Raises django's OperationalError when another writer
    holds the same rows for too long.
    """
    nested = connection.in_atomic_block
    days = {submission.received.astimezone(UTC).date() for submission in submissions}
    events_table.ensure_months(days)
    by_platform: dict[int, list[Submission]] = {}
    for submission in submissions:
        by_platform.setdefault(submission.platform.pk, []).append(submission)
    # What is learned within somebody else's transaction may yet be rolled back: it is forgotten at the end.
    knowns = {number: Known() if nested else known.of(number) for number in by_platform}
    for submission in submissions:  # it may be a second try
        submission.verdicts.clear()
        submission.counts.clear()
    try:
        with transaction.atomic():
            turn.settle(submissions)
            _write(by_platform, knowns)
    except BaseException:
        for one in knowns.values():
            one.forget_people()
        raise
    for one in knowns.values():
        one.trim()


def _write(by_platform: dict[int, list[Submission]], knowns: dict[int, Known]) -> None:
    everybody = [one for number in sorted(by_platform) for one in by_platform[number]]
    erasures = guard.share({one.platform.organisation_id for one in everybody}, patience=PATIENCE)
    rows: dict[Key, Row] = {}
    for number in sorted(by_platform):
        some, here = by_platform[number], knowns[number]
        platform = some[0].platform
        here.refresh(erasures.get(platform.organisation_id, 0))
        readings = [reading for one in some for reading in one.readings.values()]
        if readings:
            people.resolve(platform, here, readings, now=some[0].received)
            _learn_catalogue(platform, here, readings)
        for one in some:
            _add_rows(rows, one, here, platform_id=number, source_id=one.source.pk)
    duplicates = events_table.insert(rows) if rows else set()
    links: dict[int, list[stitching.Link]] = {}
    for one in everybody:
        number, here = one.platform.pk, knowns[one.platform.pk]
        if duplicates:
            for place, reading in one.readings.items():
                if (number, reading.message) in duplicates:
                    one.verdicts[place] = DUPLICATE
        fresh = {place: one.readings[place] for place, told in one.verdicts.items() if told is ACCEPTED}
        found = people.links(one.platform, here, fresh.values(), trusted=one.trusted)
        found += people.tell(one.platform, here, fresh.values(), trusted=one.trusted, now=one.received)
        if found:
            links.setdefault(one.platform.organisation_id, []).extend(found)
        _count(one, fresh.values(), here)
        _hand_on_orders(one, fresh)
        _keep_letters(one)
    _append_counts(everybody)
    for organisation in sorted(links):  # last: it makes others who recompute people wait
        stitching.link(organisation, links[organisation])


def _add_rows(
    rows: dict[Key, Row], one: Submission, here: Known, *, platform_id: int, source_id: int
) -> None:
    """Add a row for each message of the submission that is not among the rows yet; the others are duplicates."""
    users, anonymous, products, stores = here.users, here.anonymous, here.products, here.stores
    for place, reading in one.readings.items():
        key = (platform_id, reading.message)
        if key in rows:
            one.verdicts[place] = DUPLICATE
            continue
        one.verdicts[place] = ACCEPTED
        identity = users[reading.user] if reading.user else None
        if identity is None and reading.anonymous:
            identity = anonymous[reading.anonymous]
        rows[key] = Row(
            platform_id, reading.message, source_id, identity, reading.name, reading.at, one.received,
            products.get(reading.product), stores.get(reading.store), reading.channel, reading.session,
            reading.duration, reading.query, reading.recommendation, reading.properties, reading.known_time,
        )  # fmt: skip


def _learn_catalogue(platform: Platform, here: Known, readings: Iterable[Reading]) -> None:
    """Learn the numbers of the products and stores named; no query where all are known."""
    products, stores = here.products, here.stores
    unknown = {reading.product for reading in readings if reading.product and reading.product not in products}
    if unknown:
        products.update(
            Product.objects.filter(platform=platform, external_id__in=unknown).values_list(
                "external_id", "id"
            )
        )
    unknown = {reading.store for reading in readings if reading.store and reading.store not in stores}
    if unknown:
        stores.update(
            Store.objects.filter(platform=platform, external_id__in=unknown).values_list("external_id", "id")
        )


def _hand_on_orders(one: Submission, fresh: dict[int, Reading]) -> None:
    """Let the events that are orders, or change them, do so; a refusal stands beside the event's own verdict."""
    places = [place for place, reading in fresh.items() if reading.name in segment_spec.ORDERS]
    if not places:
        return
    events = [
        OrderEvent(
            reading.name, reading.call.get("properties") or {}, reading.at, reading.user, reading.anonymous
        )
        for reading in (fresh[place] for place in places)
    ]
    outcomes = apply_events(
        one.platform, events, source=one.source, trusted=one.trusted, received_at=one.received
    )
    for place, told in zip(places, outcomes, strict=True):
        if told.status is Outcome.REJECTED:
            one.verdicts[place] = ACCEPTED._replace(code=told.code, detail=told.detail, field=told.field)


def _keep_letters(one: Submission) -> None:
    """Keep what was refused, so that it can be looked at and sent in again; programs are only counted."""
    letters = [
        Letter(
            kind=KIND,
            code=verdict.code,
            detail=verdict.detail,
            field=verdict.field,
            payload=call,
            trusted=one.trusted,
        )
        for verdict, call in one.refused.values()
        if verdict.code != Code.BOT
    ]
    if letters:
        dead_letters.keep(one.platform, letters, source=one.source)


def _count(one: Submission, fresh: Collection[Reading], here: Known) -> None:
    """Count what became of the calls of a submission."""
    count = one.counts
    for verdict, _ in one.refused.values():
        bot = verdict.code == Code.BOT
        count[(Outcome.BOT, "") if bot else (Outcome.REJECTED, verdict.code)] += 1
    before = one.received - LATE
    late = skewed = unknown = 0
    for reading in fresh:
        if reading.at < before:
            late += 1
        elif reading.skewed:
            skewed += 1
        if reading.product and reading.product not in here.products:
            unknown += 1
    count[Outcome.ACCEPTED, ""] += len(fresh)
    count[Outcome.DUPLICATE, ""] += len(one.readings) - len(fresh)
    count[Outcome.LATE, ""] += late
    count[Outcome.CLOCK_SKEWED, ""] += skewed
    count[Outcome.UNKNOWN_PRODUCT, ""] += unknown


def _append_counts(everybody: Iterable[Submission]) -> None:
    """Append the counts, a row per source and outcome."""
    totals: dict[tuple[int, int], Counter[tuple[Outcome, str]]] = {}
    owners: dict[tuple[int, int], Submission] = {}
    for one in everybody:
        place = (one.platform.pk, one.source.pk)
        owners[place] = one
        totals.setdefault(place, Counter()).update(one.counts)
    for place, total in totals.items():
        owner = owners[place]
        day = owner.received.astimezone(UTC).date()
        tallies.append(owner.platform, owner.source, total, kind=KIND, day=day)
