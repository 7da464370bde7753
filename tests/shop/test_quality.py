"""What came in, counted per source and day; tallies added up without losing or doubling any; flags and live counts."""

import threading
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from precision.shop import platforms, quality, sources, tallies
from precision.shop.models import (
    DeadLetter,
    Event,
    ExchangeRate,
    Order,
    Platform,
    Source,
    Store,
    Tally,
)
from precision.shop.partitions import ensure_month
from precision.shop.tallies import Outcome

MONDAY = date(2026, 11, 23)
TUESDAY = MONDAY + timedelta(days=1)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def tally(
    platform: Platform, source: Source | None, day: date, counts: dict[Any, int], kind: str = "event"
) -> None:
    tallies.append(platform, source, counts, kind=kind, day=day)


def letter(platform: Platform, source: Source | None, at: datetime, **given: Any) -> None:
    made = DeadLetter.objects.create(
        platform=platform, source=source, kind="event", code="bad", payload={}, **given
    )
    DeadLetter.objects.filter(pk=made.pk).update(received_at=at)


@pytest.fixture
def told(platform: Platform) -> Platform:
    """Two sources over two days, rows without a source, and another shop's."""
    sdk = Source.objects.create(
        platform=platform, key="sdk", name="Web site", kind="sdk", licence="own", basis="consent"
    )
    files = Source.objects.create(platform=platform, key="files", kind="files", licence=" ")
    tally(platform, sdk, MONDAY, {(Outcome.ACCEPTED, ""): 10, (Outcome.REJECTED, "missing"): 2})
    tally(
        platform,
        sdk,
        MONDAY,
        {(Outcome.ACCEPTED, ""): 5, (Outcome.REJECTED, "too_long"): 1, (Outcome.LATE, ""): 4},
    )
    tally(platform, sdk, TUESDAY, {(Outcome.DUPLICATE, ""): 3, (Outcome.BOT, ""): 7})
    tally(platform, files, MONDAY, {(Outcome.UPDATED, ""): 6, (Outcome.REJECTED, ""): 1}, kind="order")
    tally(platform, None, TUESDAY, {(Outcome.UNKNOWN_PRODUCT, ""): 8})
    tally(platform, sdk, MONDAY - timedelta(days=1), {(Outcome.ACCEPTED, ""): 99})
    tally(platform, sdk, TUESDAY + timedelta(days=1), {(Outcome.ACCEPTED, ""): 99})
    platforms.create_platform("other", name="Other")
    tally(Platform.objects.get(key="other"), None, MONDAY, {(Outcome.ACCEPTED, ""): 1_000})
    letter(platform, sdk, NOON)
    letter(platform, sdk, NOON, status=DeadLetter.Status.REPLAYED)
    letter(platform, files, NOON + timedelta(days=1))
    letter(Platform.objects.get(key="other"), None, NOON)
    return platform


def table(lines: list[quality.Line]) -> list[tuple[Any, ...]]:
    return [
        (line.source, line.day, dict(line.counts), dict(line.rejected_by), line.waiting) for line in lines
    ]


def report(platform: Platform, **given: Any) -> quality.Report:
    return quality.report(platform, start=MONDAY, end=TUESDAY + timedelta(days=1), **given)


@pytest.mark.django_db
def test_every_count_stands_at_its_source_and_day(told: Platform) -> None:
    found = report(told)
    monday = {Outcome.ACCEPTED: 15, Outcome.REJECTED: 3, Outcome.LATE: 4}
    assert table(found.lines) == [
        ("files", TUESDAY, {}, {}, 1),
        ("sdk", TUESDAY, {Outcome.DUPLICATE: 3, Outcome.BOT: 7}, {}, 0),
        (quality.NO_SOURCE, TUESDAY, {Outcome.UNKNOWN_PRODUCT: 8}, {}, 0),
        ("files", MONDAY, {Outcome.UPDATED: 6, Outcome.REJECTED: 1}, {"unknown": 1}, 0),
        ("sdk", MONDAY, monday, {"missing": 2, "too_long": 1}, 1),
    ]
    assert [(line.source, sum(line.counts.values()), line.waiting) for line in found.totals] == [
        ("files", 7, 1),
        ("sdk", 32, 1),
        (quality.NO_SOURCE, 8, 0),
        ("", 47, 2),
    ]


@pytest.mark.django_db
def test_one_kind_of_record(told: Platform) -> None:
    assert [(line.source, line.day) for line in report(told, kind="order").lines] == [("files", MONDAY)]


@pytest.mark.django_db
def test_sources_without_licence_or_basis_are_flagged(told: Platform) -> None:
    assert [(flag.source, flag.missing) for flag in report(told).flags] == [("files", ("licence", "basis"))]
    assert sources.unaccounted(Source(licence="CC BY 4.0")) == ("basis",)


