"""Why identities are one person, and every join that followed from it: nothing is joined that cannot be undone."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from precision.shop.models.organisation import Organisation
from precision.shop.models.parties import Identity
from precision.shop.models.positions import PositionField


class IdentityLink(models.Model):
    """Evidence that two identities belong to one person; people are what the active links connect."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        PROPOSED = "proposed"
        REFUSED = "refused"
        UNDONE = "undone"

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="links", db_index=False)
    first = models.ForeignKey(Identity, models.CASCADE, related_name="links", db_index=False)
    second = models.ForeignKey(Identity, models.CASCADE, related_name="links_in")
    origin = models.CharField(
        max_length=20, help_text="What told us: identify, alias, order, profile, same-value, staff …"
    )
    verified = models.BooleanField(
        default=False,
        help_text="Told by the shop's server, by staff, or by a browser with a valid user_hash.",
    )
    status = models.CharField(
        max_length=10,
        choices=Status.choices,
        default=Status.ACTIVE,
        help_text="Active and proposed follow from the rules; refused and undone are staff's word.",
    )
    held = models.CharField(
        max_length=20, blank=True, db_default="", help_text="The rule by which a proposed link joins nobody."
    )
    evidence = models.JSONField(default=dict, blank=True)
    rule_version = models.PositiveSmallIntegerField(default=1)
    at = models.DateTimeField(help_text="When it was first told.")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(
        null=True, blank=True, help_text="When staff made, accepted, refused or undid it."
    )
    position = PositionField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["first", "second", "origin"], name="precision_link_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="precision_link_in_order"),
        ]
        indexes = [
            models.Index(fields=["organisation", "status"], name="precision_link_status"),
            models.Index(
                fields=["organisation", "-id"], condition=Q(status="proposed"), name="precision_link_proposed"
            ),
            models.Index(fields=["position"], name="precision_link_position"),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} = {self.second_id} ({self.origin})"


class Join(models.Model):
    """A line of the ledger: identities that went from one customer to another, why, and who said so."""

    class Action(models.TextChoices):
        JOIN = "join"
        SPLIT = "split"

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="joins", db_index=False)
    action = models.CharField(max_length=10, choices=Action.choices)
    link = models.ForeignKey(IdentityLink, models.SET_NULL, null=True, blank=True, related_name="joins")
    moves = models.JSONField(help_text="[identity, from customer, to customer] of each identity that moved.")
    reason = models.CharField(max_length=300, blank=True)
    rule_version = models.PositiveSmallIntegerField(default=1)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["organisation", "-at"], name="precision_join_time")]

    def __str__(self) -> str:
        return f"{self.action} of {len(self.moves)} identities"


class IslandReport(models.Model):
    """How much the platforms of an organisation know of the same people, on a day."""

    organisation = models.ForeignKey(
        Organisation, models.CASCADE, related_name="island_reports", db_index=False
    )
    day = models.DateField()
    platforms = models.JSONField(
        help_text="Of each platform, by key: people, active, only_here, visitors; and the days of activity."
    )
    overlaps = models.JSONField(help_text="[key, other key, people known on both] of each pair of platforms.")
    people = models.BigIntegerField(help_text="People known on any platform.")
    made_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "day"], name="precision_island_report_once"),
        ]
        ordering = ["-day"]

    def __str__(self) -> str:
        return f"{self.organisation} on {self.day}"


class Erasure(models.Model):
    """That somebody was erased, and how many rows of each table; once finished, nothing by which to know whom."""

    class State(models.TextChoices):
        REQUESTED = "requested"
        ERASED = "erased", "erased, traces outside the tables of facts remain"
        FINISHED = "finished"

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="+")
    scope = models.CharField(max_length=60, help_text="Key of the platform, or * for the whole organisation.")
    requested_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    counts = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.REQUESTED)
    pending = models.BinaryField(
        null=True,
        editable=False,
        help_text="What remains to be done, encrypted under PII_KEYS; empty once finished.",
    )
    by = models.CharField(
        max_length=60, blank=True, help_text="Prefix of the key, or number of the user, that asked."
    )

    def __str__(self) -> str:
        return f"erasure {self.pk}"
