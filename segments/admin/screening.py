"""Staff pages of value deciles, big customers, range, and demand by category, week and month."""

from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminSelectWidget

from precision.engine.display import link, list_link, money, table
from precision.engine.models import Run
from precision.engine.staff import ResultAdmin, link_column, money_column, pretty_column
from precision.shop import scopes
from precision.shop.admin import panels
from precision.shop.admin.reports import Cell, Table, headers, number
from precision.shop.models import Category, Customer
from segments import screening_reports
from segments.admin import life_pages
from segments.admin.life_pages import ScopeForm
from segments.admin.results import CustomerResultAdmin
from segments.charts import value
from segments.jobs.screening import JOB
from segments.methods.screening import MONTH, PERIODS, WEEK
from segments.models import CategoryDemand, CustomerWorth, ScreeningReport

SHOWN_BIG = 20
PERIODS_SHOWN = {WEEK: 52, MONTH: 24}
VALUE_INTRO = (
    "Who ordered in the {days} days before {as_of}, by what they spent in them, net of returns. Big customers are the "
    "fewest who together bring {share:.0%} of it; all the others are one group."
)


class DemandForm(ScopeForm):
    """Which shop, which periods, and how fine."""

    period = forms.ChoiceField(
        label="By", choices=[(each, each) for each in PERIODS], widget=UnfoldAdminSelectWidget
    )
    level = forms.TypedChoiceField(
        label="Categories", coerce=int, widget=UnfoldAdminSelectWidget,
        choices=[(1, "first level"), (2, "two levels"), (9, "all levels")],
    )  # fmt: skip


@admin.register(CustomerWorth)
class CustomerWorthAdmin(CustomerResultAdmin):
    list_display = [
        "customer_link", "shown_spend", "shop", "decile", "big", "orders", "categories", "products", "run_link",
    ]  # fmt: skip
    list_display_links = ["shown_spend"]
    list_filter = [*ResultAdmin.list_filter, "big"]
    ordering = ["run_id", "-spend"]
    fieldsets = [
        (None, {"fields": [("customer_link", "shop", "run_link"), ("shown_spend", "decile", "big")]}),
        ("Figures", {"fields": [("orders", "categories", "products")]}),
    ]
    shown_spend = money_column("spend")

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses, with that of the deciles before the others."""
        view = self.admin_site.admin_view(self.deciles)
        return [path("deciles/", view, name="precision_segments_customerworth_deciles"), *super().get_urls()]

    def deciles(self, request: HttpRequest) -> HttpResponse:
        """Show deciles of value, big customers beside the small ones, and the range people buy."""
        life_pages.may_view(request, "precision_segments.view_customerworth")
        form, run = life_pages.chosen(request, ScopeForm, JOB)
        reports = screening_reports.of(run)
        told = run.parameters if run else {}
        intro = (
            VALUE_INTRO.format(days=told["value_days"], as_of=run.as_of, share=told["big_share"])
            if run
            else ""
        )
        drawn = value.value(reports.get("value", {}), reports.get("range", []), told.get("currency", ""))
        return life_pages.respond(
            self.admin_site,
            request,
            form,
            title="Value, big customers and range",
            intro=intro,
            notices=[] if run else [life_pages.NOT_COMPUTED],
            charts=drawn if run else [],
            tables=[_big(run)] if run else [],
        )


def _big(run: Run) -> Table:
    """Return the first of the big customers."""
    rows = CustomerWorth.objects.filter(run=run, big=True).select_related("customer").order_by("-spend")
    every = list_link(CustomerWorth, "all of them", shop=run.scope, big__exact=1)
    return Table(
        title="Big customers",
        headers=headers("customer", numbers=["spend", "orders", "categories", "products", "decile"]),
        rows=[
            [
                Cell(text=link(row.customer)), number(float(row.spend), 2),
                *(number(each) for each in (row.orders, row.categories, row.products, row.decile)),
            ]
            for row in rows[:SHOWN_BIG]
        ],
        note=SafeString(f"Who spent most; {every}."),
        empty="Nobody has spent anything.",
    )  # fmt: skip


@admin.register(CategoryDemand)
class CategoryDemandAdmin(ResultAdmin):
    list_display = [
        "category_link", "start", "period", "shop", "orders", "customers", "quantity", "shown_amount", "run_link",
    ]  # fmt: skip
    list_display_links = ["start"]
    list_filter = [*ResultAdmin.list_filter, "period"]
    list_select_related = ["run", "category"]
    ordering = ["run_id", "period", "-start", "category"]
    fieldsets = [
        (None, {"fields": [("category_link", "start", "period"), ("shop", "run_link")]}),
        ("Figures", {"fields": [("orders", "customers"), ("quantity", "shown_amount")]}),
    ]
    category_link = link_column("category")
    shown_amount = money_column("amount")

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses, with that of the charts before the others."""
        view = self.admin_site.admin_view(self.chart)
        return [path("chart/", view, name="precision_segments_categorydemand_chart"), *super().get_urls()]

    def chart(self, request: HttpRequest) -> HttpResponse:
        """Show the demand for categories by week or month."""
        life_pages.may_view(request, "precision_segments.view_categorydemand")
        form, run = life_pages.chosen(request, DemandForm, JOB, period=WEEK, level="1")
        drawn = []
        if run and form.is_valid():
            period = form.cleaned_data["period"]
            rows = demand_rows(run, period=period, level=form.cleaned_data["level"])
            drawn = value.demand(rows, period=period, currency=run.parameters["currency"])
        return life_pages.respond(
            self.admin_site,
            request,
            form,
            title="Demand by category",
            intro=f"What was sold before {run.as_of}, guests included." if run else "",
            notices=[] if run else [life_pages.NOT_COMPUTED],
            charts=drawn,
        )


