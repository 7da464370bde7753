"""Recency, frequency and money, value deciles, and big customers."""

from datetime import date
from typing import Any

from django.db.models import BigIntegerField
from django.db.models.functions import Cast
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from precision.engine import runs
from precision.shop.api.description import describe
from precision.shop.api.pagination import Page
from precision.shop.api.parameters import PageParameters
from precision.shop.api.views import PlatformView
from precision.shop.scopes import Scope
from segments import screening_reports
from segments.api.names import names_of
from segments.api.portraits import ScopeParameters, scope_of
from segments.jobs.rfm import JOB as RFM
from segments.jobs.screening import JOB
from segments.methods.rfm import GROUPS
from segments.models import CustomerWorth

GROUP_OF = {group.key: group for group in GROUPS}
NOT_YET = "Null: not computed yet."


class ScopePageParameters(PageParameters, ScopeParameters):
    """For what it is asked, and which page."""


class RfmCellSerializer(serializers.Serializer[Any]):
    """Customers with the same two scores; a cell without anybody is left out."""

    recency_score = serializers.IntegerField(help_text="1 (long ago) to 5 (lately).")
    frequency_score = serializers.IntegerField(help_text="1 to 5.")
    customers = serializers.IntegerField()
    orders = serializers.IntegerField()
    money = serializers.FloatField(help_text="Net of returns.")


class RfmGroupSerializer(serializers.Serializer[Any]):
    """Customers of a named group."""

    key = serializers.CharField()
    name = serializers.CharField()
    action = serializers.CharField(help_text="What to do for them.")
    customers = serializers.IntegerField()
    orders = serializers.IntegerField()
    money = serializers.FloatField()


class RfmSerializer(serializers.Serializer[Any]):
    """Recency × frequency of all customers."""

    scope = serializers.CharField(help_text="Key of the platform, or `org:` and the key of the organisation.")
    as_of = serializers.DateField(allow_null=True, help_text=NOT_YET)
    currency = serializers.CharField()
    grid = RfmCellSerializer(many=True)
    groups = RfmGroupSerializer(many=True)


class PartSerializer(serializers.Serializer[Any]):
    """A part of the customers and what it spent."""

    customers = serializers.IntegerField()
    orders = serializers.IntegerField()
    money = serializers.FloatField()
    share = serializers.FloatField(allow_null=True, help_text="Of all money; null: there is none.")
    share_of_customers = serializers.FloatField()


class SizeSerializer(PartSerializer):
    """The big customers, or all small ones as one group."""

    big = serializers.BooleanField()
    least = serializers.FloatField(help_text="Spend of the one who spent least.")
    most = serializers.FloatField()


class DecileSerializer(PartSerializer):
    """A tenth of the customers by spend."""

    value_decile = serializers.IntegerField(help_text="10 spent most.")
    least = serializers.FloatField()
    most = serializers.FloatField()
    cumulative = serializers.FloatField(allow_null=True, help_text="Share of this decile and those above it.")


class RangeSerializer(PartSerializer):
    """Customers by how much of the range they buy."""

    categories = serializers.IntegerField(
        help_text="So many different categories, up to the next entry; 0: products without one."
    )


class ValueDecilesSerializer(serializers.Serializer[Any]):
    """Who brings the revenue."""

    scope = serializers.CharField()
    as_of = serializers.DateField(allow_null=True, help_text=NOT_YET)
    currency = serializers.CharField()
    days = serializers.IntegerField(allow_null=True, help_text="Spend of so many days before `as_of` counts.")
    customers = serializers.IntegerField(help_text="Who ordered in them.")
    money = serializers.FloatField(help_text="Net of returns; guests are not counted.")
    gini = serializers.FloatField(
        allow_null=True, help_text="0: all spend the same; near 1: few spend all. Null: see `reason`."
    )
    reason = serializers.CharField(help_text="Why figures are missing; empty: none is.")
    big_share = serializers.FloatField(
        allow_null=True, help_text="The fewest customers who together bring this share are the big ones."
    )
    sizes = SizeSerializer(many=True)
    deciles = DecileSerializer(many=True, help_text="The highest first.")
    range = RangeSerializer(many=True)


