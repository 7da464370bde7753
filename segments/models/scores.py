"""Scores of customers; each row belongs to a run."""

from django.db import models

from precision.engine.models import Run
from precision.shop.fields import MoneyField
from precision.shop.models import Customer


class RfmScore(models.Model):
    """Recency, frequency and money of a customer at one platform."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="rfm_scores")
    recency_days = models.IntegerField(help_text="Days from the last order to the date of the run.")
    frequency = models.IntegerField(help_text="Orders.")
    money = MoneyField(help_text="Net of returns.")
    recency_score = models.PositiveSmallIntegerField(help_text="1 (long ago) to 5 (lately).")
    frequency_score = models.PositiveSmallIntegerField(help_text="1 to 5.")
    money_score = models.PositiveSmallIntegerField(help_text="1 to 5.")
    group = models.CharField(max_length=40)

    class Meta:
        verbose_name = "RFM score"
        constraints = [models.UniqueConstraint(fields=["run", "customer"], name="precision_rfm_once")]
        indexes = [models.Index(fields=["run", "group"], name="precision_rfm_group")]

    def __str__(self) -> str:
        return f"{self.group} {self.customer_id}"
