"""Celery tasks: one line each."""

from celery import group, shared_task

from precision.engine import isolation
from precision.shop import platforms


@shared_task(name="precision.nightly")  # type: ignore[untyped-decorator]
def nightly() -> None:
    """Enqueue the nightly jobs of every active platform."""
    group(refresh.si(key, platforms.this_minute()) for key in platforms.active_keys()).apply_async()


@shared_task(name="precision.refresh")  # type: ignore[untyped-decorator]
def refresh(platform: str, since: str) -> None:
    """Recompute, in a process of its own, what was not published at `since` (ISO time) or later."""
    isolation.run_command("refresh", ["--platform", platform, "--resume-since", since])


@shared_task(name="precision.suggest_aliases")  # type: ignore[untyped-decorator]
def suggest_aliases() -> None:
    """Suggest product aliases of every organisation, in a process of its own."""
    isolation.run_command("suggest_aliases")
