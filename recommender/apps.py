"""Django configuration of `recommender`."""

from django.apps import AppConfig


class RecommenderConfig(AppConfig):
    """What goes together and what each customer wants."""

    name = "recommender"
    label = "precision_recommender"
    verbose_name = "What"
    default_auto_field = "django.db.models.BigAutoField"
