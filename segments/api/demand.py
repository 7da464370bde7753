"""Demand by category, week and month: of everybody, and of one customer."""

from typing import Any

import polars as pl
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from precision.engine import runs
from precision.engine.windows import epoch_day
from precision.shop import columns as c
from precision.shop.api.description import describe
from precision.shop.api.views import PlatformView
from precision.shop.models import Category
from precision.shop.scopes import Scope
from segments.api.portraits import ScopeParameters, scope_of
from segments.api.screening import NOT_YET, about
from segments.jobs.screening import DEMAND_DAYS, JOB
from segments.labels import own
from segments.methods import screening
from segments.models import CategoryDemand
from segments.own_lines import own_lines

CUSTOMER = OpenApiParameter(
    "customer_id", str, OpenApiParameter.PATH, description="The shop's own customer id."
)


class DemandParameters(ScopeParameters):
    """Which demand."""

    period = serializers.ChoiceField(
        choices=screening.PERIODS, default=screening.WEEK, help_text="Weeks begin on Monday."
    )
    periods = serializers.IntegerField(
        min_value=1, max_value=105, default=13, help_text="The last so many weeks or months with any demand."
    )
    category = serializers.CharField(
        max_length=500, default="", allow_blank=True,
        help_text="A category with all below it: the name of any level, or the path from the root with “ / ”.",
    )  # fmt: skip


class CustomerDemandEntrySerializer(serializers.Serializer[Any]):
    """What was sold of a category in a week or month."""

    start = serializers.DateField(help_text="First day of the week or month.")
    category = serializers.CharField(
        allow_null=True, help_text="Path from the root with “ / ”; null: products without a category."
    )
    orders = serializers.IntegerField()
    quantity = serializers.FloatField(help_text="Net of returns, as the amount.")
    amount = serializers.FloatField()


class DemandEntrySerializer(CustomerDemandEntrySerializer):
    """The same of all customers."""

    customers = serializers.IntegerField(help_text="Known ones; guests are in the other figures.")


class CustomerDemandSerializer(serializers.Serializer[Any]):
    """The demand of a customer."""

    customer_id = serializers.CharField()
    scope = serializers.CharField()
    as_of = serializers.DateField(help_text="The last period goes up to the day before.")
    currency = serializers.CharField()
    period = serializers.CharField()
    results = CustomerDemandEntrySerializer(many=True, help_text="The latest period first.")


class DemandSerializer(serializers.Serializer[Any]):
    """The demand of everybody."""

    scope = serializers.CharField()
    as_of = serializers.DateField(
        allow_null=True, help_text=f"The last period goes up to the day before. {NOT_YET}"
    )
    currency = serializers.CharField()
    period = serializers.CharField()
    results = DemandEntrySerializer(many=True, help_text="The latest period first, the largest amount first.")


class DemandView(PlatformView):
    """Demand by category and period."""

    parameters = DemandParameters

    @describe(
        operation_id="demand", tags=["screening"], summary="What was sold of each category by week or month",
        parameters=[DemandParameters], responses=DemandSerializer,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Answer with the last periods of the run in force."""
        given = self.read_parameters()
        scope = scope_of(self.principal, overall=given["overall"])
        run = runs.published(JOB, scope.key)
        rows = CategoryDemand.objects.filter(run=run or 0, period=given["period"])
        names = _categories(scope)
        if given["category"]:
            rows = rows.filter(category__in=_below(names, given["category"]))
        starts = list(rows.order_by("-start").values_list("start", flat=True).distinct()[: given["periods"]])
        found = rows.filter(start__in=starts).order_by("-start", "-amount", "category")
        results = [
            {
                "start": row.start, "category": _name(names, row.category_id), "orders": row.orders,
                "customers": row.customers, "quantity": float(row.quantity), "amount": float(row.amount),
            }
            for row in found
        ]  # fmt: skip
        told = about(scope, (run, {}) if run else None)
        return Response({**told, "period": given["period"], "results": results})


class CustomerDemandView(PlatformView):
    """Demand of one customer."""

    parameters = DemandParameters

    @describe(
        operation_id="customers_demand", tags=["customers"],
        summary="What a customer bought of each category by week or month",
        description=f"Counted when asked, from the facts of {DEMAND_DAYS} days.",
        parameters=[DemandParameters, CUSTOMER], responses=CustomerDemandSerializer,
    )  # fmt: skip
    def get(self, request: Request, customer_id: str) -> Response:
        """Answer with the last periods in which the customer bought or gave back anything."""
        given = self.read_parameters()
        scope = scope_of(self.principal, overall=given["overall"])
        customer = self.find_customer(customer_id).customer_id
        as_of = scope.as_of()
        names = _categories(scope)
        wanted = _below(names, given["category"]) if given["category"] else None
        frame = own.eager(
            screening.demand(
                own_lines(scope, customer, as_of, days=DEMAND_DAYS),
                as_of=epoch_day(as_of), window_days=DEMAND_DAYS, period=given["period"],
            )
        )  # fmt: skip
        if wanted is not None:
            frame = frame.filter(pl.col(c.CATEGORY).is_in(wanted))
        starts = frame[screening.PERIOD].unique().sort(descending=True).head(given["periods"])
        frame = frame.filter(pl.col(screening.PERIOD).is_in(starts.implode()))
        ordered = frame.sort(screening.PERIOD, c.AMOUNT_E4, c.CATEGORY, descending=[True, True, False])
        results = [
            {
                "start": own.iso(row[screening.PERIOD]), "category": _name(names, row[c.CATEGORY]),
                "orders": row[screening.ORDERS], "quantity": row[c.QUANTITY_E3] / c.QUANTITY,
                "amount": row[c.AMOUNT_E4] / c.MONEY,
            }
            for row in ordered.to_dicts()
        ]  # fmt: skip
        return Response(
            {
                "customer_id": customer_id, "scope": scope.key, "as_of": as_of, "currency": scope.currency,
                "period": given["period"], "results": results,
            }
        )  # fmt: skip


def _categories(scope: Scope) -> dict[int, list[str]]:
    """Return the paths of the categories of the scope's platforms. One query."""
    return dict(Category.objects.filter(platform__in=scope.platforms).values_list("id", "path"))


def _name(names: dict[int, list[str]], category: int | None) -> str | None:
    path = names.get(category) if category is not None else None
    return " / ".join(path) if path else None


def _below(names: dict[int, list[str]], wanted: str) -> list[int]:
    """Return the categories that bear this name at any level, or this path as their beginning; raise NotFound."""
    path = wanted.split(" / ")
    found = [key for key, each in names.items() if wanted in each or each[: len(path)] == path]
    if not found:
        raise NotFound(f"There is no category {wanted!r}.")
    return sorted(found)
