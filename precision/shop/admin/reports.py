"""What the report pages of staff have in common: the choice of a shop and a span, tables, and their files."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django import forms
from django.http import HttpRequest
from django.template.response import TemplateResponse
from unfold.widgets import INPUT_CLASSES, UnfoldAdminSelectWidget

from precision.engine.display import NOTHING
from precision.engine.staff import StaffAdmin
from precision.shop.models import Platform

TEMPLATE = "precision_shop/report.html"


def day_input() -> forms.DateInput:
    """Return the browser's own choice of a day, which needs no script."""
    return forms.DateInput(attrs={"type": "date", "class": " ".join(INPUT_CLASSES)}, format="%Y-%m-%d")


class SpanForm(forms.Form):
    """Which shop, and which days; both ends may be left out."""

    most_days: int | None = None

    platform = forms.ModelChoiceField(
        Platform.objects.all(), label="Shop", widget=UnfoldAdminSelectWidget, empty_label=None
    )
    start = forms.DateField(label="From", required=False, widget=day_input())
    end = forms.DateField(label="Before", required=False, widget=day_input())

    def clean(self) -> dict[str, Any]:
        """Refuse a span that is upside down or too long."""
        data = super().clean() or {}
        start, end = data.get("start"), data.get("end")
        if start and end and start >= end:
            raise forms.ValidationError(f"The span ends on {end}, which is not after {start}.")
        if start and end and self.most_days and end - start > timedelta(days=self.most_days):
            raise forms.ValidationError(f"The span is longer than {self.most_days} days; choose fewer.")
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell: what it shows, and how."""

    text: object
    css: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of a report page."""

    title: str
    headers: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    total: Sequence[Cell] = ()
    """The row of sums below the others."""
    file: str = ""
    """Value of `file` in the address line that gives the table as CSV."""
    empty: str = "Nothing."
    """Stands in the place of the rows where there are none."""


@dataclass(slots=True, kw_only=True)
class Page:
    """A report page: notices on top, tables below."""

    title: str
    form: SpanForm
    intro: str = ""
    notices: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)


def headers(*titles: str, numbers: Sequence[str] = (), after: Sequence[str] = ()) -> list[Cell]:
    """Return the heads of columns of text, then of numbers, then of text again."""
    return [
        *(Cell(text=title) for title in titles),
        *(Cell(text=title, css="precision-number") for title in numbers),
        *(Cell(text=title) for title in after),
    ]


def form_for(request: HttpRequest, kind: type[SpanForm]) -> SpanForm:
    """Return the form filled from the address line; without a shop there, the first one is chosen."""
    given = request.GET.copy()
    if "platform" not in given:
        first = Platform.objects.first()
        if first is not None:
            given["platform"] = str(first.pk)
    return kind(given)


def respond(admin: StaffAdmin, request: HttpRequest, page: Page) -> TemplateResponse:
    """Return the page in the dress of the others."""
    context = {
        **admin.admin_site.each_context(request),
        "title": page.title,
        "page": page,
        "query": request.GET.urlencode(),
    }
    return TemplateResponse(request, TEMPLATE, context)


def number(value: float | int | None, places: int = 0) -> Cell:
    """Return a number, right-aligned; a dash for None. One too small for its decimals has two digits instead."""
    if value is None:
        return Cell(text=NOTHING, css="precision-number")
    small = 0 < abs(value) < 10**-places
    return Cell(text=f"{value:.2g}" if small else f"{value:,.{places}f}", css="precision-number")


def count(value: int, *, alarming: bool = False) -> Cell:
    """Return a count, faint when it is 0, marked when it is not and that is bad."""
    css = "precision-number"
    if not value:
        css += " precision-faint"
    elif alarming:
        css += " precision-alarm"
    return Cell(text=f"{value:,}", css=css)


def words(value: object, *, short: bool = False) -> Cell:
    """Return a text; a dash for nothing. A short one is not squeezed by its neighbours."""
    return Cell(text=NOTHING if value in {None, ""} else value, css="precision-short" if short else "")


def on(day: date | None) -> Cell:
    """Return a day that stays on one line."""
    return Cell(text="" if day is None else f"{day:%a %Y-%m-%d}", css="precision-day")
