"""Django configuration of `precision.campaigns`."""

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    """Where and when it is shown: slots and campaigns."""

    name = "precision.campaigns"
    label = "precision_campaigns"
    verbose_name = "Where and when"
    default_auto_field = "django.db.models.BigAutoField"
