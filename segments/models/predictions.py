"""What the classifier learned about each target, and what it says of each customer; each row belongs to a run."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from precision.engine.models import Run
from precision.shop.models import Customer


class TargetModel(models.Model):
    """What may score the population of a target, with the verdict behind it."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    target = models.CharField(max_length=30, help_text="Key of TARGETS in segments/lifecycle/targets.py.")
    kind = models.CharField(
        max_length=20, help_text="logistic, boosting, network, or baseline: one feature alone."
    )
    reason = models.TextField(help_text="Why this one is used.")
    rows = models.BigIntegerField(help_text="Customers times dates that it learned from.")
    positives = models.BigIntegerField(help_text="How many of them did it.")
    dates = models.JSONField(default=list, help_text="As-of dates, the last one to judge by.")
    measures = models.JSONField(default=dict, help_text="What each way reached on the last date.")
    report = models.JSONField(null=True, help_text="The logistic regression as a statistician reads it.")
    report_reason = models.TextField(blank=True, help_text="Why there is no regression.")
    importance = models.JSONField(default=dict, help_text="Mean absolute contribution of each feature.")
    patterns = models.JSONField(default=list, help_text="What those who did it had in common beforehand.")
    state = models.JSONField(help_text="All that scoring needs; numbers and texts only.")

    class Meta:
        verbose_name = "target model"
        constraints = [models.UniqueConstraint(fields=["run", "target"], name="precision_model_once")]

    def __str__(self) -> str:
        return f"{self.kind} for {self.target}"


class TargetScore(models.Model):
    """The chance that a customer does what a target asks, with what speaks most for it and against it."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="target_scores")
    target = models.CharField(max_length=30)
    chance = models.FloatField(help_text="Calibrated, 0 to 1.")
    decile = models.PositiveSmallIntegerField(help_text="Among the population, 10 the likeliest.")
    features = ArrayField(
        models.CharField(max_length=60), default=list, help_text="What moves it most, first."
    )
    moves = ArrayField(models.FloatField(), default=list, help_text="By how much each moves the log odds.")
    values = ArrayField(models.FloatField(null=True), default=list, help_text="The value of each feature.")

    class Meta:
        verbose_name = "target score"
        constraints = [
            models.UniqueConstraint(fields=["run", "customer", "target"], name="precision_score_once")
        ]
        indexes = [models.Index(fields=["run", "target", "-chance"], name="precision_score_top")]

    def __str__(self) -> str:
        return f"{self.target} of {self.customer_id}"
