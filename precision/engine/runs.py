"""The life of a run: claimed by one holder, kept alive by a heartbeat, published by one pointer change."""

import os
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from precision.engine.isolation import is_orphaned
from precision.engine.models import Publication, Run

LEASE = timedelta(seconds=60)
HEARTBEAT_SECONDS = 10.0


class LeaseLostError(RuntimeError):
    """The run was taken away from its holder: its lease had run out, or somebody marked it failed."""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a job reports about its run."""

    rows: dict[str, int] = field(default_factory=dict)
    """Rows written, per table."""
    measures: dict[str, Any] = field(default_factory=dict)
    """What the job found out about itself; JSON values."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """What the job was told; JSON values."""


def published(job: str, scope: str) -> Run | None:
    """Return the run in force for a job and scope, or None before the first publication. One query."""
    pointer = Publication.objects.select_related("run").filter(job=job, scope=scope).first()
    return pointer.run if pointer else None


def published_ids(scope: str) -> dict[str, int]:
    """Return the id of the run in force of each job of a scope. One query."""
    return dict(Publication.objects.filter(scope=scope).values_list("job", "run_id"))


def claim(job: str, scope: str, as_of: date, *, engine: str = "") -> Run | None:
    """Return a new run that belongs to this process, or None while another living process holds the same one.

    A holder whose lease ran out counts as dead: its run is marked failed and the claim succeeds.
    """
    now = timezone.now()
    Run.objects.filter(
        job=job, scope=scope, as_of=as_of, status=Run.Status.RUNNING, lease_until__lt=now
    ).update(
        status=Run.Status.FAILED,
        finished_at=now,
        error="The process that computed it died: its lease ran out.",
    )
    try:
        with transaction.atomic():
            return Run.objects.create(
                job=job,
                scope=scope,
                as_of=as_of,
                engine=engine,
                holder=f"{socket.gethostname()}:{os.getpid()}",
                heartbeat_at=now,
                lease_until=now + LEASE,
            )
    except IntegrityError:
        return None


def execute(
    job: str, scope: str, as_of: date, compute: Callable[[Run], Outcome], *, engine: str = ""
) -> Run | None:
    """Compute a run and publish it; return it, or None when another process is computing the same one.

    Whatever `compute` raises marks the run failed, is raised again, and leaves the published run as it was.
    """
    run = claim(job, scope, as_of, engine=engine)
    if run is None:
        return None
    try:
        with _heartbeat(run):
            outcome = compute(run)
        publish(run, outcome)
    except BaseException:
        _fail(run, traceback.format_exc(limit=-3))
        raise
    return run


def publish(run: Run, outcome: Outcome) -> None:
    """Make `run` the one that readers see; raise LeaseLostError when it no longer belongs to its holder."""
    now = timezone.now()
    with transaction.atomic():
        kept = Run.objects.filter(pk=run.pk, status=Run.Status.RUNNING).update(
            status=Run.Status.PUBLISHED,
            finished_at=now,
            lease_until=None,
            rows=outcome.rows,
            measures=outcome.measures,
            parameters=outcome.parameters,
        )
        if not kept:
            raise LeaseLostError(
                f"Run {run.pk} ({run}) was taken over while it was computed; its result is dropped."
            )
        point(run)
    run.refresh_from_db()


def point(run: Run) -> None:
    """Let readers of the job and scope see `run`: publication, and roll-back to an earlier run."""
    Publication.objects.update_or_create(job=run.job, scope=run.scope, defaults={"run": run})


def retire(job: str, scope: str, *, keep: int = 3) -> int:
    """Delete old runs of a job and scope with their rows; return how many.

    The published run, the `keep` newest published ones and whatever is running stay.
    """
    runs = Run.objects.filter(job=job, scope=scope)
    newest = list(
        runs.filter(status=Run.Status.PUBLISHED).order_by("-id").values_list("id", flat=True)[:keep]
    )
    finished = (
        runs.exclude(status=Run.Status.RUNNING).exclude(publications__isnull=False).exclude(id__in=newest)
    )
    # Failed runs stay on the list for a week, so that staff can read why.
    old = finished.exclude(status=Run.Status.FAILED, started_at__gt=timezone.now() - timedelta(days=7))
    ids = list(old.values_list("id", flat=True))
    Run.objects.filter(id__in=ids).delete()
    return len(ids)


def _fail(run: Run, error: str) -> None:
    """Mark the run failed unless it was taken over or published already."""
    Run.objects.filter(pk=run.pk, status=Run.Status.RUNNING).update(
        status=Run.Status.FAILED, finished_at=timezone.now(), lease_until=None, error=error[-4000:]
    )


@contextmanager
def _heartbeat(run: Run) -> Iterator[None]:
    """Renew the lease of `run` from a thread of its own while the block computes.

    An isolated process ends at once when its starter is gone: a killed worker must not leave a computation behind
    that publishes long after the task was delivered again.
    """
    done = threading.Event()

    def beat() -> None:
        try:
            while not done.wait(HEARTBEAT_SECONDS):
                if is_orphaned():
                    os._exit(70)
                now = timezone.now()
                Run.objects.filter(pk=run.pk, status=Run.Status.RUNNING).update(
                    heartbeat_at=now, lease_until=now + LEASE
                )
        finally:
            connection.close()  # this thread's own connection

    thread = threading.Thread(target=beat, name=f"heartbeat of run {run.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