class BigCustomerSerializer(serializers.Serializer[Any]):
    """One of the fewest who together bring half of the spend."""

    customer_id = serializers.CharField(allow_null=True)
    anonymous_id = serializers.CharField(
        allow_null=True, help_text="Where the platform knows no customer id; both null: known elsewhere only."
    )
    spend = serializers.FloatField()
    orders = serializers.IntegerField()
    categories = serializers.IntegerField()
    products = serializers.IntegerField()
    value_decile = serializers.IntegerField()


class BigCustomersSerializer(serializers.Serializer[Any]):
    """A page of big customers, who spent most first."""

    next = serializers.URLField(allow_null=True)
    scope = serializers.CharField()
    as_of = serializers.DateField(allow_null=True, help_text=NOT_YET)
    currency = serializers.CharField()
    results = BigCustomerSerializer(many=True)


class RfmView(PlatformView):
    """Recency, frequency and money of all customers."""

    parameters = ScopeParameters

    @describe(
        operation_id="rfm", tags=["screening"], summary="Grid of recency × frequency with money, and named groups",
        parameters=[ScopeParameters], responses=RfmSerializer,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Answer with the cells and groups of the run in force."""
        scope = scope_of(self.principal, overall=self.read_parameters()["overall"])
        found = screening_reports.published(RFM, scope.key)
        reports = found[1] if found else {}
        groups = [
            {
                "key": row["rfm_group"],
                "name": GROUP_OF[row["rfm_group"]].name,
                "action": GROUP_OF[row["rfm_group"]].action,
                **{name: row[name] for name in ("customers", "orders", "money")},
            }
            for row in reports.get("rfm_groups", [])
            if row["rfm_group"] in GROUP_OF
        ]
        return Response({**about(scope, found), "grid": reports.get("rfm_grid", []), "groups": groups})


class ValueDecilesView(PlatformView):
    """Value, range and concentration."""

    parameters = ScopeParameters

    @describe(
        operation_id="value_deciles", tags=["screening"],
        summary="Deciles of spend, big customers beside all small ones as one group, and the range people buy",
        parameters=[ScopeParameters], responses=ValueDecilesSerializer,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Answer with the reports of the run in force."""
        scope = scope_of(self.principal, overall=self.read_parameters()["overall"])
        found = screening_reports.published(JOB, scope.key)
        told = found[0].parameters if found else {}
        empty = {"customers": 0, "money": 0.0, "gini": None, "reason": "not computed yet"}
        value = found[1].get("value", {}) if found else {}
        return Response(
            {
                **about(scope, found),
                "days": told.get("value_days"),
                "big_share": told.get("big_share"),
                **{name: value.get(name, instead) for name, instead in empty.items()},
                "sizes": value.get("sizes", []),
                "deciles": value.get("deciles", []),
                "range": found[1].get("range", []) if found else [],
            }
        )


class BigCustomersView(PlatformView):
    """The list of big customers."""

    parameters = ScopePageParameters

    @describe(
        operation_id="big_customers", tags=["screening"],
        summary="The fewest customers who together bring half of the spend",
        parameters=[ScopePageParameters], responses=BigCustomersSerializer,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Answer with a page of them, who spent most first."""
        given = self.read_parameters()
        scope = scope_of(self.principal, overall=given["overall"])
        run = runs.published(JOB, scope.key)
        rows = CustomerWorth.objects.filter(run=run or 0, big=True)
        page = Page(
            rows.annotate(spend_e4=Cast("spend", BigIntegerField())), request=request, count=given["count"],
            cursor=given["cursor"], descending="spend_e4",
        )  # fmt: skip
        names = names_of(self.platform, [row.customer_id for row in page.rows])
        nameless: dict[str, str | None] = {"customer_id": None, "anonymous_id": None}
        results = [
            {
                **nameless, **names.get(row.customer_id, {}), "spend": float(row.spend), "orders": row.orders,
                "categories": row.categories, "products": row.products, "value_decile": row.decile,
            }
            for row in page.rows
        ]  # fmt: skip
        return Response({**page.answer(results), **about(scope, (run, {}) if run else None)})


def about(scope: Scope, found: tuple[Any, Any] | None) -> dict[str, Any]:
    """Return for whom, as of when and in which currency an answer is."""
    as_of: date | None = found[0].as_of if found else None
    return {"scope": scope.key, "as_of": as_of, "currency": scope.currency}
