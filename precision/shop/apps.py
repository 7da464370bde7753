"""Django configuration of the facts."""

from django.apps import AppConfig
from django.core.checks import Tags, register

from precision.shop import checks


class ShopConfig(AppConfig):
    """What happened, in every shop, and what was shown to whom."""

    name = "precision.shop"
    label = "precision_shop"
    verbose_name = "Facts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks of keys, apps and time zones."""
        register(checks.check_pii_keys, Tags.security)
        register(checks.check_needed_apps)
        register(checks.check_app_order)
        register(checks.check_time_zones)
