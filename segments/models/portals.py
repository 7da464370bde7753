"""How well the return of customers is told at each portal; each row belongs to a run."""

from django.db import models

from precision.engine.models import Run


class PortalAccuracy(models.Model):
    """Right answers at one portal on dates that the model had not seen, beside what its base rate gets right."""

    class Kind(models.TextChoices):
        """What a portal is."""

        STORE = "store", "store"
        PLATFORM = "platform", "platform"

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(
        max_length=20, choices=Kind.choices, help_text="The platform itself: what was bought in no store."
    )
    portal = models.CharField(max_length=100, help_text="Id of the store, or key of the platform.")
    name = models.CharField(max_length=200)
    customers = models.BigIntegerField(help_text="Different ones that were asked about.")
    questions = models.BigIntegerField(help_text="A customer counts once a date.")
    positive_rate = models.FloatField(help_text="Share that came back.")
    base_accuracy = models.FloatField(
        help_text="Share of right answers of always giving the answer that turned out commoner."
    )
    accuracy = models.FloatField()
    lift = models.FloatField(help_text="How much more is right than by the base rate.")
    auc = models.FloatField(null=True, help_text="Null where all or none came back.")
    threshold = models.FloatField(help_text="Mean of the dates; chosen on the time before each.")

    class Meta:
        verbose_name = "accuracy per portal"
        verbose_name_plural = "accuracy per portal"
        constraints = [
            models.UniqueConstraint(fields=["run", "kind", "portal"], name="precision_portal_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.accuracy:.1%}"
