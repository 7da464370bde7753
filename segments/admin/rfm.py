"""Staff pages of recency, frequency and money."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from precision.engine.display import NOTHING, money, table
from precision.engine.staff import (
    ResultAdmin,
    money_column,
)
from precision.shop.admin import panels
from precision.shop.models import Customer
from segments.admin.results import CustomerResultAdmin
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
