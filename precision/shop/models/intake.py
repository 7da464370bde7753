"""What came in, counted: nothing is dropped silently."""

from django.db import models

from precision.shop.models.organisation import Platform


class ImportBatch(models.Model):
    """One import of files into one platform, with what became of each row."""

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="imports")
    mapping = models.CharField(max_length=300)
    files = models.JSONField(default=list, help_text="Name, size and rows of each file.")
    rows = models.BigIntegerField(default=0)
    accepted = models.BigIntegerField(default=0)
    updated = models.BigIntegerField(default=0)
    duplicate = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)
    counts = models.JSONField(default=dict, help_text="Per record kind, and rejected rows per reason.")
    rejects_file = models.CharField(max_length=500, blank=True)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "import batches"
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.mapping} {self.started_at:%Y-%m-%d %H:%M}"
