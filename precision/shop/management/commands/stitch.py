"""`manage.py stitch`: people of whole organisations recomputed from all links that remain."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from precision.shop import homes, islands, stitching
from precision.shop.models import Organisation


class Command(BaseCommand):
    help = "Recompute who is one person from all links, and the island report; what is right stays untouched."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organisation", help="Key of one organisation; default: all.")

    def handle(self, *, organisation: str | None, **options: Any) -> None:
        chosen = Organisation.objects.all()
        if organisation is not None:
            chosen = chosen.filter(key=organisation)
            if not chosen:
                known = ", ".join(Organisation.objects.values_list("key", flat=True)) or "none yet"
                raise CommandError(
                    f"--organisation: there is no organisation {organisation!r}; there are: {known}.",
                    returncode=2,
                )
        for each in chosen:
            began = time.perf_counter()
            proposed = homes.propose(each.pk, now=timezone.now())
            done = stitching.stitch(each.pk)
            self.stdout.write(
                f"{each.key}: {done.identities:,} identities, {done.links:,} links; {done.moved:,} identities moved, "
                f"{done.marked:,} links have another state, "
                f"{proposed:,} pairs share a home ({time.perf_counter() - began:.1f} s)"
            )
            islands.report(each, now=timezone.now())
