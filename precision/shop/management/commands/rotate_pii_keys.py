"""`manage.py rotate_pii_keys`: everything that is encrypted, brought under the newest of the PII_KEYS."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from precision.shop import key_rotation


class Command(BaseCommand):
    help = "Encrypt stored personal values and secrets under the newest of the PII_KEYS; may be cut short and repeated."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="Only count what is under older keys.")

    def handle(self, *, check: bool, **options: Any) -> None:
        left = 0
        for done in key_rotation.rotate(write=not check):
            word = "under an older key" if check else "encrypted anew"
            self.stdout.write(f"{done.table}.{done.column}: {done.changed:,} of {done.values:,} {word}")
            left += done.changed
        if not check:
            self.stdout.write(
                "Done; restart every process with the newest key only, and the older ones can go."
            )
        elif left:
            self.stdout.write("Run it without --check before you take older keys away.")
