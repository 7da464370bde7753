"""Django configuration of `precision.engine`."""

from django.apps import AppConfig
from django.core.checks import Tags, register

from precision.engine import checks


class EngineConfig(AppConfig):
    """When and where results were computed."""

    name = "precision.engine"
    label = "precision_engine"
    verbose_name = "Runs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks of the database and the engines."""
        register(checks.check_database_kind)
        register(checks.check_database_version, Tags.database)
        register(checks.check_engine_paths)
        register(checks.check_engines_start, deploy=True)
