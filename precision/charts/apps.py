"""Django configuration of `precision.charts`."""

from django.apps import AppConfig
from django.core.checks import register

from precision.charts import checks


class ChartsConfig(AppConfig):
    """How a page draws."""

    name = "precision.charts"
    label = "precision_charts"
    verbose_name = "Charts"

    def ready(self) -> None:
        """Register the system check of the script."""
        register(checks.check_script)
