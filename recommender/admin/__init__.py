"""Staff pages; importing this package registers them all."""

from recommender.admin import lists, panels, rules, settings

__all__ = ["lists", "panels", "rules", "settings"]
