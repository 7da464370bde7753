"""People: facts point to an identity, an identity points to a customer; only that pointer ever moves."""

from django.db import models

from precision.shop.models.organisation import Organisation, Platform


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

    platform = models.ForeignKey(Platform, models.PROTECT, related_name="identities", db_index=False)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    value = models.CharField(max_length=200)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="identities")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "identities"
        constraints = [
            models.UniqueConstraint(fields=["platform", "kind", "value"], name="precision_identity_once"),
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
    traits = models.JSONField(default=dict, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"profile of {self.identity_id}"
