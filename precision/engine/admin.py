"""Staff pages of runs: what was computed when, what came out, and the way back."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.decorators import action
from unfold.decorators import display as labelled

from precision.engine import runs
from precision.engine.display import NOTHING, duration, list_link, pretty, table
from precision.engine.models import Publication, Run
from precision.engine.staff import ReadOnlyAdmin, go_to, link_column, pretty_column

LABELS = {"in force": "success", "failed": "danger", "running": "info"}
ROLL_BACK = "Readers see its results at once. The other runs stay, so that you can go forward again."


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = [
        "job",
        "scope",
        "as_of",
        "shown_state",
        "started_at",
        "duration",
        "total_rows",
        "engine",
        "problem",
    ]
    list_filter = [
        "status",
        ("job", admin.AllValuesFieldListFilter),
        ("scope", admin.AllValuesFieldListFilter),
    ]
    search_fields = ["job", "scope"]
    search_help_text = "Job or shop"
    ordering = ["-id"]
    fieldsets = [
        (None, {"fields": [("job", "scope", "as_of"), ("state", "engine")]}),
        (
            "Time",
            {
                "fields": [
                    ("started_at", "finished_at", "duration"),
                    ("heartbeat_at", "lease_until", "holder"),
                ]
            },
        ),
        ("Results", {"fields": ["written_rows", "shown_measures", "shown_parameters"]}),
        ("Error", {"fields": ["shown_error"]}),
    ]
    actions_detail = ["roll_back"]
    shown_measures = pretty_column("measures")
    shown_parameters = pretty_column("parameters")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        rows: QuerySet[Run] = super().get_queryset(request)
        return rows.annotate(pointed_at=Exists(Publication.objects.filter(run=OuterRef("pk"))))

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Sequence[Any]:
        """Return the parts of the page; that of the error only where there is one."""
        parts = super().get_fieldsets(request, obj)
        return [part for part in parts if part[0] != "Error" or getattr(obj, "error", "")]

    @admin.display(description="status")
    def state(self, run: Any) -> str:
        return "in force" if run.pointed_at else run.status

    @labelled(description="status", label=LABELS, ordering="status")  # type: ignore[untyped-decorator]
    def shown_state(self, run: Any) -> str:
        return self.state(run)

    @admin.display(description="took")
    def duration(self, run: Run) -> str:
        end = run.finished_at or (timezone.now() if run.status == Run.Status.RUNNING else None)
        return duration(end - run.started_at if end else None)

    @admin.display(description="rows")
    def total_rows(self, run: Run) -> str:
        return f"{sum(run.rows.values()):,}" if run.rows else NOTHING

    @admin.display(description="problem")
    def problem(self, run: Run) -> str:
        """The last line of a traceback says what happened."""
        return run.error.strip().rpartition("\n")[2][:120] or NOTHING

    @admin.display(description="rows written")
    def written_rows(self, run: Run) -> str:
        """Rows per table, with a link to those of this run where the table has a page."""
        pages = {page._meta.model_name: page for page in self.admin_site._registry}
        lines = []
        for name, count in run.rows.items():
            page = pages.get(name.replace("_", ""))
            text = name.replace("_", " ")
            lines.append((list_link(page, text, run__id__exact=run.pk) if page else text, f"{count:,}"))
        return table(["table", "rows"], lines)

    @admin.display(description="error")
    def shown_error(self, run: Run) -> str:
        return format_html('<div class="precision-text">{}</div>', run.error)

    def has_roll_back_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        """Whether this person may move the pointer and it could be moved here; the button hides otherwise."""
        if not request.user.has_perm("precision_engine.change_publication"):
            return False
        return object_id is None or _older(object_id).exists()

    @action(  # type: ignore[untyped-decorator]
        description="Roll back to this run",
        icon="history",
        permissions=["roll_back"],
        dialog={
            "title": "Roll back to this run?",
            "description": ROLL_BACK,
            "form_class": None,
            "form_submit_text": "Roll back",
        },
    )
    def roll_back(self, request: HttpRequest, form: object, object_id: str) -> HttpResponse:
        """Point readers to a published run that is not in force; runs only after the dialog was confirmed."""
        with transaction.atomic():
            run = _older(object_id).select_for_update(of=("self",)).first()
            if run is None:
                raise PermissionDenied("Only a published run that is not in force can be rolled back to.")
            runs.point(run)
            self.log_change(request, run, "Rolled back to this run.")
        messages.success(request, f"Readers now see run {run.pk}: {run}.")
        return go_to(request, reverse("admin:precision_engine_run_change", args=[run.pk]))


@admin.register(Publication)
class PublicationAdmin(ReadOnlyAdmin):
    list_display = ["job", "scope", "run_link", "as_of", "published_at", "measures"]
    list_filter = [("job", admin.AllValuesFieldListFilter), ("scope", admin.AllValuesFieldListFilter)]
    list_select_related = ["run"]
    search_fields = ["job", "scope"]
    search_help_text = "Job or shop"
    ordering = ["scope", "job"]
    fields = ["job", "scope", "run_link", "as_of", "published_at", "measures"]
    run_link = link_column("run")

    @admin.display(description="as of")
    def as_of(self, publication: Publication) -> str:
        return f"{publication.run.as_of:%Y-%m-%d}"

    @admin.display(description="measures")
    def measures(self, publication: Publication) -> str:
        return pretty(publication.run.measures)


def _older(object_id: object) -> QuerySet[Run]:
    """Return the run of this number if readers could be pointed to it."""
    if not str(object_id).isdigit():
        return Run.objects.none()
    return Run.objects.filter(pk=int(str(object_id)), status=Run.Status.PUBLISHED, publications__isnull=True)
