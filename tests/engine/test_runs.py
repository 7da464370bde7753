"""Runs: one holder at a time, one pointer change, and nothing lost when somebody dies."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from precision.engine import runs
from precision.engine.models import Publication, Run
from precision.engine.runs import LeaseLostError, Outcome

DAY = date(2026, 3, 1)
pytestmark = pytest.mark.django_db


def ok(run: Run) -> Outcome:
    return Outcome(rows={"things": 3}, measures={"best": 0.5}, parameters={"k": 2})


def test_execute_publishes_what_the_job_reports() -> None:
    run = runs.execute("rules", "gifts", DAY, ok, engine="local")
    assert run is not None
    assert (run.status, run.rows, run.measures, run.parameters, run.engine) == (
        Run.Status.PUBLISHED,
        {"things": 3},
        {"best": 0.5},
        {"k": 2},
        "local",
    )
    assert run.finished_at is not None
    assert run.lease_until is None
    assert runs.published("rules", "gifts") == run
    assert runs.published("rules", "grocer") is None
    assert runs.published_ids("gifts") == {"rules": run.pk}


def test_a_failed_run_leaves_the_published_one() -> None:
    first = runs.execute("rules", "gifts", DAY, ok)

    def broken(run: Run) -> Outcome:
        raise ZeroDivisionError("no baskets")

    with pytest.raises(ZeroDivisionError):
        runs.execute("rules", "gifts", DAY, broken)
    assert runs.published("rules", "gifts") == first
    failed = Run.objects.get(status=Run.Status.FAILED)
    assert "ZeroDivisionError: no baskets" in failed.error


def test_the_same_run_has_one_holder() -> None:
    first = runs.claim("rules", "gifts", DAY)
    assert first is not None
    assert runs.claim("rules", "gifts", DAY) is None
    assert runs.execute("rules", "gifts", DAY, ok) is None
    assert runs.claim("rules", "gifts", DAY + timedelta(days=1)) is not None
    assert runs.claim("rules", "grocer", DAY) is not None


def test_a_dead_holder_is_replaced_and_cannot_publish() -> None:
    dead = runs.claim("rules", "gifts", DAY)
    assert dead is not None
    Run.objects.filter(pk=dead.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    heir = runs.claim("rules", "gifts", DAY)
    assert heir is not None
    with pytest.raises(LeaseLostError, match="taken over"):
        runs.publish(dead, Outcome())
    assert runs.published("rules", "gifts") is None
    dead.refresh_from_db()
    assert dead.status == Run.Status.FAILED
    assert "lease ran out" in dead.error
    runs.publish(heir, Outcome())
    assert runs.published("rules", "gifts") == heir


def test_roll_back_moves_the_pointer_only() -> None:
    first = runs.execute("rules", "gifts", DAY, ok)
    second = runs.execute("rules", "gifts", DAY, ok)
    assert first is not None
    assert runs.published("rules", "gifts") == second
    runs.point(first)
    assert runs.published("rules", "gifts") == first
    assert Publication.objects.count() == 1
    assert Run.objects.count() == 2


def test_retire_keeps_the_newest_the_published_and_the_running() -> None:
    made = [runs.execute("rules", "gifts", DAY, ok) for _ in range(5)]
    other = runs.execute("rules", "grocer", DAY, ok)
    assert made[0] is not None
    runs.point(made[0])
    running = runs.claim("rules", "gifts", DAY)
    assert runs.retire("rules", "gifts", keep=2) == 2
    assert set(Run.objects.all()) == {made[0], made[3], made[4], running, other}


def test_retire_forgets_failures_after_a_week() -> None:
    def broken(run: Run) -> Outcome:
        raise ValueError("x")

    for age in (1, 8):
        with pytest.raises(ValueError, match="x"):
            runs.execute("rules", "gifts", DAY, broken)
        newest = Run.objects.order_by("-id").first()
        assert newest is not None
        Run.objects.filter(pk=newest.pk).update(started_at=timezone.now() - timedelta(days=age))
    runs.execute("rules", "gifts", DAY, ok)
    assert runs.retire("rules", "gifts") == 1
    assert Run.objects.filter(status=Run.Status.FAILED).count() == 1
