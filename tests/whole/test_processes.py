"""Worker and beat as in production: the night runs, and a killed worker costs nothing."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import psycopg
import pytest

from precision.engine import jobs
from tests.whole.conftest import Installation, wait_for
from tests.whole.shops import ENQUEUE, write_shop

CELERY = [sys.executable, "-m", "celery", "-A", "precision.celery"]
PUBLISHED = "SELECT job, run_id FROM precision_engine_publication ORDER BY job"
SOON = """
import django; django.setup()
from django_celery_beat.models import IntervalSchedule, PeriodicTask
interval, _ = IntervalSchedule.objects.get_or_create(every=2, period="seconds")
PeriodicTask.objects.create(name="soon", task="precision.nightly", interval=interval, one_off=True)
"""


@pytest.fixture
def shop(installation: Installation, tmp_path: Path) -> Installation:
    """An installation with one small shop, imported and never computed."""
    installation.manage("create_platform", "small", "--name", "Small", "--json")
    installation.manage("import_shop", "--platform", "small", *write_shop(tmp_path / "shop"))
    return installation


def worker(shop: Installation) -> "subprocess.Popen[bytes]":
    return shop.start(*CELERY, "worker", "--pool", "threads", "--concurrency", "2", "--loglevel", "INFO")


def computing(shop: Installation) -> list[str]:
    """Return the commands of the processes that compute for this installation."""
    mine = shop.database_url.encode()
    running = [path.parent for path in Path("/proc").glob("[0-9]*/environ") if mine in _bytes(path)]
    return [text for text in (_bytes(path / "cmdline").decode() for path in running) if "refresh" in text]


def python(shop: Installation, code: str) -> None:
    done = shop.start(sys.executable, "-c", code)
    assert done.wait(timeout=60) == 0, done.log.read_text()  # type: ignore[attr-defined]


def test_beat_starts_the_night_and_the_worker_publishes_it(shop: Installation) -> None:
    assert shop.query(PUBLISHED) == []
    worker(shop)
    shop.start(*CELERY, "beat", "--loglevel", "INFO", "--pidfile=", "--max-interval", "2")
    # Beat brings its own nightly schedule into the database, where staff can edit it.
    wait_for(
        "the schedule",
        lambda: bool(
            shop.query(
                "SELECT 1 FROM django_celery_beat_periodictask WHERE name = 'nightly' AND task = 'precision.nightly'"
            )
        ),
    )
    python(shop, SOON)
    expected = {job.name for job in jobs.nightly()}
    assert len(expected) > 20
    wait_for(
        "all jobs of the night", lambda: {job for job, _ in shop.query(PUBLISHED)} == expected, seconds=300
    )
    assert shop.query("SELECT count(*) FROM precision_engine_run WHERE status <> 'published'") == [(0,)]
    assert shop.query("SELECT count(*) > 0 FROM precision_recommender_customerlist") == [(True,)]


def test_a_killed_worker_leaves_the_old_results_and_the_next_one_goes_on(shop: Installation) -> None:
    shop.manage("refresh", "--platform", "small")
    old = shop.query(PUBLISHED)
    assert old
    # That was yesterday: what the night finds published counts only when it was started in the night.
    shop.execute("UPDATE precision_engine_run SET started_at = started_at - interval '1 day'")
    since = shop.query("SELECT date_trunc('minute', now())::text")[0][0]
    # Hold the table of popularity: the night gets stuck in the middle, and then its worker is killed.
    with psycopg.connect(shop.database_url) as lock:
        lock.execute("LOCK TABLE precision_recommender_popularlist IN ACCESS EXCLUSIVE MODE")
        first = worker(shop)
        python(
            shop,
            ENQUEUE,
        )
        stuck = "SELECT 1 FROM precision_engine_run WHERE status = 'running' AND job = 'popularity'"
        wait_for("a run in the middle of the night", lambda: bool(shop.query(stuck)), seconds=120)
        os.kill(first.pid, signal.SIGKILL)  # the worker alone: what it started must notice by itself
        first.wait()
        wait_for("the end of the orphaned computation", lambda: not computing(shop), seconds=30)
        before = dict(shop.query(PUBLISHED))
        assert before["popularity"] == dict(old)["popularity"], "the killed run must not be seen"
        lock.rollback()
    # The run of the dead worker is still in the table; its lease is let run out here instead of waiting a minute.
    shop.execute(
        "UPDATE precision_engine_run SET lease_until = now() - interval '1 s' WHERE status = 'running'"
    )
    shop.manage("refresh", "--platform", "small", "--resume-since", str(since))
    after = dict(shop.query(PUBLISHED))
    assert after["popularity"] != dict(old)["popularity"]
    assert {job: run for job, run in after.items() if job in {"price-classes", "rfm"}} == {
        job: run for job, run in before.items() if job in {"price-classes", "rfm"}
    }, "what was published this night is not computed again"
    assert shop.query("SELECT count(*) FROM precision_engine_run WHERE status = 'failed'") == [(1,)]


def test_up_serves_and_leaves_nothing_behind(shop: Installation) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    up = shop.start(sys.executable, "manage.py", "up", "--port", str(port))

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2) as answer:
                return json.load(answer)["status"] == "ok"
        except OSError:
            return False

    wait_for("the web process", answers)
    refused = shop.manage("up", "--port", str(port), code=2)
    assert f"Cannot listen on 127.0.0.1:{port}" in refused
    assert "--port" in refused
    os.kill(up.pid, signal.SIGINT)
    assert up.wait(timeout=40) == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    mine = shop.database_url.encode()
    assert not [path for path in Path("/proc").glob("[0-9]*/environ") if mine in _bytes(path)]


def _bytes(path: Path) -> bytes:
    """The file's bytes; none when its process has just ended."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_command_before_the_tables_says_how_to_make_them(installation: Installation) -> None:
    installation.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    told = installation.manage("create_platform", "small", "--name", "Small", code=1)
    assert "manage.py migrate" in told
    assert "Traceback" not in told
