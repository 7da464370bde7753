"""Runs: every computed result belongs to one, and readers see only the published run of each job."""

from django.db import models
from django.db.models import Q


class Run(models.Model):
    """One computation of one job for one scope as of one date."""

    class Status(models.TextChoices):
        RUNNING = "running"
        PUBLISHED = "published"
        FAILED = "failed"

    job = models.CharField(max_length=60)
    scope = models.CharField(max_length=60, help_text="What it was computed for: the key of a platform.")
    as_of = models.DateField(help_text="The computation saw nothing of this day or later.")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RUNNING)
    engine = models.CharField(max_length=100, blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    rows = models.JSONField(default=dict, blank=True, help_text="Rows written, per table.")
    measures = models.JSONField(default=dict, blank=True, help_text="What the job found out about itself.")
    error = models.TextField(blank=True)
    holder = models.CharField(max_length=100, blank=True, help_text="Host and process that compute it.")
    started_at = models.DateTimeField(auto_now_add=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(
        null=True, blank=True, help_text="Past this the holder counts as dead."
    )
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["job", "scope", "as_of"],
                condition=Q(status="running"),
                name="precision_run_one_holder",
            ),
        ]
        indexes = [models.Index(fields=["job", "scope", "-id"], name="precision_run_latest")]

    def __str__(self) -> str:
        return f"{self.job} of {self.scope} as of {self.as_of}"


class Publication(models.Model):
    """The pointer that readers follow: which run of a job is in force for a scope."""

    job = models.CharField(max_length=60)
    scope = models.CharField(max_length=60)
    run = models.ForeignKey(Run, models.PROTECT, related_name="publications")
    published_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "scope"], name="precision_publication_once")]

    def __str__(self) -> str:
        return f"{self.job} of {self.scope}"
