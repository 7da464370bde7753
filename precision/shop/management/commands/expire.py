"""Let go of data that were kept long enough: `expire`."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from precision.shop import retention


class Command(BaseCommand):
    """Deletes what is older than the platforms keep it, and finishes erasures."""

    help = "Delete what is older than it is kept (see docs/privacy.md), and finish interrupted erasures."

    def handle(self, *args: Any, **options: Any) -> None:
        """Expire, and say what went."""
        done = asdict(retention.expire(timezone.now()))
        failed = done.pop("failed")
        for name, number in done.items():
            self.stdout.write(f"{name.replace('_', ' ')}: {number}")
        if failed:
            raise CommandError("Not everything could be done: " + " ".join(failed))
