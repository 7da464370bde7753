"""Data quality of a platform: what became of what came in, per source and day, and what needs a person's eye."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final

from django.db.models import Count, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import TruncDate

from precision.engine.paging import TooSlowError, time_limit
from precision.shop import exchange, sources
from precision.shop.models import DeadLetter, Event, Platform, Source, Tally
from precision.shop.tallies import Outcome

SENSOR_EVENT: Final = "Sensor Reading"
LIVE_SECONDS: Final = 3.0
"""Time for each count that has to look at the facts themselves."""
TOO_SLOW: Final = "There is too much to count it in a moment; choose fewer days."
NO_SOURCE: Final = "–"
MOST_SENSORS: Final = 500
OUTCOMES: Final = tuple(Outcome)


@dataclass(slots=True, kw_only=True)
class Line:
    """What became of the records of one source on one day (of receipt, UTC)."""

    source: str
    """Its key; NO_SOURCE where a fact names none."""
    name: str
    day: date | None
    """None in the line of totals."""
    counts: Counter[Outcome] = field(default_factory=Counter)
    rejected_by: Counter[str] = field(default_factory=Counter)
    waiting: int = 0
    """Dead letters of that day that wait for somebody."""

    def add(self, other: "Line") -> None:
        """Add the counts of another line."""
        self.counts.update(other.counts)
        self.rejected_by.update(other.rejected_by)
        self.waiting += other.waiting

    def as_row(self) -> dict[str, Any]:
        """Return the line as plain values, every outcome by its name."""
        counts = {outcome.value: self.counts[outcome] for outcome in OUTCOMES}
        return {
            "source": self.source, "name": self.name, "day": self.day, **counts, "waiting": self.waiting,
            "rejected_by": dict(sorted(self.rejected_by.items())),
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """A source whose use of the data is not accounted for."""

    source: str
    name: str
    missing: tuple[str, ...]
    """licence, basis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """The readings of one kind of sensor on one day (of the reading, UTC)."""

    sensor: str
    day: date
    readings: int
    stores: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Data quality of a platform from `start` until before `end`."""

    start: date
    end: date
    lines: list[Line]
    """Newest day first, then by source."""
    totals: list[Line]
    """One line a source, and the sum of all at the end."""
    flags: list[Flag]
    foreign: Mapping[str, int] | None
    """Orders (by day of placing, UTC) per foreign currency that no exchange rate converts; None: too slow."""
    sensors: list[Sensor] | None
    """None: too slow."""


def report(platform: Platform, *, start: date, end: date, kind: str = "") -> Report:
    """Return the data quality of a platform from `start` until before `end`; of one kind of record, or of all.

    Those that have to look at orders and events stop after LIVE_SECONDS each.
    """
    lines = _lines(platform, start=start, end=end, kind=kind)
    return Report(
        start=start,
        end=end,
        lines=lines,
        totals=_totals(lines),
        flags=[
            Flag(source=source.key, name=source.name or source.key, missing=missing)
            for source in Source.objects.filter(platform=platform).order_by("key")
            if (missing := sources.unaccounted(source))
        ],
        foreign=_foreign(platform, start=start, end=end),
        sensors=_sensors(platform, start=start, end=end),
    )


def _lines(platform: Platform, *, start: date, end: date, kind: str) -> list[Line]:
    """Return the lines of the tallies and of the dead letters that wait. Three queries, each by an index."""
    named = {source.pk: source for source in Source.objects.filter(platform=platform)}
    found: dict[tuple[int | None, date], Line] = {}

    def line(source: int | None, day: date) -> Line:
        known = named.get(source) if source is not None else None
        key, name = (known.key, known.name or known.key) if known else (NO_SOURCE, "no source named")
        return found.setdefault((source, day), Line(source=key, name=name, day=day))

    tallies = Tally.objects.filter(platform=platform, day__gte=start, day__lt=end)
    letters = DeadLetter.objects.filter(
        platform=platform,
        status=DeadLetter.Status.WAITING,
        received_at__gte=_midnight(start),
        received_at__lt=_midnight(end),
    )
    if kind:
        tallies, letters = tallies.filter(kind=kind), letters.filter(kind=kind)
    rows = (
        tallies.order_by().values_list("source_id", "day", "outcome", "reason").annotate(total=Sum("count"))
    )
    for source, day, outcome, reason, total in rows:
        if outcome not in OUTCOMES:
            continue  # of a later version
        each = line(source, day)
        each.counts[Outcome(outcome)] += total
        if outcome == Outcome.REJECTED:
            each.rejected_by[reason or "unknown"] += total
    waiting = letters.order_by().values_list("source_id", TruncDate("received_at", tzinfo=UTC))
    for source, day, total in waiting.annotate(total=Count("id")):
        line(source, day).waiting += total
    return sorted(found.values(), key=lambda each: (-(each.day or start).toordinal(), each.source))


def _totals(lines: list[Line]) -> list[Line]:
    """Return one line a source, and the sum of all at the end."""
    found: dict[str, Line] = {}
    whole = Line(source="", name="all sources", day=None)
    for each in sorted(lines, key=lambda line: line.source):
        found.setdefault(each.source, Line(source=each.source, name=each.name, day=None)).add(each)
        whole.add(each)
    return [*found.values(), whole]


def _foreign(platform: Platform, *, start: date, end: date) -> Mapping[str, int] | None:
    try:
        with time_limit(LIVE_SECONDS):
            return exchange.without_rate(platform, start=start, end=end)
    except TooSlowError:
        return None


def _sensors(platform: Platform, *, start: date, end: date) -> list[Sensor] | None:
    """Return the readings per kind of sensor and day; the index on shop and time bounds what is read."""
    readings = Event.objects.filter(
        platform=platform, name=SENSOR_EVENT, at__gte=_midnight(start), at__lt=_midnight(end)
    )
    rows = (
        readings.order_by()
        .annotate(sensor=KeyTextTransform("sensor", "properties"), day=TruncDate("at", tzinfo=UTC))
        .values("sensor", "day")
        .annotate(readings=Count("id"), stores=Count("store_id", distinct=True))
        .order_by("-day", "sensor")
    )
    try:
        with time_limit(LIVE_SECONDS):
            return [
                Sensor(sensor=(row["sensor"] or NO_SOURCE)[:100], day=row["day"],
                       readings=row["readings"], stores=row["stores"])
                for row in rows[:MOST_SENSORS]
            ]  # fmt: skip
    except TooSlowError:
        return None


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
