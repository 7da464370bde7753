"""Forget a person: `erase_customer --platform KEY CUSTOMER [--whole]`."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from precision.shop import erasure
from precision.shop.models import Erasure, Platform


class Command(BaseCommand):
    """Erases a customer of a platform, and goes on with erasures that were interrupted."""

    help = "Forget a customer: names, words and traces go, figures stay (see docs/privacy.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("customer", nargs="?", help="the shop's own customer id")
        parser.add_argument("--platform", help="key of the platform that knows the customer")
        parser.add_argument(
            "--whole",
            action="store_true",
            help="forget the joined person, on all platforms of the organisation",
        )
        parser.add_argument(
            "--resume", action="store_true", help="only do what remains of erasures that were interrupted"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Erase, and say how many rows of each table were emptied or removed."""
        if options["resume"]:
            waiting = erasure.advance_all()
            self.stdout.write(f"{waiting} erasures wait for an import or a long transaction to end.")
            return
        if not options["platform"] or not options["customer"]:
            raise CommandError("Give --platform KEY and a customer id, or --resume.")
        platform = Platform.objects.filter(key=options["platform"]).first()
        if platform is None:
            known = ", ".join(Platform.objects.values_list("key", flat=True)) or "none"
            raise CommandError(f"There is no platform {options['platform']!r}; there are: {known}.")
        done = erasure.erase_customer(platform, options["customer"], by="command", whole=options["whole"])
        if done is None:
            raise CommandError(f"Platform {platform.key!r} has no customer of that id.")
        self.stdout.write(json.dumps({"erasure": done.pk, "state": done.state, "counts": done.counts}))
        if done.state != Erasure.State.FINISHED:
            self.stderr.write(
                "Something holds the rest up (an import, a long transaction); run erase_customer --resume later."
            )
