"""What is older than it is kept goes, and nothing younger; events only once the history has them."""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command

from precision.engine.windows import Window
from precision.shop import history, identities, partitions, platforms, retention
from precision.shop.models import DeadLetter, Event, Identity, Platform, Profile

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
EVER = Window.before(date(2026, 12, 1), days=800, timezone="UTC")


def ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


def event(platform: Platform, days: int, *, identity: int | None = None) -> int:
    at = ago(days)
    partitions.ensure_month(at.date())
    made = Event.objects.create(
        platform=platform,
        name="Product Viewed",
        at=at,
        received_at=at,
        message=os.urandom(16),
        identity_id=identity,
    )
    return int(made.pk)


def person(platform: Platform, name: str, *, since: int) -> int:
    number = identities.resolve(platform, {("customer_id", name)}, now=ago(since))[("customer_id", name)]
    Profile.objects.create(identity_id=number, city="Town")
    Profile.objects.filter(identity=number).update(updated_at=ago(since))
    return number


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ([], "object"),
        ({"letters": 3}, "no kind “letters”"),
        ({"dead_letters": "30"}, "whole days from 1"),
        ({"dead_letters": True}, "whole days from 1"),
        ({"dead_letters": None}, "cannot be kept for ever"),
        ({"events": 30}, "whole days from 92"),
        ({"exposures": -1}, "whole days from 31"),
    ],
)
def test_days_that_mean_nothing_are_refused(given: Any, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        retention.validate(given)


def test_a_platform_may_keep_for_longer_or_less_long(platform: Platform) -> None:
    assert retention.days(platform, "events") == 365
    platform.retention = {"events": None, "rejects": 3, "exposures": 5}
    assert [retention.days(platform, kind) for kind in ("events", "rejects", "exposures")] == [None, 3, 365]


@pytest.mark.django_db(transaction=True)
def test_events_go_by_whole_months_once_the_history_has_them(platform: Platform) -> None:
    old, young = event(platform, 430), event(platform, 360)
    months = [partitions.name_of(ago(days).date()) for days in (430, 360)]
    done = retention.expire(NOW)
    assert done.failed == []
    assert months[0] in done.partitions
    assert months[1] not in done.partitions
    assert list(Event.objects.values_list("pk", flat=True)) == [young]
    lake = history.scan("events", EVER, platform=platform).collect().to_native()
    assert lake.height == 2
    assert retention.expire(NOW).partitions == []
    assert old != young


@pytest.mark.django_db(transaction=True)
def test_a_platform_that_keeps_events_for_ever_keeps_the_months_of_all(platform: Platform) -> None:
    platforms.create_platform("museum", name="Museum")
    Platform.objects.filter(key="museum").update(retention={"events": None})
    Platform.objects.filter(key="corner").update(retention={"events": 100})
    museum = Platform.objects.get(key="museum")
    kept = [event(platform, 99), event(museum, 430)]
    event(platform, 102)
    done = retention.expire(NOW)
    assert done.partitions == []
    assert done.rows == 1
    assert sorted(Event.objects.values_list("pk", flat=True)) == sorted(kept)


@pytest.mark.django_db(transaction=True)
def test_events_that_the_history_lacks_stay(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    event(platform, 430)

    def broken(*_: Any, **__: Any) -> Any:
        raise history.HistoryError("The disk is full.")

    monkeypatch.setattr(history, "drop_exported", broken)
    done = retention.expire(NOW)
    assert done.failed == ["events: The disk is full.", "exposures: The disk is full."]
    assert Event.objects.count() == 1
    with pytest.raises(Exception, match="The disk is full"):
        call_command("expire")


@pytest.mark.django_db(transaction=True)
def test_dead_letters_and_files_go_by_their_days(platform: Platform, var: Path) -> None:
    platforms.create_platform("corner-two", name="Another")
    Platform.objects.filter(key="corner").update(retention={"dead_letters": 10, "rejects": 10})
    for days in (9, 11):
        letter = DeadLetter.objects.create(platform=platform, kind="event", code="x", payload={})
        DeadLetter.objects.filter(pk=letter.pk).update(received_at=ago(days))
    (var / "rejects").mkdir(parents=True)
    for name, days in (
        ("corner-1.csv", 9),
        ("corner-2.csv", 11),
        ("corner-two-1.csv", 11),
        ("stranger.csv", 99),
    ):
        path = var / "rejects" / name
        path.write_text("file,row,column,value,code,reason\n")
        os.utime(path, (ago(days).timestamp(), ago(days).timestamp()))
    done = retention.expire(NOW)
    assert (done.dead_letters, done.files) == (1, 1)
    assert sorted(path.name for path in (var / "rejects").iterdir()) == [
        "corner-1.csv", "corner-two-1.csv", "stranger.csv",
    ]  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_inactive_people_are_forgotten_where_a_platform_wants_it(platform: Platform) -> None:
    names = {
        name: person(platform, name, since=since)
        for name, since in (("old", 500), ("new", 10), ("busy", 500))
    }
    event(platform, 20, identity=names["busy"])
    assert retention.expire(NOW).inactive_customers == 0
    Platform.objects.filter(key="corner").update(retention={"inactive_customers": 400})
    assert retention.expire(NOW).inactive_customers == 1
    left = Identity.objects.exclude(value__startswith="erased-").values_list("value", flat=True)
    assert set(left) == {"new", "busy"}
    assert Profile.objects.count() == 2
    assert retention.expire(NOW).inactive_customers == 0
