"""Stages of the life cycle: where customers are, how they got there, weekly flows, and the rule behind it."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from precision.engine.models import Run
from precision.shop.models import Customer


class StageName(models.TextChoices):
    """The stages in the order of a life; the values are those of `segments.lifecycle.stages.Stage`."""

    CONTACT = "contact", "contact"
    ACQUISITION = "acquisition", "acquisition"
    DEVELOPMENT = "development", "development"
    RETENTION = "retention", "retention"
    WIN_BACK = "win_back", "win-back"


class StageNow(models.Model):
    """The stage of a customer as of a run, with what led to it and what is expected next."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="stages")
    stage = models.CharField(max_length=20, choices=StageName.choices)
    since = models.DateField(help_text="First day of the stage.")
    known_since = models.DateField(help_text="First day of the first stage.")
    orders = models.BigIntegerField(help_text="Days with an order.")
    last_order = models.DateField(null=True)
    gap_days = models.FloatField(
        null=True, help_text="Half of the gaps between orders expected of this customer are shorter."
    )
    limit_days = models.BigIntegerField(null=True, help_text="A longer silence is retention.")
    win_back_days = models.BigIntegerField(null=True, help_text="A longer silence is win-back.")
    next_stage_at = models.DateField(null=True, help_text="When the next stage begins without an order.")
    expected_at = models.DateField(
        null=True, help_text="Half of those who come back will have ordered by then."
    )
    expected_from = models.DateField(null=True, help_text="A tenth will.")
    expected_until = models.DateField(null=True, help_text="Nine tenths will.")
    next_categories = ArrayField(
        models.BigIntegerField(), default=list, help_text="Categories due next, the soonest first."
    )
    next_expected = ArrayField(models.DateField(), default=list)
    next_from = ArrayField(models.DateField(), default=list)
    next_until = ArrayField(models.DateField(), default=list)

    class Meta:
        verbose_name = "stage of a customer"
        verbose_name_plural = "stages of customers"
        constraints = [models.UniqueConstraint(fields=["run", "customer"], name="precision_stage_once")]
        indexes = [models.Index(fields=["run", "stage", "since"], name="precision_stage_since")]

    def __str__(self) -> str:
        return f"{self.get_stage_display()} of {self.customer_id}"


class StageChange(models.Model):
    """A customer passed from one stage to another on a day, as the facts before the run have it."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="stage_changes")
    day = models.DateField()
    from_stage = models.CharField(max_length=20, blank=True, help_text="Empty: the first one.")
    stage = models.CharField(max_length=20, choices=StageName.choices)

    class Meta:
        verbose_name = "change of stage"
        verbose_name_plural = "changes of stage"
        constraints = [
            models.UniqueConstraint(fields=["run", "customer", "day"], name="precision_change_once")
        ]
        indexes = [models.Index(fields=["run", "stage", "day"], name="precision_change_day")]

    def __str__(self) -> str:
        return f"{self.customer_id} to {self.get_stage_display()} on {self.day}"


class StageFlow(models.Model):
    """How many customers passed from one stage to another in a week."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    week = models.DateField(help_text="Its Monday.")
    from_stage = models.CharField(max_length=20, blank=True, help_text="Empty: newly known.")
    stage = models.CharField(max_length=20, choices=StageName.choices)
    people = models.BigIntegerField()

    class Meta:
        verbose_name = "flow between stages"
        verbose_name_plural = "flows between stages"
        constraints = [
            models.UniqueConstraint(fields=["run", "week", "from_stage", "stage"], name="precision_flow_once")
        ]

    def __str__(self) -> str:
        return f"{self.from_stage or 'new'} to {self.stage} in the week of {self.week}"


class LifecycleRule(models.Model):
    """A version of the numbers behind stages and value of one scope; never changed, the highest version counts.

    Without a row the built-in rule counts. The numbers are those of `segments.lifecycle.rule.StageRule`.
    """

    scope = models.CharField(
        max_length=100, help_text="Key of the platform, or `org:` and the key of the organisation."
    )
    version = models.PositiveIntegerField(editable=False, help_text="Counts from 1 within the scope.")
    retention_share = models.FloatField(
        default=0.8,
        help_text="Retention begins past the silence within which this share of the own gaps ends.",
    )
    win_back_share = models.FloatField(default=0.95, help_text="Win-back begins past this share.")
    least_days = models.PositiveIntegerField(default=3, help_text="No limit is shorter.")
    most_days = models.PositiveIntegerField(default=730, help_text="No limit of retention is longer.")
    fallback_days = models.PositiveIntegerField(
        default=90, help_text="The usual gap where too few people have come back to learn it."
    )
    horizon_days = models.PositiveIntegerField(
        default=365, help_text="Orders and value are told for so many days ahead."
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    reason = models.CharField(max_length=500, help_text="Why the numbers were changed.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "rule of the life cycle"
        verbose_name_plural = "rules of the life cycle"
        constraints = [models.UniqueConstraint(fields=["scope", "version"], name="precision_life_rule_once")]

    def __str__(self) -> str:
        return f"{self.scope}, version {self.version}"
