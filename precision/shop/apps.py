"""Django configuration of the facts."""

from django.apps import AppConfig


class ShopConfig(AppConfig):
    """What happened, in every shop, and what was shown to whom."""

    name = "precision.shop"
    label = "precision_shop"
    verbose_name = "Facts"
    default_auto_field = "django.db.models.BigAutoField"
