"""People: facts point to an identity, an identity points to a customer; only that pointer ever moves."""

from django.db import models
from django.db.models import F, Q

from precision.shop.models.organisation import Organisation, Platform

PERSONAL_KINDS = frozenset({"email", "phone", "card", "name", "address"})
"""Kinds of identities of which only a keyed digest and a ciphertext are kept."""


class Customer(models.Model):
    """One person within one organisation, however many identities they have."""

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="customers")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"customer {self.pk}"


class Identity(models.Model):
    """A name under which a platform knows somebody: source, kind and value."""

    class Kind(models.TextChoices):
        CUSTOMER_ID = "customer_id", "customer id"
        ANONYMOUS_ID = "anonymous_id", "anonymous id"
        EXTERNAL_ID = "external_id", "id in another system"
        EMAIL = "email", "e-mail address"
        PHONE = "phone", "phone number"
        CARD = "card", "membership card"
        NAME = "name", "name"
        ADDRESS = "address", "postal address"

    platform = models.ForeignKey(Platform, models.PROTECT, related_name="identities", db_index=False)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    value = models.CharField(
        max_length=200,
        help_text="Normalised; of a personal kind its keyed digest, the same within the organisation.",
    )
    ciphertext = models.BinaryField(
        null=True, editable=False, help_text="The value of a personal kind, encrypted under PII_KEYS."
    )
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="identities")
    home = models.ForeignKey(
        Customer,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        # Customers are never deleted by a join; checking a million joined identities takes longer than moving them.
        db_constraint=False,
        db_index=False,
        editable=False,
        help_text="The customer it came with, while it is joined to another; empty: it never left.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "identities"
        constraints = [
            models.UniqueConstraint(fields=["platform", "kind", "value"], name="precision_identity_once"),
        ]
        # Most identities never leave: they need no entry.
        indexes = [
            models.Index(fields=["home"], condition=Q(home__isnull=False), name="precision_identity_home"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


class Profile(models.Model):
    """What a platform told about the person behind one of its customer ids."""

    identity = models.OneToOneField(Identity, models.CASCADE, related_name="profile")
    registered_at = models.DateTimeField(null=True, blank=True)
    birth_date = models.DateField(null=True, blank=True)
    gender = models.CharField(max_length=20, blank=True)
    country = models.CharField(max_length=60, blank=True)
    city = models.CharField(max_length=100, blank=True)
    occupation = models.CharField(max_length=100, blank=True)
    education = models.CharField(max_length=100, blank=True)
    income = models.CharField(max_length=60, blank=True, help_text="As given: an amount or a band.")
    marital_status = models.CharField(max_length=40, blank=True)
    timezone = models.CharField(max_length=64, blank=True)
    language = models.CharField(max_length=20, blank=True)
    personal = models.BinaryField(
        null=True, editable=False, help_text="E-mail, phone, name and address, encrypted under PII_KEYS."
    )
    home_match = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="Keyed digest of name and address together, by which the same person may be proposed.",
    )
    traits = models.JSONField(default=dict, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [
            models.Index(fields=["home_match"], condition=~Q(home_match=""), name="precision_profile_home")
        ]

    def __str__(self) -> str:
        return f"profile of {self.identity_id}"


class Referral(models.Model):
    """Who brought whom."""

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="referrals", db_index=False)
    referrer = models.ForeignKey(Identity, models.CASCADE, related_name="brought")
    referred = models.ForeignKey(Identity, models.CASCADE, related_name="brought_by")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["platform", "referred"], name="precision_referral_once"),
            models.CheckConstraint(
                condition=~Q(referrer=F("referred")), name="precision_referral_of_another"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.referrer} → {self.referred}"


class Consent(models.Model):
    """One word of a person on one purpose and channel; the latest counts, the others are its history."""

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="consents", db_index=False)
    identity = models.ForeignKey(Identity, models.CASCADE, related_name="consents", db_index=False)
    channel = models.CharField(
        max_length=40, help_text="email, sms, push, phone, web …; * for every channel."
    )
    purpose = models.CharField(max_length=60, help_text="marketing, personalisation, analytics …")
    granted = models.BooleanField()
    basis = models.CharField(
        max_length=60, blank=True, help_text="Legal basis: consent, contract, legitimate interest …"
    )
    at = models.DateTimeField(help_text="When the person said so.")
    source = models.ForeignKey(
        "precision_shop.Source", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["identity", "channel", "purpose", "at"], name="precision_consent_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{'yes' if self.granted else 'no'} to {self.purpose} by {self.channel}"
