"""Staff pages; importing this package registers them all."""

from recommender.admin import controls, interaction_settings, lists, panels, quality, ranker, rules, settings

__all__ = ["controls", "interaction_settings", "lists", "panels", "quality", "ranker", "rules", "settings"]
