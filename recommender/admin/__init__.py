"""Staff pages; importing this package registers them all."""

from recommender.admin import controls, lists, panels, quality, rules, settings

__all__ = ["controls", "lists", "panels", "quality", "rules", "settings"]
