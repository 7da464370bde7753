"""`manage.py import_upload`: import what staff sent; started by a worker."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from precision.shop import uploads


class Command(BaseCommand):
    help = "Import files that were sent on the staff pages; workers start it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("batch", type=int, help="number of the import batch")
        parser.add_argument("token", help="name of the upload")

    def handle(self, **options: Any) -> None:
        uploads.run(options["batch"], options["token"])
