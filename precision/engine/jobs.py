"""The list of nightly jobs: each app names its own in `jobs.py`, and this module puts them in order."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.module_loading import autodiscover_modules

from precision.engine import runs
from precision.engine.backends import Engine, get_engine
from precision.engine.models import Run
from precision.engine.runs import Outcome

__all__ = ["Job", "Outcome", "UnknownJobError", "nightly", "register", "run"]


class UnknownJobError(ValueError):
    """A job was named that no installed app has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A nightly computation for one scope."""

    name: str
    title: str
    """What people read on progress bars."""
    compute: Callable[[Run, Engine], Outcome]
    """Reads, computes and writes the rows of the run it is given, heavy parts on the engine."""
    after: tuple[str, ...] = ()
    """Jobs whose published results it reads."""
    overall: bool = False
    """Computed for organisations too, all their platforms together, not only for each platform."""


_registry: dict[str, Job] = {}


def register(*jobs: Job) -> None:
    """Add jobs to the list; raise ValueError when two bear one name."""
    for job in jobs:
        known = _registry.get(job.name)
        if known is not None and known != job:
            raise ValueError(f"Two jobs are called {job.name!r}; rename one of them.")
        _registry[job.name] = job


def nightly(only: Collection[str] = ()) -> list[Job]:
    """Return the jobs in an order in which each comes after those it reads, all of them or just those named.

    Raises UnknownJobError for a name that no installed app has.
    """
    autodiscover_modules("jobs")
    unknown = sorted(set(only) - set(_registry))
    if unknown:
        raise UnknownJobError(
            f"There is no job {', '.join(unknown)}; there are {', '.join(sorted(_registry))}."
        )
    ordered = list(_ordered())
    return [job for job in ordered if not only or job.name in only]


def run(
    job: Job, scope: str, as_of: date, *, since: datetime | None = None, engine: str | None = None
) -> Run | None:
    """Compute and publish one job for one scope; return its run.

    Returns None when there is nothing to do: another process computes it, or a run of this date that was started at
    `since` or later is published (a night that was cut short goes on where it stopped).
    """
    if since is not None and is_published(job, scope, as_of, since=since):
        return None
    backend = get_engine(engine or "default")
    done = runs.execute(
        job.name, scope, as_of, lambda run: job.compute(run, backend), engine=type(backend).__name__
    )
    if done is not None:
        runs.retire(job.name, scope)
    return done


def is_published(job: Job, scope: str, as_of: date, *, since: datetime) -> bool:
    """Return whether a run of this date that was started at `since` or later is published."""
    return Run.objects.filter(
        job=job.name, scope=scope, as_of=as_of, status=Run.Status.PUBLISHED, started_at__gte=since
    ).exists()


def _ordered() -> Iterator[Job]:
    """Yield the jobs, those without predecessors first, otherwise as registered."""
    waiting = dict(_registry)
    done: set[str] = set()
    while waiting:
        ready = [job for job in waiting.values() if set(job.after) <= done]
        if not ready:
            raise ValueError(
                f"These jobs wait for each other or for a missing one: {', '.join(sorted(waiting))}."
            )
        for job in ready:
            yield job
            done.add(job.name)
            del waiting[job.name]
