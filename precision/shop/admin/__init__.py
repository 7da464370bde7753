"""Staff pages of the facts, one module per group of tables."""

from django.core.checks import register

from precision.shop.admin import (
    activity,
    catalogue,
    contacts,
    dead_letters,
    dress,
    intake,
    interests,
    links,
    organisation,
    parties,
    privacy,
    quality,
    rates,
    sources,
    stores,
)

__all__ = [
    "activity", "catalogue", "contacts", "dead_letters", "intake", "interests", "links", "organisation", "parties",
    "privacy", "quality", "rates", "sources", "stores",
]  # fmt: skip

# Here and not in `ready()`: only a project with an admin imports this package.
register(dress.check_site)
