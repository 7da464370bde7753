"""Who owns the facts: organisations, their platforms (shops), and the keys that open them."""

import zoneinfo

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models


def validate_timezone(value: str) -> None:
    """Raise ValidationError unless `value` names a time zone of the IANA database."""
    if value not in zoneinfo.available_timezones():
        raise ValidationError(f"“{value}” is no time zone; write one like Europe/London.")


validate_currency = RegexValidator(r"^[A-Z]{3}\Z", "Write a currency as three capital letters, like GBP.")


class Organisation(models.Model):
    """A group of platforms; people are joined within one organisation, never across two."""

    key = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    match_key = models.BinaryField(
        null=True,
        editable=False,
        help_text="Key of the digests of personal values, encrypted under PII_KEYS; made at first use.",
    )
    erasures = models.BigIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text="People erased so far; caches end with it.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.name


class Platform(models.Model):
    """One shop; products, orders, events and keys belong to exactly one platform."""

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="platforms")
    key = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    currency = models.CharField(max_length=3, default="EUR", validators=[validate_currency])
    timezone = models.CharField(max_length=64, default="UTC", validators=[validate_timezone])
    historical = models.BooleanField(
        default=False,
        help_text="The data ends in the past: compute as of its last order instead of as of today.",
    )
    active = models.BooleanField(default=True, help_text="Recomputed every night.")
    region = models.CharField(
        max_length=2,
        blank=True,
        validators=[RegexValidator(r"^[A-Z]{2}\Z", "Write a country as two capital letters, like GB.")],
        help_text="Country of phone numbers without a country code, like GB.",
    )
    keep_bots = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Keep the events of programs that read pages too; otherwise they are only counted.",
    )
    retention = models.JSONField(
        default=dict, blank=True, help_text="Days that each kind of data is kept, where not the default."
    )
    user_hash_secret = models.BinaryField(
        editable=False, help_text="Secret of `user_hash`, encrypted under PII_KEYS."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.name


class ApiKey(models.Model):
    """A key of a platform; only its SHA-256 is kept, so that a stolen database opens nothing."""

    class Kind(models.TextChoices):
        SERVER = "server", "server key (sk_…)"
        WRITE = "write", "write key (wk_…)"

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="keys")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=100, blank=True)
    prefix = models.CharField(max_length=12, help_text="The first characters, to tell keys apart.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=30), default=list, help_text="read, write, export, erase")
    rate_limit = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="Events a second that each web process takes with this key; empty: no limit.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["platform", "kind", "-created_at"]
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.prefix}…"


class ExchangeRate(models.Model):
    """What one unit of a currency was worth in another from a day on."""

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="rates", db_index=False)
    currency = models.CharField(max_length=3, validators=[validate_currency])
    target = models.CharField(max_length=3, validators=[validate_currency])
    day = models.DateField()
    rate = models.DecimalField(max_digits=20, decimal_places=10, help_text="Units of the target for one.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "currency", "target", "day"], name="precision_rate_once"
            ),
            models.CheckConstraint(condition=models.Q(rate__gt=0), name="precision_rate_positive"),
        ]

    def __str__(self) -> str:
        return f"1 {self.currency} = {self.rate} {self.target} from {self.day}"
