"""Staff pages of the facts, one module per group of tables."""

from precision.shop.admin import activity, catalogue, intake, organisation, parties

__all__ = ["activity", "catalogue", "intake", "organisation", "parties"]