@pytest.mark.django_db
def test_foreign_orders_without_a_rate_are_counted(platform: Platform) -> None:
    rate = {"organisation": platform.organisation, "currency": "USD", "target": "EUR", "rate": "0.9"}
    ExchangeRate.objects.create(day=TUESDAY, **rate)
    for number, (currency, day) in enumerate(
        [
            ("USD", MONDAY),
            ("USD", TUESDAY),
            ("JPY", MONDAY),
            ("JPY", TUESDAY),
            ("EUR", MONDAY),
            ("JPY", date(2026, 11, 25)),
        ]
    ):
        Order.objects.create(
            platform=platform, external_id=str(number), currency=currency, fingerprint=0,
            placed_at=datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC),
        )  # fmt: skip
    assert report(platform).foreign == {"JPY": 2, "USD": 1}


@pytest.mark.django_db
def test_sensor_readings_per_kind_and_day(platform: Platform) -> None:
    ensure_month(MONDAY)
    store = Store.objects.create(platform=platform, external_id="S1")
    for number, (sensor, at, name) in enumerate(
        [
            ("shelf", NOON, "Sensor Reading"),
            ("shelf", NOON, "Sensor Reading"),
            ("location", NOON, "Sensor Reading"),
            ("shelf", NOON + timedelta(days=1), "Sensor Reading"),
            ("shelf", NOON, "Product Viewed"),
            ("shelf", NOON + timedelta(days=9), "Sensor Reading"),
        ]
    ):
        Event.objects.create(
            platform=platform, name=name, at=at, received_at=NOON, message=number.to_bytes(16, "big"), store=store,
            properties={"sensor": sensor, "value": 1, "unit": "pieces"},
        )  # fmt: skip
    found = report(platform).sensors
    assert found is not None
    assert [(each.sensor, each.day, each.readings, each.stores) for each in found] == [
        ("shelf", TUESDAY, 1, 1),
        ("location", MONDAY, 1, 1),
        ("shelf", MONDAY, 2, 1),
    ]


@pytest.mark.django_db
def test_too_slow_is_said_and_not_zero(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    Order.objects.create(platform=platform, external_id="1", currency="USD", fingerprint=0, placed_at=NOON)

    def slow(*_: Any, **__: Any) -> dict[str, int]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(20)")
        return {}

    monkeypatch.setattr(quality, "LIVE_SECONDS", 0.05)
    monkeypatch.setattr(quality.exchange, "without_rate", slow)
    assert report(platform).foreign is None


def sums() -> Counter[tuple[Any, ...]]:
    found: Counter[tuple[Any, ...]] = Counter()
    for row in Tally.objects.all():
        found[row.platform_id, row.source_id, row.day, row.kind, row.outcome, row.reason] += row.count
    return found


@pytest.mark.django_db
def test_folding_leaves_one_row_a_key_and_every_sum(told: Platform) -> None:
    tally(told, None, MONDAY, {(Outcome.ACCEPTED, ""): 2})
    tally(told, None, MONDAY, {(Outcome.ACCEPTED, ""): 3})
    before = sums()
    others = Tally.objects.exclude(platform=told).count()
    assert tallies.fold(TUESDAY, platform=told) == 2
    assert sums() == before
    assert Tally.objects.filter(platform=told, day=MONDAY).count() == 7
    assert Tally.objects.exclude(platform=told).count() == others
    assert tallies.fold(TUESDAY, platform=told) == 0


@pytest.mark.django_db
def test_folding_spares_the_days_that_still_grow(platform: Platform) -> None:
    for _ in range(2):
        tally(platform, None, TUESDAY, {(Outcome.ACCEPTED, ""): 1})
    assert tallies.fold(TUESDAY, platform=platform) == 0
    assert Tally.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_folding_beside_writers_and_other_folders_loses_and_doubles_nothing(platform: Platform) -> None:
    """Four writers append while three others fold, again and again; every count is there once at the end."""
    start = threading.Barrier(7)
    failures: list[BaseException] = []

    def write(number: int) -> None:
        for turn in range(40):
            tally(
                platform,
                None,
                MONDAY,
                {(Outcome.ACCEPTED, ""): 1, (Outcome.REJECTED, f"r{turn % 3}"): number},
            )

    def fold(_: int) -> None:
        for _ in range(25):
            tallies.fold(TUESDAY, platform=platform)

    def run(work: Any, number: int) -> None:
        try:
            start.wait()
            work(number)
        except BaseException as error:  # noqa: BLE001 told to the test below
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work, n)) for work, n in
               [(write, 1), (write, 2), (write, 3), (write, 4), (fold, 0), (fold, 0), (fold, 0)]]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    tallies.fold(TUESDAY, platform=platform)
    counts = {(row.outcome, row.reason): row.count for row in Tally.objects.all()}
    assert len(counts) == Tally.objects.count() == 4
    assert counts == {
        ("accepted", ""): 160,
        ("rejected", "r0"): 140,
        ("rejected", "r1"): 130,
        ("rejected", "r2"): 130,
    }
