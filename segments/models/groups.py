"""The segments that staff define, and who is, was and will stay in them."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from precision.engine.models import Run
from precision.shop.models import Customer, Identity, Organisation, Platform
from precision.shop.models.positions import PositionField
from precision.shop.scopes import OVERALL

RESERVED = ("overlap", "portrait", "preview")
"""Words that addresses of the API use in the place of a key."""


class Segment(models.Model):
    """A named group of customers, of one platform or of all of an organisation: by a condition, or a list."""

    platform = models.ForeignKey(
        Platform,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="segments",
        help_text="Empty: of all platforms of the organisation.",
    )
    organisation = models.ForeignKey(
        Organisation,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="segments",
        help_text="Where it is of all platforms together.",
    )
    key = models.SlugField(
        validators=[
            RegexValidator(
                rf"^({'|'.join(RESERVED)})\Z", "This word is taken by an address.", inverse_match=True
            )
        ]
    )
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    condition = models.JSONField(
        null=True, blank=True, help_text='Like {"label": "price_class", "op": "=", "value": "A"}.'
    )
    static = models.BooleanField(
        "list", default=False, help_text="Members are named one by one; there is no condition."
    )
    builtin = models.BooleanField(default=False, help_text="Came with the product.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["platform", "key"]
        constraints = [
            models.UniqueConstraint(fields=["platform", "key"], name="precision_segment_once"),
            models.UniqueConstraint(fields=["organisation", "key"], name="precision_segment_overall_once"),
            models.CheckConstraint(
                condition=Q(platform__isnull=False, organisation__isnull=True)
                | Q(platform__isnull=True, organisation__isnull=False),
                name="precision_segment_of_one",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def scope(self) -> str:
        """The scope that it is computed in: the key of its platform, or `org:` and that of its organisation."""
        if self.platform is not None:
            return self.platform.key
        return f"{OVERALL}{self.organisation.key}" if self.organisation is not None else ""


class SegmentMember(models.Model):
    """An active customer found in a segment by a run, and kept right until the next one: what serving reads.

    Everybody else's memberships are in the run's file (`segments.membership`). Keys are not checked by the database:
    checking three for each of millions of copied rows costs more than all the rest.
    """

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    segment = models.ForeignKey(
        Segment, models.CASCADE, related_name="members", db_index=False, db_constraint=False
    )
    customer = models.ForeignKey(
        Customer, models.CASCADE, related_name="segment_memberships", db_index=False, db_constraint=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "segment", "customer"], name="precision_member_once")
        ]
        indexes = [models.Index(fields=["customer", "run"], name="precision_member_customer")]

    def __str__(self) -> str:
        return f"{self.segment_id}: {self.customer_id}"


class SegmentSpell(models.Model):
    """One stay of a customer in a segment that began or ended after the segment was first computed.

    Who was in it from the start and never left has none: their membership is in the file of the run. Whoever follows
    the log of positions meets a spell when it begins and again when it ends.
    """

    segment = models.ForeignKey(Segment, models.CASCADE, related_name="spells", db_index=False)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="segment_spells")
    entered_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True, blank=True, help_text="Empty: still in it.")
    position = PositionField(help_text="Place of the last change in the log of facts.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["segment", "customer"], condition=Q(left_at=None), name="precision_spell_open_once"
            ),
        ]
        indexes = [
            models.Index(fields=["position"], name="precision_spell_position"),
            models.Index(fields=["segment", "id"], name="precision_spell_segment"),
            # Who left a segment last, however long ago they had entered.
            models.Index(
                fields=["segment", "-left_at", "-id"],
                condition=Q(left_at__isnull=False),
                name="precision_spell_left",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.segment_id}: {self.customer_id} from {self.entered_at:%Y-%m-%d %H:%M}"


class SegmentListing(models.Model):
    """Somebody whom a list names. By identity, so that a join of people moves it along."""

    segment = models.ForeignKey(Segment, models.CASCADE, related_name="listings", db_index=False)
    identity = models.ForeignKey(Identity, models.CASCADE, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "entry of a list"
        verbose_name_plural = "entries of lists"
        constraints = [models.UniqueConstraint(fields=["segment", "identity"], name="precision_listing_once")]

    def __str__(self) -> str:
        return f"{self.segment_id}: {self.identity_id}"


class SegmentCursor(models.Model):
    """How far the log of facts was followed for the segments of a scope."""

    scope = models.CharField(max_length=120, unique=True)
    position = models.BigIntegerField(help_text="Facts below it were looked at.")
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.scope} at {self.position}"
