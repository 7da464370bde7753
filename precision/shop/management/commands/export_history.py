"""`manage.py export_history`: what is new in PostgreSQL into the history in Parquet."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from precision.shop import history, platforms
from precision.shop.models import Platform


class Command(BaseCommand):
    help = "Bring the history in Parquet up to date; look it over, or keep it small."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--platform", help="Key of one platform; default: all.")
        parser.add_argument(
            "--rebuild",
            action="store_true",
            help="Write everything anew from PostgreSQL; events it no longer keeps are taken from the sound files.",
        )
        parser.add_argument(
            "--compact", action="store_true", help="Then merge small files and drop replaced rows."
        )
        parser.add_argument(
            "--check", action="store_true", help="Then read every file and compare it with its digest."
        )

    def handle(
        self, *, platform: str | None, rebuild: bool, compact: bool, check: bool, **options: Any
    ) -> None:
        try:
            done = history.export(_platform(platform), rebuild=rebuild)
            self._say(
                "exported",
                {name: f"{count:,} rows" for name, count in done.rows.items() if count} or "nothing new",
            )
            for key, reason in done.anew.items():
                self._say(f"{key} written anew", reason)
            if done.lost:
                self._say("lost", f"up to {done.lost:,} rows of damaged files that PostgreSQL has no more")
            if compact:
                small = history.compact()
                self._say(
                    "compacted",
                    f"{small.merged} files merged, {small.parts} there are, {small.dropped:,} replaced rows dropped, "
                    f"{small.swept} orphans swept",
                )
            if check:
                self._say("sound", {name: f"{count:,} rows" for name, count in history.check().items()})
        except history.HistoryError as error:
            raise CommandError(str(error)) from error

    def _say(self, what: str, told: str | dict[str, str]) -> None:
        text = told if isinstance(told, str) else ", ".join(f"{name} {count}" for name, count in told.items())
        self.stdout.write(f"{what}: {text}")


def _platform(key: str | None) -> Platform | None:
    """Return the platform of the key; None for all."""
    if key is None:
        return None
    found = Platform.objects.filter(key=key).first()
    if found is None:
        known = ", ".join(platforms.active_keys()) or "none yet (see create_platform)"
        raise CommandError(f"--platform: there is no platform {key!r}; there are: {known}.", returncode=2)
    return found
