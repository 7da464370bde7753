"""The list of jobs: order, names, and a night that goes on where it stopped."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from precision.engine import jobs
from precision.engine.backends import Engine
from precision.engine.jobs import Job, Outcome, UnknownJobError
from precision.engine.models import Run

DAY = date(2026, 3, 1)


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> dict[str, Job]:
    """An empty list of jobs; the installed apps' own are left out."""
    empty: dict[str, Job] = {}
    monkeypatch.setattr(jobs, "_registry", empty)
    monkeypatch.setattr(jobs, "autodiscover_modules", lambda *names: None)
    return empty


def make(name: str, *after: str) -> Job:
    def compute(run: Run, engine: Engine) -> Outcome:
        return Outcome(measures={"made_by": name})

    return Job(name=name, title=name, compute=compute, after=after)


def test_each_job_comes_after_those_it_reads() -> None:
    jobs.register(
        make("lists", "similar", "classes"), make("similar"), make("classes", "prices"), make("prices")
    )
    assert [job.name for job in jobs.nightly()] == ["similar", "prices", "classes", "lists"]
    assert [job.name for job in jobs.nightly(["lists", "prices"])] == ["prices", "lists"]


def test_an_unknown_name_lists_the_known_ones() -> None:
    jobs.register(make("rules"), make("lists"))
    with pytest.raises(UnknownJobError, match=r"no job rulez; there are lists, rules\."):
        jobs.nightly(["rulez"])


def test_jobs_that_wait_for_each_other_are_refused() -> None:
    jobs.register(make("a", "b"), make("b", "a"))
    with pytest.raises(ValueError, match="wait for each other"):
        jobs.nightly()


def test_two_jobs_of_one_name_are_refused() -> None:
    jobs.register(make("a"))
    with pytest.raises(ValueError, match="Two jobs are called 'a'"):
        jobs.register(make("a", "b"))


@pytest.mark.django_db
def test_a_night_goes_on_behind_the_last_published_run() -> None:
    job = make("rules")
    night = timezone.now()
    first = jobs.run(job, "gifts", DAY, since=night)
    assert first is not None
    assert first.measures == {"made_by": "rules"}
    assert first.engine == "LocalEngine"
    assert jobs.run(job, "gifts", DAY, since=night) is None
    assert jobs.run(job, "gifts", DAY + timedelta(days=1), since=night) is not None
    assert jobs.run(job, "grocer", DAY, since=night) is not None
    assert jobs.run(job, "gifts", DAY) is not None, "without `since` it is computed again"
    assert jobs.run(job, "gifts", DAY, since=timezone.now()) is not None, "an earlier run does not count"
