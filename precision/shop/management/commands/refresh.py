"""`manage.py refresh`: the nightly jobs, in the foreground."""

import time
from argparse import ArgumentParser
from datetime import date, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from precision.engine import jobs
from precision.engine.progress import Steps
from precision.shop import history, scopes
from precision.shop.models import Platform
from precision.shop.scopes import Scope


class Command(BaseCommand):
    help = "Recompute the results of all platforms and organisations, or of one, and publish them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--platform", help="Key of one platform; default: all active ones.")
        parser.add_argument(
            "--organisation",
            help="Key of one organisation: what is computed over all its platforms, only that.",
        )
        parser.add_argument("--only", help="Jobs, separated by commas; default: all.")
        parser.add_argument("--engine", help="Alias in the setting ENGINES; default: default.")
        parser.add_argument("--as-of", type=date.fromisoformat, help="Compute as of this date (YYYY-MM-DD).")
        parser.add_argument(
            "--resume-since",
            type=datetime.fromisoformat,
            metavar="TIME",
            help="Skip jobs whose published run was started at this time or later: a night cut short goes on.",
        )

    def handle(self, *, platform: str | None, organisation: str | None, **options: Any) -> None:
        if platform and organisation:
            raise CommandError("--platform and --organisation exclude each other; give one.", returncode=2)
        only = options["only"]
        try:
            todo = jobs.nightly([name.strip() for name in only.split(",")] if only else ())
        except jobs.UnknownJobError as error:
            raise CommandError(f"--only: {error}", returncode=2) from error
        work = [
            (scope, [job for job in todo if job.overall or not scope.overall])
            for scope in _scopes(platform, organisation)
        ]
        started = time.perf_counter()
        with Steps(sum(len(some) for _, some in work)) as steps:
            for scope, some in work:
                if not some:
                    continue
                as_of = options["as_of"] or scope.as_of()
                with history.snapshot():
                    for job in some:
                        with steps.step(f"{scope.key}: {job.title}"):
                            jobs.run(
                                job, scope.key, as_of, since=options["resume_since"], engine=options["engine"]
                            )
        seconds = time.perf_counter() - started
        told = f"{sum(not scope.overall for scope, _ in work)} platform(s)"
        if joined := sum(scope.overall for scope, _ in work):
            told += f" and {joined} organisation(s)"
        self.stderr.write(f"Refreshed {told} in {seconds:.1f} s.")


def _scopes(platform: str | None, organisation: str | None) -> list[Scope]:
    """Return what to refresh: platforms first, then their organisations."""
    if platform is None and organisation is None:
        live = [scopes.of(each) for each in Platform.objects.filter(active=True)]
        return [*live, *scopes.joined()]
    if platform is not None:
        found = Platform.objects.filter(key=platform).first()
        if found is None:
            known = (
                ", ".join(Platform.objects.values_list("key", flat=True)) or "none yet (see create_platform)"
            )
            raise CommandError(
                f"--platform: there is no platform {platform!r}; there are: {known}.", returncode=2
            )
        return [scopes.of(found)]
    try:
        return [scopes.read(f"{scopes.OVERALL}{organisation}")]
    except scopes.UnknownScopeError as error:
        raise CommandError(f"--organisation: {error}", returncode=2) from error