def demand_rows(run: Run, *, period: str, level: int) -> list[dict[str, Any]]:
    """Return `start`, `category` (the first so many levels of its path) and `amount` of the last periods."""
    rows = CategoryDemand.objects.filter(run=run, period=period)
    starts: list[date] = list(
        rows.order_by("-start").values_list("start", flat=True).distinct()[: PERIODS_SHOWN[period]]
    )
    paths = dict(
        Category.objects.filter(platform__in=scopes.read(run.scope).platforms).values_list("id", "path")
    )
    return [
        {
            "start": start,
            "category": " / ".join(paths.get(category, [])[:level]) or None,
            "amount": float(amount),
        }
        for start, category, amount in rows.filter(start__in=starts).values_list(
            "start", "category_id", "amount"
        )
    ]


@admin.register(ScreeningReport)
class ScreeningReportAdmin(ResultAdmin):
    list_display = ["name", "shop", "run_link"]
    list_filter = [*ResultAdmin.list_filter, "name"]
    ordering = ["run_id", "name"]
    fieldsets = [(None, {"fields": [("name", "shop", "run_link"), "shown_body"]})]
    shown_body = pretty_column("body")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ScreeningReport]:
        """Return the rows; a list does without the bodies."""
        rows: QuerySet[ScreeningReport] = super().get_queryset(request)
        return rows.defer("body")


@panels.panel(panels.CUSTOMER, "spend and decile")
def customer_worth(customer: Customer) -> SafeString | str:
    """Return the spend of the customer within a year at each shop, from the runs in force."""
    found = CustomerWorth.objects.filter(customer=customer, run__publications__isnull=False)
    return table(
        ["shop", "decile", "big customer", "spend", "orders", "categories", "products"],
        [
            (
                one.run.scope, one.decile, "yes" if one.big else "no", money(one.spend), f"{one.orders:,}",
                f"{one.categories:,}", f"{one.products:,}",
            )
            for one in found.select_related("run")
        ],
    )  # fmt: skip
