"""The list of nightly jobs: each app names its own in `jobs.py`, and this module puts them in order."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date

from django.utils.module_loading import autodiscover_modules

from precision.engine import runs
from precision.engine.models import Run
from precision.engine.runs import Outcome


class UnknownJob(ValueError):
    """A job was named that no installed app has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A nightly computation for one scope."""

    name: str
    title: str
    """What people read on progress bars."""
    compute: Callable[[Run], Outcome]
    """Reads, computes and writes the rows of the run it is given."""
    after: tuple[str, ...] = ()
    """Jobs whose published results it reads."""


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

    Raises UnknownJob for a name that no installed app has.
    """
    autodiscover_modules("jobs")
    unknown = sorted(set(only) - set(_registry))
    if unknown:
        raise UnknownJob(f"There is no job {', '.join(unknown)}; there are {', '.join(sorted(_registry))}.")
    ordered = list(_ordered())
    return [job for job in ordered if not only or job.name in only]


def run(job: Job, scope: str, as_of: date, *, again: bool = False) -> Run | None:
    """Compute and publish one job for one scope; return its run.

    Returns None when there is nothing to do: another process computes it, or it was published for this date already
    (`again` computes it all the same).
    """
    if not again and is_published(job, scope, as_of):
        return None
    done = runs.execute(job.name, scope, as_of, job.compute)
    if done is not None:
        runs.retire(job.name, scope)
    return done


def is_published(job: Job, scope: str, as_of: date) -> bool:
    """Return whether a run of this date was published: a night that was cut short goes on behind it."""
    return Run.objects.filter(
        job=job.name, scope=scope, as_of=as_of, status=Run.Status.PUBLISHED
    ).exists()


def _ordered() -> Iterator[Job]:
    """Yield the jobs, those without predecessors first, otherwise as registered."""
    waiting = dict(_registry)
    done: set[str] = set()
    while waiting:
        ready = [job for job in waiting.values() if set(job.after) <= done]
        if not ready:
            raise ValueError(f"These jobs wait for each other or for a missing one: {', '.join(sorted(waiting))}.")
        for job in ready:
            yield job
            done.add(job.name)
            del waiting[job.name]
