"""`manage.py create_platform`: open a platform and print its credentials, once."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from precision.shop.platforms import PlatformExistsError, create_platform


class Command(BaseCommand):
    help = "Create a platform (a shop) and print its keys, which are shown only once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", help="short name of the platform: letters, digits, - and _")
        parser.add_argument("--name", required=True, help="name for people")
        parser.add_argument("--organisation", help="key of its organisation; default: one of its own")
        parser.add_argument("--currency", default="EUR", help="three letters (default: %(default)s)")
        parser.add_argument("--timezone", default="UTC", help="like Europe/London (default: %(default)s)")
        parser.add_argument("--historical", action="store_true", help="its data ends in the past")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        try:
            made = create_platform(
                options["key"],
                name=options["name"],
                organisation=options["organisation"],
                currency=options["currency"],
                timezone=options["timezone"],
                historical=options["historical"],
            )
        except PlatformExistsError as error:
            raise CommandError(str(error), returncode=2) from error
        except ValidationError as error:
            problems = "; ".join(
                f"{field}: {' '.join(messages)}" for field, messages in error.message_dict.items()
            )
            raise CommandError(f"The platform cannot be created: {problems}", returncode=2) from error
        table = asdict(made)
        if options["json"]:
            self.stdout.write(json.dumps(table))
        else:
            self.stdout.write("\n".join(f"{name:<17} {value}" for name, value in table.items()))
            self.stdout.write("Keep these now: they are shown only once.")
