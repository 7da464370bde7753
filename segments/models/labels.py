"""The label library as rows, and the labels of active customers, one wide row each."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from precision.engine.models import Run
from precision.shop.models import Customer, Platform


class Label(models.Model):
    """A label of customers. Built-in ones are data in code and stand here to be looked at; staff add others."""

    class Kind(models.TextChoices):
        FACT = "fact", "fact: counted"
        RULE = "rule", "rule: a condition over other labels"
        MODEL = "model", "model: estimated"
        MANUAL = "manual", "manual: given by staff"

    class Type(models.TextChoices):
        NUMBER = "number", "number"
        TEXT = "text", "text"
        BOOLEAN = "yes or no", "yes or no"

    class Sensitivity(models.TextChoices):
        PLAIN = "plain"
        PERSONAL = "personal", "personal: tells who somebody is"
        SENSITIVE = "sensitive", "sensitive: income, marriage, age"

    class Refresh(models.TextChoices):
        EVENT = "event", "at the event"
        MINUTE = "minute", "within a minute"
        NIGHTLY = "nightly"

    platform = models.ForeignKey(
        Platform,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="labels",
        verbose_name="shop",
        help_text="Empty: built in.",
    )
    key = models.CharField(
        max_length=60,
        validators=[RegexValidator(r"^[a-z][a-z0-9_]*\Z", "Small letters, digits and _, a letter first.")],
        help_text="By which conditions name it; it never changes.",
    )
    title = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    type = models.CharField(max_length=10, choices=Type.choices)
    unit = models.CharField(max_length=100, blank=True)
    definition = models.JSONField(
        null=True, blank=True, help_text="Of a rule: a condition, or a list of conditions with values."
    )
    formula = models.TextField(blank=True, help_text="How a value comes about, for people.")
    sensitivity = models.CharField(max_length=10, choices=Sensitivity.choices, default=Sensitivity.PLAIN)
    refresh = models.CharField(
        max_length=10, choices=Refresh.choices, default=Refresh.NIGHTLY, editable=False
    )
    version = models.PositiveIntegerField(
        default=1, editable=False, help_text="Raised whenever the same facts would give another value."
    )
    owner = models.CharField(max_length=150, blank=True, help_text="Who answers for it.")
    active = models.BooleanField(default=True, help_text="Off: no longer computed.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["platform", "key"], nulls_distinct=False, name="precision_label_once"
            ),
            models.CheckConstraint(
                condition=Q(platform__isnull=True) | Q(kind__in=["rule", "manual"]),
                name="precision_label_of_staff",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class LabelRow(models.Model):
    """All labels of an active customer in one row, as one run computed them; the others are in the run's file."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="label_rows")
    values = models.JSONField(help_text="Key of the label → value; what is not known is left out.")

    class Meta:
        verbose_name = "labels of a customer"
        verbose_name_plural = "labels of customers"
        constraints = [models.UniqueConstraint(fields=["run", "customer"], name="precision_label_row_once")]

    def __str__(self) -> str:
        return f"labels of {self.customer_id}"
