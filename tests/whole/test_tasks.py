"""Every nightly job has a task of its own, and a task names a job that exists."""

from typing import Any

import pytest
from celery import Task

from precision.celery import app
from precision.engine import isolation, jobs


def test_every_job_has_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[str, Any]] = []
    monkeypatch.setattr(
        isolation, "run_command", lambda name, arguments=(): started.append((name, list(arguments)))
    )
    app.loader.import_default_modules()
    names = [job.name for job in jobs.nightly()]
    for name in names:
        task: Task = app.tasks[f"precision.{name.replace('-', '_')}"]
        task("gifts")
    assert started == [("refresh", ["--platform", "gifts", "--only", name]) for name in names]
