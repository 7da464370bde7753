"""Staff pages of the accuracy per portal: the list, and one page with the chart and all portals of a run."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.widgets import UnfoldAdminSelectWidget

from precision.charts import Axis, Chart, Point, scatter
from precision.engine.display import NOTHING, figure, link, list_link, share
from precision.engine.models import Publication, Run
from precision.engine.staff import ResultAdmin, share_column
from segments.models import PortalAccuracy

JOB = "portals"
TEMPLATE = "precision_segments/portals.html"
NOT_COMPUTED = "The accuracy per portal was not computed yet."


class ScopeForm(forms.Form):
    """Whose portals."""

    scope = forms.ChoiceField(label="Shop", widget=UnfoldAdminSelectWidget)

    def __init__(self, scopes: list[str], data: Any) -> None:
        super().__init__(data)
        self.fields["scope"].choices = [(each, each) for each in scopes]  # type: ignore[attr-defined]


@admin.register(PortalAccuracy)
class PortalAccuracyAdmin(ResultAdmin):
    list_display = [
        "name", "kind", "shop", "customers", "questions", "shown_rate", "shown_base", "shown_accuracy", "shown_lift",
        "shown_auc", "run_link",
    ]  # fmt: skip
    list_display_links = ["name"]
    list_filter = [*ResultAdmin.list_filter, "kind"]
    ordering = ["run_id", "portal"]
    fieldsets = [
        (None, {"fields": [("name", "kind", "portal"), ("shop", "run_link")]}),
        (
            "On dates that the model had not seen",
            {
                "fields": [
                    ("customers", "questions", "shown_rate"),
                    ("shown_base", "shown_accuracy", "shown_lift"),
                    ("shown_auc", "shown_threshold"),
                ]
            },
        ),
    ]
    shown_rate = share_column("positive_rate", "came back")
    shown_base = share_column("base_accuracy", "right by the base rate")
    shown_accuracy = share_column("accuracy")
    shown_lift = share_column("lift", "above the base rate")

    @admin.display(description="AUC", ordering="auc")
    def shown_auc(self, row: PortalAccuracy) -> str:
        return figure(row.auc)

    @admin.display(description="threshold")
    def shown_threshold(self, row: PortalAccuracy) -> str:
        return figure(row.threshold, 2)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.report)
        return [path("chart/", view, name="precision_segments_portalaccuracy_chart"), *super().get_urls()]

    def report(self, request: HttpRequest) -> HttpResponse:
        """Show the run in force of a shop, or of all shops of an organisation."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = {
            each.scope: each.run
            for each in Publication.objects.filter(job=JOB).select_related("run").order_by("scope")
        }
        form = ScopeForm(list(found), request.GET or {"scope": next(iter(found), "")})
        run = found.get(form.cleaned_data["scope"]) if form.is_valid() else None
        rows = list(PortalAccuracy.objects.filter(run=run).order_by("-questions", "portal")) if run else []
        context = {
            **self.admin_site.each_context(request),
            "title": "Accuracy per portal",
            "form": form if found else None,
            "intro": _intro(run) if run else NOT_COMPUTED,
            "reason": run.measures.get("reason", "") if run else "",
            "figures": _figures(run, len(rows)) if run and rows else [],
            "charts": [_accuracies(rows)] if rows else [],
            "table": _table(rows) if rows else None,
            "rows": list_link(PortalAccuracy, "All rows", shop=run.scope) if run else "",
        }
        return TemplateResponse(request, TEMPLATE, context)


def _intro(run: Run) -> str:
    window, horizon = run.parameters["window_days"], run.parameters["horizon_days"]
    return (
        f"Will a customer who bought at a portal in the last {window // 7} weeks buy there again in the next "
        f"{horizon // 7}? One model over all portals; every date is answered by what was learned from earlier ones. "
        f"As of {run.as_of}."
    )


def _figures(run: Run, portals: int) -> list[tuple[str, str]]:
    """Return title and text of what came out over all portals."""
    found = run.measures
    return [
        ("portals", f"{portals:,}"),
        ("questions", f"{found['questions']:,} on {len(found['dates'])} dates"),
        ("AUC", figure(found["auc"])),
        ("AUC of the days since the last visit alone", figure(found["recency_auc"])),
        ("accuracy, median of the portals", share(found["accuracy_median"])),
        ("accuracy, a tenth of the portals is below", share(found["accuracy_tenth"])),
        ("portals above their base rate", f"{found['above_base']:,} of {portals:,}"),
    ]


def _accuracies(rows: list[PortalAccuracy]) -> Chart:
    """Return a point a portal: how far right its base rate, how high its model."""
    return scatter(
        "accuracy", "Right answers at each portal by the model, against those by its base rate",
        x=Axis(title="right by the base rate", percent=True, places=1),
        y=Axis(title="right by the model", percent=True, places=1),
        groups={"portals": [Point(x=each.base_accuracy, y=each.accuracy, name=_label(each)) for each in rows]},
        note="The base rate gives everybody the answer that turned out commoner at the portal. A model that adds "
        "nothing would put a portal as high as it is far right.",
    )  # fmt: skip


def _table(rows: list[PortalAccuracy]) -> dict[str, Any]:
    """Return the portals as a table, those that gain most first."""
    return {
        "title": "Each portal",
        "headers": (
            "portal", "customers", "questions", "came back", "right by the base rate", "accuracy",
            "above the base rate", "AUC", "threshold",
        ),
        "rows": [
            (
                link(each, _label(each)), f"{each.customers:,}", f"{each.questions:,}", share(each.positive_rate),
                share(each.base_accuracy), share(each.accuracy), share(each.lift), figure(each.auc),
                figure(each.threshold, 2),
            )
            for each in sorted(rows, key=lambda each: -each.lift)
        ],
    }  # fmt: skip


def _label(row: PortalAccuracy) -> str:
    return row.name or row.portal or NOTHING
