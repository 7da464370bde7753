"""`manage.py suggest_aliases`: products that may be the same thing under two names, for a person to decide on."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from precision.shop import aliases
from precision.shop.models import Organisation, ProductAlias

SHOWN = 20


class Command(BaseCommand):
    help = "Suggest product aliases; nothing is joined before somebody accepts a suggestion in the admin."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organisation", help="Key of one organisation; default: all.")

    def handle(self, *, organisation: str | None, **options: Any) -> None:
        chosen = (
            Organisation.objects.all()
            if organisation is None
            else Organisation.objects.filter(key=organisation)
        )
        if organisation is not None and not chosen:
            known = (
                ", ".join(Organisation.objects.values_list("key", flat=True))
                or "none yet (see create_platform)"
            )
            raise CommandError(
                f"--organisation: there is no organisation {organisation!r}; there are: {known}.",
                returncode=2,
            )
        for each in chosen:
            new = aliases.suggest(each)
            waiting = ProductAlias.objects.filter(
                product__platform__organisation=each, status=ProductAlias.Status.SUGGESTED
            ).select_related("product__platform", "other__platform")
            self.stdout.write(f"{each.key}: {new} new, {waiting.count()} waiting for a decision in the admin")
            for link in waiting.order_by("-score")[:SHOWN]:
                self.stdout.write(
                    f"  {link.product.title} ({link.product.platform.key}) = "
                    f"{link.other.title} ({link.other.platform.key})? {link.method}"
                )
