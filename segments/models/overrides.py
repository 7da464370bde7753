"""Labels that staff, or a shop's server, pin to a value."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from precision.shop.models import Identity, Platform


class LabelOverride(models.Model):
    """A value that stands in for the computed one of a label, until it ends or expires; ended ones are the history.

    It points to the identity by which it was set, so that it goes with the person when people are joined or parted.
    """

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="label_overrides", db_index=False)
    identity = models.ForeignKey(Identity, models.CASCADE, related_name="label_overrides", db_index=False)
    label = models.CharField(max_length=100, help_text="Key of the label.")
    value = models.JSONField(help_text="A number, a text, or true or false, as the label wants it.")
    reason = models.CharField(max_length=500, help_text="Why the computed value is wrong.")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who set it.",
    )
    key = models.CharField(max_length=12, blank=True, help_text="Prefix of the API key that set it.")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="From then on the computed value counts again."
    )
    ended_at = models.DateTimeField(
        null=True, blank=True, help_text="When somebody took it back or set another."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["identity", "label"],
                condition=Q(ended_at__isnull=True),
                name="precision_override_once",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("created_at")),
                name="precision_override_lasts",
            ),
        ]
        indexes = [
            models.Index(fields=["identity", "-created_at"], name="precision_override_person"),
            models.Index(
                fields=["platform"], condition=Q(ended_at__isnull=True), name="precision_override_open"
            ),
        ]
        permissions = [
            ("view_sensitive", "Can see sensitive labels: income, marriage, age"),
            ("view_personal", "Can see personal labels"),
        ]

    def __str__(self) -> str:
        # Without the value: not everybody may see it, and titles and logs show this.
        return f"{self.label} of identity {self.identity_id}"
