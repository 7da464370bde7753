"""Django configuration of `segments`."""

from django.apps import AppConfig


class SegmentsConfig(AppConfig):
    """Who the customers are: classes, portraits, segments."""

    name = "segments"
    label = "precision_segments"
    verbose_name = "Who"
    default_auto_field = "django.db.models.BigAutoField"
