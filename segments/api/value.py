"""What a customer is expected to order and to be worth."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from precision.shop.api.description import describe
from precision.shop.api.views import PlatformView
from precision.shop.scopes import Scope
from segments.api.lifecycle import NextOrderSerializer, next_order
from segments.api.portraits import ScopeParameters, scope_of
from segments.lifecycle import told, worth
from segments.lifecycle.worth import Worth

CUSTOMER = OpenApiParameter(
    "customer_id", str, OpenApiParameter.PATH, description="The shop's own customer id."
)
INTERVAL = (
    "A 95 % interval by bootstrap of customers: how well the models of the shop are known, not how one customer's luck "
    "turns out."
)


class ValueParameters(ScopeParameters):
    """How far ahead."""

    days = serializers.IntegerField(
        min_value=1,
        max_value=3650,
        default=None,
        allow_null=True,
        help_text="Orders and value within so many days of the date of the run; left out: the horizon that staff set.",
    )


class EstimateSerializer(serializers.Serializer[Any]):
    """A figure with its interval."""

    estimate = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="Null: not known.")
    high = serializers.FloatField(allow_null=True)


class ValueSerializer(serializers.Serializer[Any]):
    """Expected orders and value of a customer."""

    customer_id = serializers.CharField()
    scope = serializers.CharField(help_text="Key of the platform, or `org:` and the key of the organisation.")
    as_of = serializers.DateField(allow_null=True, help_text="Null: not computed yet.")
    days = serializers.IntegerField(help_text="Within so many days of `as_of`.")
    currency = serializers.CharField()
    reason = serializers.CharField(
        help_text="Why figures are missing or plain means; empty where the models tell them."
    )
    alive = EstimateSerializer(help_text=f"Probability that the customer still buys here. {INTERVAL}")
    orders = EstimateSerializer(help_text=f"Expected days with an order. {INTERVAL}")
    order_value = serializers.FloatField(allow_null=True, help_text="Expected value of such a day.")
    value = EstimateSerializer(help_text=f"Expected value of the orders, before returns. {INTERVAL}")
    history = serializers.DictField(
        allow_null=True,
        help_text="What it rests on: `repeats` (ordering days without the first), `recency_days` (first to last), "
        "`age_days` (first to `as_of`), `valued` and `mean_value` of the repeats.",
    )
    next_order = NextOrderSerializer()


class ValueView(PlatformView):
    """The value of a customer."""

    parameters = ValueParameters

    @describe(
        operation_id="customers_value",
        tags=["customers"],
        summary="What a customer is expected to order and to be worth, and when the next order is expected",
        parameters=[ValueParameters, CUSTOMER],
        responses=ValueSerializer,
    )
    def get(self, request: Request, customer_id: str) -> Response:
        """Answer with what the runs in force tell of one customer."""
        given = self.read_parameters()
        scope = scope_of(self.principal, overall=given["overall"])
        identity = self.find_customer(customer_id)
        found = worth.worth(scope, identity.customer_id, days=given["days"])
        life = told.life(scope, identity.customer_id)
        return Response({"customer_id": customer_id, **_worth(scope, found), "next_order": next_order(life)})


def _worth(scope: Scope, found: Worth) -> dict[str, Any]:
    row, figures = found.row, found.figures
    return {
        "scope": scope.key,
        "as_of": found.run.as_of if found.run else None,
        "days": found.days,
        "currency": scope.currency,
        "reason": found.reason,
        **{
            name: {
                "estimate": figures[name],
                "low": figures[f"{name}_low"],
                "high": figures[f"{name}_high"],
            }
            for name in ("alive", "orders", "value")
        },
        "order_value": figures["order_value"],
        "history": {
            "repeats": row.repeats,
            "recency_days": row.recency_days,
            "age_days": row.age_days,
            "valued": row.valued,
            "mean_value": None if row.mean_value is None else float(row.mean_value),
        }
        if row
        else None,
    }
