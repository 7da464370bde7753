"""`manage.py follow_segments`: members of segments, as far as what people did since the last time changes them."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from segments import following


class Command(BaseCommand):
    help = "Re-evaluate segments with behaviour for the customers who did something since the last time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--scope", help="One platform, or org: and the key of an organisation; default: all."
        )

    def handle(self, *, scope: str | None, **options: Any) -> None:
        for key in [scope] if scope else following.scope_keys():
            done = following.follow(key)
            if done.customers:
                self.stdout.write(
                    f"{key}: {done.customers} customers, {done.entered} entries, {done.left} exits"
                )
