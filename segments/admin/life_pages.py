"""What the report pages of the life cycle share: the choice of a shop, the page, and files of its tables."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminSelectWidget

from precision.charts import Chart
from precision.engine import runs
from precision.engine.models import Run
from precision.shop import spreadsheets
from precision.shop.admin.reports import Table
from segments.admin.class_rules import scope_choices

TEMPLATE = "precision_segments/life.html"
NOT_COMPUTED = "Nothing was computed for this shop yet."


class ScopeForm(forms.Form):
    """Which shop, or all shops of an organisation."""

    scope = forms.ChoiceField(label="Shop", widget=UnfoldAdminSelectWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["scope"].choices = scope_choices()  # type: ignore[attr-defined]


def chosen(
    request: HttpRequest, kind: type[ScopeForm], job: str, **defaults: Any
) -> tuple[ScopeForm, Run | None]:
    """Return the form filled from the address line, and the run in force of the chosen shop.

    Without a shop in the address, the first that the job was computed for, or else the first of all.
    """
    given = request.GET.copy()
    for name, value in defaults.items():
        given.setdefault(name, value)
    if "scope" not in given:
        keys = [key for key, _ in scope_choices()]
        computed = [key for key in keys if runs.published(job, key)]
        given["scope"] = next(iter([*computed, *keys]), "")
    form = kind(given)
    run = runs.published(job, form.cleaned_data["scope"]) if form.is_valid() else None
    return form, run


def may_view(request: HttpRequest, *permissions: str) -> None:
    """Raise PermissionDenied where this person lacks one of the permissions."""
    if not request.user.has_perms(permissions):
        raise PermissionDenied


def respond(
    site: AdminSite,
    request: HttpRequest,
    form: forms.Form,
    *,
    title: str,
    intro: str = "",
    notices: Sequence[str] = (),
    charts: Sequence[Chart] = (),
    tables: Sequence[Table] = (),
) -> HttpResponse:
    """Return the page, or the chart that `file` in the address names as a CSV file."""
    wanted = request.GET.get("file")
    for found in charts:
        if found.key == wanted:
            return spreadsheets.download(found.key, found.header, found.rows)
    query = request.GET.copy()
    query.pop("file", None)
    start = f"?{query.urlencode()}&" if query else "?"
    context = {
        "title": title,
        "form": form,
        "intro": intro,
        "notices": notices,
        "charts": [(found, f"{start}file={found.key}") for found in charts],
        "tables": tables,
        "query": query.urlencode(),
    }
    return TemplateResponse(request, TEMPLATE, {**site.each_context(request), **context})
