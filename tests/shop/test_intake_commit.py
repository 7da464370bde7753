"""Requests that come at the same time are written together, and each returns when its own events are durable."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DataError, OperationalError, connection
from psycopg.errors import DeadlockDetected

from precision.shop import intake, platforms, sources
from precision.shop.intake import Status, committing, events_table, known, turn, writing
from precision.shop.models import Customer, DeadLetter, Event, Identity, Organisation, Platform, Source, Tally

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def place() -> Iterator[Platform]:
    known.forget()
    platforms.create_platform("busy", name="Busy")
    yield Platform.objects.get(key="busy")
    known.forget()


def call(message: str, **given: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Product Viewed", "anonymousId": "v", "messageId": message, **given}


def tell(place: Platform, *calls: Any) -> list[intake.Verdict]:
    source = sources.default(place, Source.Kind.SDK)
    return intake.receive(place, calls, source=source, trusted=True, received_at=NOW)


def in_threads(jobs: list[Any]) -> list[Any]:
    """Run the jobs at the same time; return what each gave, or its error."""
    start = threading.Barrier(len(jobs))

    def run(job: Any) -> Any:
        start.wait()
        try:
            return job()
        except Exception as error:  # noqa: BLE001 looked at by the test
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def test_each_of_many_requests_is_durable_once(place: Platform) -> None:
    sources.default(place, Source.Kind.SDK)
    jobs = [
        lambda n=n: tell(place, *(call(f"m{n % 12}-{k}", userId=f"u{n % 5}") for k in range(20)))
        for n in range(24)
    ]
    outcomes = in_threads(jobs)
    verdicts = [one.status for told in outcomes for one in told]
    assert verdicts.count(Status.ACCEPTED) == 240
    assert verdicts.count(Status.DUPLICATE) == 240
    assert Event.objects.count() == 240
    assert len(set(Event.objects.values_list("message", flat=True))) == 240
    assert sum(row.count for row in Tally.objects.filter(outcome="accepted")) == 240
    assert Identity.objects.count() == Customer.objects.count() == 6


def test_those_that_wait_are_written_together(place: Platform, monkeypatch: Any) -> None:
    sources.default(place, Source.Kind.SDK)
    entered, go_on = threading.Event(), threading.Event()
    sizes: list[int] = []

    def slow(submissions: Any) -> None:
        sizes.append(len(submissions))
        if len(sizes) == 1:
            entered.set()
            assert go_on.wait(30)
        writing.write(submissions)

    monkeypatch.setattr(committing, "write", slow)
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(tell, place, call("m0"))
        assert entered.wait(30)
        others = [pool.submit(tell, place, call(f"m{n}")) for n in range(1, 6)]
        while len(committing._queue) < 5:
            time.sleep(0.001)
        go_on.set()
        for one in (first, *others):
            assert one.result(30)[0].status == Status.ACCEPTED
        list(pool.map(lambda _: connection.close(), range(6)))
    assert sizes == [1, 5]
    assert Event.objects.count() == 6


def test_a_full_queue_refuses(place: Platform, monkeypatch: Any) -> None:
    monkeypatch.setattr(committing, "WAITING", 2)
    with pytest.raises(committing.BusyError):
        tell(place, call("a"), call("b"), call("c"))
    assert not Event.objects.exists()
    assert tell(place, call("a"), call("b"))[0].status == Status.ACCEPTED


def test_what_the_database_refuses_is_refused_alone(place: Platform, monkeypatch: Any) -> None:
    insert = events_table.insert

    def picky(rows: Any) -> Any:
        if any(row.name == "poison" for row in rows.values()):
            raise DataError("no such thing")
        return insert(rows)

    monkeypatch.setattr(events_table, "insert", picky)
    calls = [call(f"m{n}", event="poison" if n == 3 else "fine") for n in range(7)]
    verdicts = tell(place, *calls, {"type": "dance"})
    assert [one.code for one in verdicts] == ["", "", "", "unusable", "", "", "", "not_a_choice"]
    assert Event.objects.count() == 6
    assert sorted(DeadLetter.objects.values_list("code", flat=True)) == ["not_a_choice", "unusable"]
    counts: dict[str, int] = {}
    for row in Tally.objects.all():
        counts[row.outcome] = counts.get(row.outcome, 0) + row.count
    assert counts == {"accepted": 6, "rejected": 2}


def test_a_deadlock_is_tried_again(place: Platform, monkeypatch: Any) -> None:
    tries = []

    def unlucky(submissions: Any) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError from DeadlockDetected()
        writing.write(submissions)

    monkeypatch.setattr(committing, "write", unlucky)
    assert tell(place, call("a"))[0].status == Status.ACCEPTED
    assert len(tries) == 3


def test_a_database_that_does_not_answer_is_told(place: Platform, monkeypatch: Any) -> None:
    def broken(submissions: Any) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(committing, "write", broken)
    with pytest.raises(committing.UnavailableError):
        tell(place, call("a"))
    monkeypatch.undo()
    assert tell(place, call("a"))[0].status == Status.ACCEPTED


def test_what_is_remembered_ends_with_an_erasure(place: Platform) -> None:
    tell(place, call("a", userId="u1"))
    old = Identity.objects.get(value="u1")
    assert known.of(place.pk).users == {"u1": old.pk}
    Event.objects.all().delete()
    Identity.objects.filter(pk=old.pk).update(value="gone")
    Organisation.objects.filter(pk=place.organisation_id).update(erasures=1)
    tell(place, call("b", userId="u1"))
    event = Event.objects.get()
    assert event.identity_id is not None
    assert event.identity_id != old.pk


def test_a_message_at_the_turn_of_the_month_is_kept_once(place: Platform, monkeypatch: Any) -> None:
    """One delivery came just before midnight and is written after it, when the other is there already."""
    before, after = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC), datetime(2026, 12, 1, 0, 0, 1, tzinfo=UTC)
    monkeypatch.setattr(turn.settle, "__kwdefaults__", {"clock": lambda: after})
    source = sources.default(place, Source.Kind.SDK)
    told = [
        intake.receive(
            place,
            [call("a", timestamp="2026-11-30T23:59:50Z")],
            source=source,
            trusted=True,
            received_at=received,
        )
        for received in (after, before)
    ]
    assert [one.status for (one,) in told] == [Status.ACCEPTED, Status.DUPLICATE]
    assert Event.objects.count() == 1


def test_a_month_ago_on_purpose_stays_there(monkeypatch: Any, place: Platform) -> None:
    midnight = datetime(2026, 12, 1, tzinfo=UTC)
    monkeypatch.setattr(turn.settle, "__kwdefaults__", {"clock": lambda: midnight})
    tell(place, call("a"))
    assert Event.objects.get().received_at == NOW
