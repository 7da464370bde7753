"""What came in, and from where, counted: nothing is dropped silently."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils import timezone

from precision.shop.models.organisation import Platform


class Source(models.Model):
    """A way on which facts reach a platform, with the licence and the basis on which they may be used."""

    class Kind(models.TextChoices):
        SDK = "sdk", "event SDK"
        REST = "rest", "REST API"
        FILES = "files", "files"
        WEBLOG = "weblog", "web server log"
        STORE = "store", "point of sale"
        PARTNER = "partner", "partner or third party"
        GENERATED = "generated", "generated, not real"

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="sources", db_index=False)
    key = models.SlugField(max_length=60)
    name = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    licence = models.CharField(
        max_length=200, blank=True, help_text="Terms under which the data may be used."
    )
    basis = models.CharField(
        max_length=200, blank=True, help_text="Legal basis: consent, contract, legitimate interest …"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["platform", "key"], name="precision_source_once")]

    def __str__(self) -> str:
        return self.name or self.key


class ImportBatch(models.Model):
    """One import of files into one platform, with what became of each row."""

    class Status(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        REFUSED = "refused", "refused: a file or the mapping is at fault, nothing was loaded"
        FAILED = "failed", "failed: nothing was loaded"

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="imports")
    source = models.ForeignKey(Source, models.SET_NULL, null=True, blank=True, related_name="imports")
    mapping = models.CharField(max_length=300)
    files = models.JSONField(default=list, help_text="Name, size and rows of each file.")
    rows = models.BigIntegerField(default=0)
    accepted = models.BigIntegerField(default=0)
    updated = models.BigIntegerField(default=0)
    duplicate = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)
    counts = models.JSONField(default=dict, help_text="Per record kind, and rejected rows per reason.")
    rejects_file = models.CharField(max_length=500, blank=True)
    status = models.CharField(
        max_length=10, choices=Status.choices, default=Status.DONE, db_default=Status.DONE
    )
    message = models.TextField(
        blank=True, db_default="", help_text="What is being done, or why nothing was loaded."
    )
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "import batches"
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.mapping} {self.started_at:%Y-%m-%d %H:%M}"


class DeadLetter(models.Model):
    """Something that came in and cannot be used, kept to be looked at, and to be replayed after a fix."""

    class Status(models.TextChoices):
        WAITING = "waiting"
        REPLAYED = "replayed"
        DISCARDED = "discarded"

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="dead_letters", db_index=False)
    source = models.ForeignKey(Source, models.SET_NULL, null=True, blank=True, related_name="+")
    kind = models.CharField(max_length=20, help_text="Kind of record: event, order, customer …")
    code = models.CharField(max_length=40)
    detail = models.TextField(blank=True)
    field = models.CharField(max_length=100, blank=True)
    payload = models.JSONField(help_text="As it came; personal values as tokens that PII_KEYS open.")
    subjects = ArrayField(
        models.BigIntegerField(),
        default=list,
        blank=True,
        editable=False,
        help_text="Keyed digests of the identities it names, by which an erasure finds it.",
    )
    trusted = models.BooleanField(default=False, help_text="It came with a server key or from staff.")
    waits_for = models.CharField(
        max_length=200, blank=True, help_text="Order number whose arrival makes it usable."
    )
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    received_at = models.DateTimeField(auto_now_add=True)
    replayed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["platform", "-received_at"], name="precision_letter_time"),
            models.Index(
                fields=["platform", "waits_for"], condition=~Q(waits_for=""), name="precision_letter_waits"
            ),
            GinIndex(fields=["subjects"], name="precision_letter_subjects"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.code}"


class Tally(models.Model):
    """So many records of a source met one outcome on a day; appended by writers, added up nightly."""

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="+", db_index=False)
    source = models.ForeignKey(Source, models.SET_NULL, null=True, related_name="+", db_index=False)
    day = models.DateField(help_text="Of receipt, UTC.")
    kind = models.CharField(max_length=20, help_text="Kind of record: event, order, customer …")
    outcome = models.CharField(max_length=20)
    reason = models.CharField(max_length=40, blank=True)
    count = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "tallies"
        indexes = [models.Index(fields=["platform", "day"], name="precision_tally_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.kind} {self.outcome}: {self.count}"


class Removal(models.Model):
    """A fact that was taken away for good: the history has to forget it too."""

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="+", db_index=False)
    table = models.CharField(max_length=30, help_text="order or event.")
    row = models.BigIntegerField()
    position = models.BigIntegerField(db_index=True, help_text="Transaction that removed it.")

    def __str__(self) -> str:
        return f"{self.table} {self.row}"
