"""What was shown and sent to whom, and what came of it: facts like any other."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from precision.shop.models.catalogue import Product
from precision.shop.models.organisation import Platform
from precision.shop.models.parties import Identity
from precision.shop.models.positions import PositionField


class Exposure(models.Model):
    """One answer that was shown, the hold-out's too: arrays of equal length, one element an item.

    The table is partitioned by month of `at` (see the migration).
    """

    platform = models.ForeignKey(Platform, models.DO_NOTHING, related_name="+")
    recommendation = models.CharField("recommendation id", max_length=40)
    identity = models.ForeignKey(Identity, models.DO_NOTHING, null=True, blank=True, related_name="+")
    at = models.DateTimeField()
    page = models.CharField(max_length=100, blank=True)
    experiment = models.CharField(max_length=100, blank=True)
    arm = models.CharField(max_length=60, blank=True)
    slots = ArrayField(models.CharField(max_length=60), default=list)
    ranks = ArrayField(models.SmallIntegerField(), default=list)
    products = ArrayField(models.BigIntegerField(), default=list)
    sources = ArrayField(models.CharField(max_length=40), default=list)
    propensities = ArrayField(models.FloatField(null=True), default=list)
    run = models.BigIntegerField(null=True, blank=True)
    position = PositionField()

    class Meta:
        managed = False  # partitioned by hand: Django cannot write PARTITION BY
        db_table = "precision_shop_exposure"

    def __str__(self) -> str:
        return self.recommendation


class Send(models.Model):
    """A message of a campaign to somebody; once per campaign, step and person."""

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="+", db_index=False)
    campaign = models.CharField("campaign id", max_length=100)
    step = models.CharField(max_length=60, blank=True)
    identity = models.ForeignKey(Identity, models.PROTECT, related_name="sends")
    channel = models.CharField(max_length=40)
    at = models.DateTimeField()
    status = models.CharField(max_length=20, default="sent")
    properties = models.JSONField(default=dict, blank=True)
    position = PositionField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["platform", "campaign", "step", "identity"], name="precision_send_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign} by {self.channel}"


class Assignment(models.Model):
    """The arm of an experiment, or of a campaign, that somebody was put into."""

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="+", db_index=False)
    campaign = models.CharField("campaign id", max_length=100)
    identity = models.ForeignKey(Identity, models.PROTECT, related_name="assignments")
    arm = models.CharField(max_length=60)
    at = models.DateTimeField()
    position = PositionField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["platform", "campaign", "identity"], name="precision_assignment_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign}: {self.arm}"


class Response(models.Model):
    """What somebody did with what was shown or sent: delivered, opened, clicked, answered, bounced, complained."""

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="+", db_index=False)
    message = models.BinaryField(max_length=16, editable=False, help_text="Digest of the response id.")
    kind = models.CharField(max_length=20)
    identity = models.ForeignKey(Identity, models.PROTECT, null=True, blank=True, related_name="responses")
    campaign = models.CharField("campaign id", max_length=100, blank=True)
    recommendation = models.CharField("recommendation id", max_length=40, blank=True, db_index=True)
    slot = models.CharField(max_length=60, blank=True)
    rank = models.SmallIntegerField(null=True, blank=True)
    product = models.ForeignKey(Product, models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField()
    properties = models.JSONField(default=dict, blank=True)
    position = PositionField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["platform", "message"], name="precision_response_once")
        ]
        indexes = [models.Index(fields=["platform", "campaign", "at"], name="precision_response_time")]

    def __str__(self) -> str:
        return f"{self.kind} {self.campaign or self.recommendation}"
