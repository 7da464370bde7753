"""Django configuration of `precision.engine`."""

from django.apps import AppConfig


class EngineConfig(AppConfig):
    """When and where results were computed."""

    name = "precision.engine"
    label = "precision_engine"
    verbose_name = "Runs"
    default_auto_field = "django.db.models.BigAutoField"
