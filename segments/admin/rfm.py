"""Staff pages of recency, frequency and money."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString

from precision.engine.display import NOTHING, money, table
from precision.engine.staff import (
    ResultAdmin,
    money_column,
)
from precision.shop import scopes
from precision.shop.admin import panels
from precision.shop.models import Customer
from segments import screening_reports
from segments.admin import life_pages
from segments.admin.life_pages import ScopeForm
from segments.admin.results import CustomerResultAdmin
from segments.charts import value
from segments.jobs.rfm import JOB
from segments.methods.rfm import GROUPS
from segments.models import RfmScore

GROUP_OF = {group.key: group for group in GROUPS}


class RfmGroupFilter(admin.SimpleListFilter):
    """The groups as the method names them; asking the table for its values would read all of it."""

    title = "group"
    parameter_name = "group"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(group.key, group.name) for group in GROUPS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(group=self.value()) if self.value() else queryset


@admin.register(RfmScore)
class RfmScoreAdmin(CustomerResultAdmin):
    list_display = [
        "customer_link",
        "shown_group",
        "shop",
        "scores",
        "recency_days",
        "frequency",
        "shown_money",
        "run_link",
    ]
    list_display_links = ["shown_group"]
    list_filter = [*ResultAdmin.list_filter, RfmGroupFilter]
    fieldsets = [
        (None, {"fields": [("customer_link", "shop", "run_link"), ("shown_group", "scores"), "action"]}),
        ("Figures", {"fields": [("recency_days", "frequency", "shown_money")]}),
    ]
    shown_money = money_column("money")

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses, with that of the grid before the others."""
        view = self.admin_site.admin_view(self.grid)
        return [path("grid/", view, name="precision_segments_rfmscore_grid"), *super().get_urls()]

    def grid(self, request: HttpRequest) -> HttpResponse:
        """Show recency × frequency of all customers, and the named groups."""
        life_pages.may_view(request, "precision_segments.view_rfmscore")
        form, run = life_pages.chosen(request, ScopeForm, JOB)
        reports = screening_reports.of(run)
        currency = scopes.read(run.scope).currency if run else ""
        return life_pages.respond(
            self.admin_site,
            request,
            form,
            title="Recency, frequency, money",
            intro=f"All who ever ordered before {run.as_of}." if run else "",
            notices=[] if run else [life_pages.NOT_COMPUTED],
            charts=value.rfm(reports.get("rfm_grid", []), reports.get("rfm_groups", []), currency)
            if run
            else [],
        )

    @admin.display(description="group")
    def shown_group(self, row: RfmScore) -> str:
        return GROUP_OF[row.group].name if row.group in GROUP_OF else row.group

    @admin.display(description="what to do")
    def action(self, row: RfmScore) -> str:
        return GROUP_OF[row.group].action if row.group in GROUP_OF else NOTHING

    @admin.display(description="R-F-M")
    def scores(self, row: RfmScore) -> str:
        return f"{row.recency_score}-{row.frequency_score}-{row.money_score}"


@panels.panel(panels.CUSTOMER, "recency, frequency, money")
def customer_scores(customer: Customer) -> SafeString | str:
    """Return the RFM scores of the customer at each shop, from the runs in force."""
    found = RfmScore.objects.filter(customer=customer, run__publications__isnull=False).select_related("run")
    return table(
        ["shop", "group", "R-F-M", "days since the last order", "orders", "money"],
        [
            (
                one.run.scope,
                one.group,
                f"{one.recency_score}-{one.frequency_score}-{one.money_score}",
                f"{one.recency_days:,}",
                f"{one.frequency:,}",
                money(one.money),
            )
            for one in found
        ],
    )
