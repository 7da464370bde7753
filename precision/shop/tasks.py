"""Celery tasks: one line each."""

from celery import group, shared_task

from precision.engine import isolation
from precision.shop import erasure, platforms, scopes, uploads


@shared_task(name="precision.nightly")  # type: ignore[untyped-decorator]
def nightly() -> None:
    """Enqueue the nightly jobs of every active platform, and of every organisation with several."""
    now = platforms.this_minute()
    group(
        *(refresh.si(key, now) for key in platforms.active_keys()),
        *(refresh_overall.si(key, now) for key in scopes.organisation_keys()),
    ).apply_async()


@shared_task(name="precision.refresh")  # type: ignore[untyped-decorator]
def refresh(platform: str, since: str) -> None:
    """Recompute, in a process of its own, what was not published at `since` (ISO time) or later."""
    isolation.run_command("refresh", ["--platform", platform, "--resume-since", since])


@shared_task(name="precision.refresh_overall")  # type: ignore[untyped-decorator]
def refresh_overall(organisation: str, since: str) -> None:
    """Recompute for all platforms of an organisation together what was not published at `since` (ISO time) or later."""
    isolation.run_command("refresh", ["--organisation", organisation, "--resume-since", since])


@shared_task(name="precision.suggest_aliases")  # type: ignore[untyped-decorator]
def suggest_aliases() -> None:
    """Suggest product aliases of every organisation, in a process of its own."""
    isolation.run_command("suggest_aliases")


@shared_task(name="precision.history")  # type: ignore[untyped-decorator]
def history() -> None:
    """Bring the history up to date and keep it small, in a process of its own."""
    isolation.run_command("export_history", ["--compact", "--check"])


@shared_task(name="precision.interests")  # type: ignore[untyped-decorator]
def interests(platform: str) -> None:
    """Find what people want in what they wrote and searched, in a process of its own."""
    isolation.run_command("refresh", ["--platform", platform, "--only", "interests"])


@shared_task(name="precision.store_pairs")  # type: ignore[untyped-decorator]
def store_pairs(platform: str) -> None:
    """Find the goods that sell together in stores, in a process of its own."""
    isolation.run_command("refresh", ["--platform", platform, "--only", "store-pairs"])


@shared_task(name="precision.tallies")  # type: ignore[untyped-decorator]
def tallies(platform: str) -> None:
    """Add up the tally rows of past days, in a process of its own."""
    isolation.run_command("refresh", ["--platform", platform, "--only", "tallies"])


@shared_task(name="precision.stitch")  # type: ignore[untyped-decorator]
def stitch() -> None:
    """Recompute who is one person in every organisation, in a process of its own."""
    isolation.run_command("stitch")


@shared_task(name="precision.erasures")  # type: ignore[untyped-decorator]
def erasures() -> None:
    """Do what remains of erasures that were asked for."""
    erasure.advance_all()


@shared_task(name="precision.retention")  # type: ignore[untyped-decorator]
def retention() -> None:
    """Let go of what was kept long enough, in a process of its own."""
    isolation.run_command("expire")


@shared_task(name="precision.import_upload")  # type: ignore[untyped-decorator]
def import_upload(batch: int, token: str) -> None:
    """Import what staff sent, in a process of its own."""
    uploads.run_apart(batch, token)
