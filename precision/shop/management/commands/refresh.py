"""`manage.py refresh`: the nightly jobs, in the foreground."""

import time
from argparse import ArgumentParser
from datetime import date, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from precision.engine import jobs
from precision.engine.progress import Steps
from precision.shop import history, platforms
from precision.shop.models import Platform


class Command(BaseCommand):
    help = "Recompute the results of all platforms, or of one, and publish them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--platform", help="Key of one platform; default: all active ones.")
        parser.add_argument("--only", help="Jobs, separated by commas; default: all.")
        parser.add_argument("--engine", help="Alias in the setting ENGINES; default: default.")
        parser.add_argument("--as-of", type=date.fromisoformat, help="Compute as of this date (YYYY-MM-DD).")
        parser.add_argument(
            "--resume-since",
            type=datetime.fromisoformat,
            metavar="TIME",
            help="Skip jobs whose published run was started at this time or later: a night cut short goes on.",
        )

    def handle(self, *, platform: str | None, only: str | None, **options: Any) -> None:
        chosen = _platforms(platform)
        try:
            todo = jobs.nightly([name.strip() for name in only.split(",")] if only else ())
        except jobs.UnknownJobError as error:
            raise CommandError(f"--only: {error}", returncode=2) from error
        started = time.perf_counter()
        with Steps(len(chosen) * len(todo)) as steps:
            for each in chosen:
                as_of = options["as_of"] or platforms.as_of(each)
                with history.snapshot():
                    for job in todo:
                        with steps.step(f"{each.key}: {job.title}"):
                            jobs.run(
                                job, each.key, as_of, since=options["resume_since"], engine=options["engine"]
                            )
        self.stderr.write(f"Refreshed {len(chosen)} platform(s) in {time.perf_counter() - started:.1f} s.")


def _platforms(key: str | None) -> list[Platform]:
    """Return the platforms to refresh."""
    if key is None:
        return list(Platform.objects.filter(active=True))
    found = Platform.objects.filter(key=key).first()
    if found is None:
        known = ", ".join(Platform.objects.values_list("key", flat=True)) or "none yet (see create_platform)"
        raise CommandError(f"--platform: there is no platform {key!r}; there are: {known}.", returncode=2)
    return [found]
