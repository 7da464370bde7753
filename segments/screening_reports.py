"""Small reports of a run as a whole: how a job writes them and how pages and the API read those in force."""

from collections.abc import Mapping
from typing import Any

from precision.engine import runs
from precision.engine.models import Run
from segments.models import ScreeningReport


def write(run: Run, bodies: Mapping[str, Any]) -> int:
    """Store the bodies (JSON values) by name; return how many."""
    rows = [ScreeningReport(run=run, name=name, body=body) for name, body in bodies.items()]
    return len(ScreeningReport.objects.bulk_create(rows))


def of(run: Run | None) -> dict[str, Any]:
    """Return the reports of a run by name; none without a run. One query."""
    return dict(ScreeningReport.objects.filter(run=run).values_list("name", "body")) if run else {}


def published(job: str, scope: str) -> tuple[Run, dict[str, Any]] | None:
    """Return the run of a job in force for a scope with its reports by name; None before it. Two queries."""
    run = runs.published(job, scope)
    return None if run is None else (run, of(run))
