"""Staff pages of what came in, counted, and of files that staff send to be imported."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action
from unfold.decorators import display as labelled

from precision.engine.display import NOTHING, duration
from precision.engine.staff import ReadOnlyAdmin, pretty_column
from precision.shop.admin import uploading
from precision.shop.models import ImportBatch

STATES = {
    ImportBatch.Status.WAITING: "info", ImportBatch.Status.RUNNING: "info", ImportBatch.Status.DONE: "success",
    ImportBatch.Status.REFUSED: "warning", ImportBatch.Status.FAILED: "danger",
}  # fmt: skip


@admin.register(ImportBatch)
class ImportBatchAdmin(ReadOnlyAdmin):
    list_display = [
        "mapping_name",
        "platform",
        "state",
        "started_at",
        "took",
        "rows",
        "accepted",
        "updated",
        "duplicate",
        "rejected",
    ]
    list_filter = ["platform", "status"]
    list_select_related = ["platform"]
    search_fields = ["mapping"]
    search_help_text = "Mapping file"
    ordering = ["-started_at"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("mapping", "platform"),
                    ("status", "message"),
                    ("started_at", "finished_at", "took"),
                    "shown_files",
                ]
            },
        ),
        (
            "Rows",
            {
                "fields": [
                    ("rows", "accepted", "rejected"),
                    ("updated", "duplicate"),
                    "shown_counts",
                    "rejects",
                ]
            },
        ),
    ]
    actions_list = ["upload"]
    shown_files = pretty_column("files")
    shown_counts = pretty_column("counts", "per kind")

    def has_upload_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        """Whether this person may import files."""
        return bool(request.user.has_perm("precision_shop.add_importbatch"))

    @action(  # type: ignore[untyped-decorator]
        description="Import files", url_path="upload", icon="upload_file", permissions=["upload"]
    )
    def upload(self, request: HttpRequest) -> HttpResponse:
        """Take a mapping and files, show what the import would do, and do it on the person's word."""
        return uploading.page(self, request)

    @admin.display(description="mapping", ordering="mapping")
    def mapping_name(self, batch: ImportBatch) -> str:
        return batch.mapping.rpartition("/")[2]

    @labelled(description="status", ordering="status", label=STATES)  # type: ignore[untyped-decorator]
    def state(self, batch: ImportBatch) -> tuple[str, str]:
        return batch.status, batch.get_status_display().partition(":")[0]

    @admin.display(description="took", empty_value="not finished")
    def took(self, batch: ImportBatch) -> str | None:
        return duration(batch.finished_at - batch.started_at) if batch.finished_at else None

    @admin.display(description="rejects file")
    def rejects(self, batch: ImportBatch) -> str:
        return batch.rejects_file or (NOTHING if not batch.rejected else "not written")
