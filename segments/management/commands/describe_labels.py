"""Prints the tables of docs/labels.md from the library."""

from typing import Any

from django.core.management.base import BaseCommand

from segments.labels import document


class Command(BaseCommand):
    help = "Prints the built-in labels as the tables of docs/labels.md."

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the tables."""
        self.stdout.write(document.tables())
