"""Staff pages of data quality: the report per source and day, the tallies behind it, and what was taken away."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget

from precision.engine.staff import IndexedSearch, LargeAdmin, link_column
from precision.shop import quality, records, spreadsheets
from precision.shop.admin import reports, searching
from precision.shop.admin.reports import Cell, Page, Table
from precision.shop.api.quality import MOST_DAYS, span
from precision.shop.models import Removal, Tally
from precision.shop.quality import OUTCOMES, Line, Report
from precision.shop.tallies import Outcome

TITLE = "Data quality"
INTRO = (
    "What became of what came in. Accepted, updated, duplicate and rejected exclude each other; the others are told "
    "beside them. Days are those of receipt, in UTC."
)
ALARMING = (Outcome.REJECTED, Outcome.CLOCK_SKEWED)
COUNTS = [outcome.value.replace("_", " ") for outcome in OUTCOMES]
KINDS = [
    ("", "all records"),
    *((name, name) for name in sorted(records.KINDS) if name not in {"line", "exposed-item"}),
]


class QualityForm(reports.SpanForm):
    """Which shop, days and kind of record."""

    most_days = MOST_DAYS
    kind = forms.ChoiceField(choices=KINDS, required=False, widget=UnfoldAdminSelectWidget)


@admin.register(Tally)
class TallyAdmin(IndexedSearch, LargeAdmin):
    list_display = ["day", "platform", "source_link", "kind", "outcome", "reason", "count"]
    list_filter = ["platform"]
    list_select_related = ["platform", "source"]
    search_fields = ["day"]
    search_help_text = "A day like 2026-11-30"
    ordering = ["-id"]
    shop_ordering = ["-day", "-id"]
    fields = ["platform", "day", "source_link", "kind", "outcome", "reason", "count"]
    actions_list = ["quality"]
    source_link = link_column("source")

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the tallies of a day."""
        day = searching.day(term)
        if day is None:
            return rows.none()
        return rows.filter(platform_id__in=searching.platform_ids(), day=day[0].date())

    @action(description=TITLE, url_path="quality", icon="fact_check", permissions=["view"])  # type: ignore[untyped-decorator]
    def quality(self, request: HttpRequest) -> HttpResponse:
        """The report per source and day, as a page or as one of its tables in a file."""
        form = reports.form_for(request, QualityForm)
        page = Page(title=TITLE, form=form, intro=INTRO)
        if form.is_valid():
            given = form.cleaned_data
            start, end = span(given["start"], given["end"])
            found = quality.report(given["platform"], start=start, end=end, kind=given["kind"])
            if request.GET.get("file") == "days":
                return _file(f"quality-{given['platform'].key}-{start}-{end}", found)
            page.notices = list(_notices(found))
            page.tables = _tables(found)
        return reports.respond(self, request, page)


@admin.register(Removal)
class RemovalAdmin(LargeAdmin):
    list_display = ["id", "platform", "table", "row", "position"]
    list_filter = ["platform"]
    list_select_related = ["platform"]
    ordering = ["-id"]
    fields = ["platform", "table", "row", "position"]


def _notices(found: Report) -> Sequence[str]:
    """Return what needs a person's eye, in words."""
    told = [
        f"The source “{flag.name}” does not say {' and '.join(flag.missing)}; say so on its page."
        for flag in found.flags
    ]
    if found.foreign is None:
        told.append(f"Orders in foreign currencies were not counted. {quality.TOO_SLOW}")
    elif found.foreign:
        sums = ", ".join(f"{orders:,} in {currency}" for currency, orders in found.foreign.items())
        told.append(f"Orders in foreign currencies that no exchange rate converts: {sums}. Add their rates.")
    if found.sensors is None:
        told.append(f"Sensor readings were not counted. {quality.TOO_SLOW}")
    return told


def _tables(found: Report) -> list[Table]:
    span_of = f"{found.start} until before {found.end}"
    days = Table(
        title="Per source and day",
        headers=reports.headers("day", "source", numbers=[*COUNTS, "waiting"], after=["rejected because"]),
        rows=[
            [reports.on(line.day), reports.words(line.name, short=True), *_counts(line)]
            for line in found.lines
        ],
        total=[reports.words("all"), Cell(text=""), *_counts(found.totals[-1])],
        file="days",
        empty=f"Nothing came in from {span_of}.",
    )
    sources = Table(
        title="Per source",
        headers=reports.headers("source", numbers=[*COUNTS, "waiting"], after=["rejected because"]),
        rows=[[reports.words(line.name, short=True), *_counts(line)] for line in found.totals[:-1]],
        total=[reports.words("all sources"), *_counts(found.totals[-1])],
        note=f"From {span_of}.",
        empty=f"Nothing came in from {span_of}.",
    )
    sensors = Table(
        title="Sensor readings",
        headers=reports.headers("day", "sensor", numbers=["readings", "stores"]),
        rows=[
            [
                reports.on(each.day),
                reports.words(each.sensor),
                reports.count(each.readings),
                reports.count(each.stores),
            ]
            for each in found.sensors or ()
        ],
        note="Days are those of the readings.",
        empty="No readings in these days.",
    )
    return [sources, days, sensors]


def _counts(line: Line) -> list[Cell]:
    because = ", ".join(f"{reason} {number:,}" for reason, number in line.rejected_by.most_common())
    return [
        *(reports.count(line.counts[outcome], alarming=outcome in ALARMING) for outcome in OUTCOMES),
        reports.count(line.waiting, alarming=True),
        reports.words(because),
    ]


def _file(name: str, found: Report) -> HttpResponse:
    rows = []
    for line in found.lines:
        row = line.as_row()
        because = "; ".join(f"{reason}: {number}" for reason, number in row.pop("rejected_by").items())
        rows.append([*row.values(), because])
    header = ["source", "name", "day", *(outcome.value for outcome in OUTCOMES), "waiting", "rejected_by"]
    return spreadsheets.download(name, header, rows)
