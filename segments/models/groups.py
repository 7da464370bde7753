"""The segments that staff define, and who is in them."""

from django.db import models

from precision.engine.models import Run
from precision.shop.models import Customer, Platform


class Segment(models.Model):
    """A named group of a platform's customers, defined by a condition."""

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="segments")
    key = models.SlugField()
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    condition = models.JSONField(help_text='Like {"label": "class", "op": "=", "value": "A"}.')
    builtin = models.BooleanField(default=False, help_text="Came with the product.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["platform", "key"]
        constraints = [models.UniqueConstraint(fields=["platform", "key"], name="precision_segment_once")]

    def __str__(self) -> str:
        return self.name


class SegmentMember(models.Model):
    """A customer found in a segment by a run."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    segment = models.ForeignKey(Segment, models.CASCADE, related_name="members")
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="segment_memberships")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "segment", "customer"], name="precision_member_once")
        ]
        indexes = [models.Index(fields=["customer", "run"], name="precision_member_customer")]

    def __str__(self) -> str:
        return f"{self.segment_id}: {self.customer_id}"
