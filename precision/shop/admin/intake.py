"""Staff pages of what came in, counted."""

from django.contrib import admin

from precision.engine.display import NOTHING, duration
from precision.engine.staff import ReadOnlyAdmin, pretty_column
from precision.shop.models import ImportBatch


@admin.register(ImportBatch)
class ImportBatchAdmin(ReadOnlyAdmin):
    list_display = [
        "mapping_name",
        "platform",
        "started_at",
        "took",
        "rows",
        "accepted",
        "updated",
        "duplicate",
        "rejected",
    ]
    list_filter = ["platform"]
    list_select_related = ["platform"]
    search_fields = ["mapping"]
    search_help_text = "Mapping file"
    ordering = ["-started_at"]
    fieldsets = [
        (None, {"fields": [("mapping", "platform"), ("started_at", "finished_at", "took"), "shown_files"]}),
        (
            "Rows",
            {"fields": [("rows", "accepted", "updated", "duplicate", "rejected"), "shown_counts", "rejects"]},
        ),
    ]
    shown_files = pretty_column("files")
    shown_counts = pretty_column("counts", "per kind")

    @admin.display(description="mapping", ordering="mapping")
    def mapping_name(self, batch: ImportBatch) -> str:
        return batch.mapping.rpartition("/")[2]

    @admin.display(description="took", empty_value="not finished")
    def took(self, batch: ImportBatch) -> str | None:
        return duration(batch.finished_at - batch.started_at) if batch.finished_at else None

    @admin.display(description="rejects file")
    def rejects(self, batch: ImportBatch) -> str:
        return batch.rejects_file or (NOTHING if not batch.rejected else "not written")
