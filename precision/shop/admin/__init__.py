"""Staff pages of the facts, one module per group of tables."""

from django.core.checks import register

from precision.shop.admin import activity, catalogue, dead_letters, dress, intake, organisation, parties

__all__ = ["activity", "catalogue", "dead_letters", "intake", "organisation", "parties"]

# Here and not in `ready()`: only a project with an admin imports this package.
register(dress.check_site)
