"""Stages of the life cycle: of a customer, and the weekly stock and flow of all."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from precision.engine import runs
from precision.shop.api.description import describe
from precision.shop.api.views import PlatformView
from segments.api.portraits import ScopeParameters, scope_of
from segments.lifecycle import JOB, told
from segments.lifecycle.flow import StageWeek
from segments.lifecycle.stages import Stage
from segments.lifecycle.told import Life
from segments.lifecycle.words import WORDS

CUSTOMER = OpenApiParameter(
    "customer_id", str, OpenApiParameter.PATH, description="The shop's own customer id."
)
STAGES = ", ".join(f"`{stage}`" for stage in Stage)


class DueSerializer(serializers.Serializer[Any]):
    """When an order is expected."""

    expected_at = serializers.DateField(
        allow_null=True, help_text="Half of those in this place who come back will have ordered by then."
    )
    expected_from = serializers.DateField(allow_null=True, help_text="A tenth of them will.")
    expected_until = serializers.DateField(allow_null=True, help_text="Nine tenths of them will.")


class CategoryDueSerializer(DueSerializer):
    """When an order in a category is expected."""

    category = serializers.CharField(help_text="Path from the root with “ / ”.")


class NextOrderSerializer(DueSerializer):
    """The next order, of anything and by category."""

    reason = serializers.CharField(help_text="Why no day is told; empty where one is.")
    categories = CategoryDueSerializer(many=True, help_text="The soonest first, five at most.")
    categories_reason = serializers.CharField(help_text="Why no category is told; empty where one is.")


class ChangeSerializer(serializers.Serializer[Any]):
    """A stage began."""

    day = serializers.DateField()
    from_stage = serializers.CharField(allow_null=True, help_text="Null: the first stage.")
    stage = serializers.CharField()


class LifecycleSerializer(serializers.Serializer[Any]):
    """The stage of a customer as of the run in force."""

    customer_id = serializers.CharField()
    scope = serializers.CharField(help_text="Key of the platform, or `org:` and the key of the organisation.")
    as_of = serializers.DateField(allow_null=True, help_text="Null: not computed yet.")
    stage = serializers.CharField(allow_null=True, help_text=f"One of {STAGES}; null: see `reason`.")
    reason = serializers.CharField(help_text="Why there is no stage; empty where there is one.")
    since = serializers.DateField(allow_null=True)
    model = serializers.CharField(allow_null=True, help_text="The model that belongs to the stage.")
    action = serializers.CharField(allow_null=True, help_text="What to do for customers of the stage.")
    next_stage_at = serializers.DateField(
        allow_null=True, help_text="First day of the next stage, if no order comes before."
    )
    orders = serializers.IntegerField(allow_null=True, help_text="Days with an order.")
    last_order = serializers.DateField(allow_null=True)
    gap_days = serializers.FloatField(
        allow_null=True, help_text="Half of the gaps between orders expected of this customer are shorter."
    )
    limit_days = serializers.IntegerField(allow_null=True, help_text="A longer silence is retention.")
    win_back_days = serializers.IntegerField(allow_null=True, help_text="A longer silence is win-back.")
    next_order = NextOrderSerializer()
    history = ChangeSerializer(many=True, help_text="Every change of stage, the earliest first.")


class FlowParameters(ScopeParameters):
    """How far back."""

    weeks = serializers.IntegerField(
        min_value=1, max_value=520, default=13, help_text="The last so many weeks."
    )


class StageWeekSerializer(serializers.Serializer[Any]):
    """One stage in one week: opening + entries − exits = closing."""

    week = serializers.DateField(help_text="Its Monday; it ends before the next.")
    stage = serializers.CharField()
    opening = serializers.IntegerField()
    entries = serializers.DictField(
        child=serializers.IntegerField(), help_text="By the stage before; `new`: newly known."
    )
    exits = serializers.DictField(child=serializers.IntegerField(), help_text="By the stage after.")
    closing = serializers.IntegerField()


class FlowSerializer(serializers.Serializer[Any]):
    """Stock and flow of the stages."""

    scope = serializers.CharField()
    as_of = serializers.DateField(allow_null=True, help_text="Null: not computed yet.")
    results = StageWeekSerializer(many=True)


class LifecycleView(PlatformView):
    """The life cycle of a customer."""

    parameters = ScopeParameters

    @describe(
        operation_id="customers_lifecycle",
        tags=["customers"],
        summary="A customer's stage, since when, how they got there, and which order is expected next",
        parameters=[ScopeParameters, CUSTOMER],
        responses=LifecycleSerializer,
    )
    def get(self, request: Request, customer_id: str) -> Response:
        """Answer with what the run in force tells of one customer."""
        scope = scope_of(self.principal, overall=self.read_parameters()["overall"])
        identity = self.find_customer(customer_id)
        found = told.life(scope, identity.customer_id)
        return Response({"customer_id": customer_id, "scope": scope.key, **_life(found)})


class StageFlowView(PlatformView):
    """How many customers each stage gained and lost."""

    parameters = FlowParameters

    @describe(
        operation_id="lifecycle_flow",
        tags=["segments"],
        summary="Customers in each stage of the life cycle, week by week: opening + entries − exits = closing",
        parameters=[FlowParameters],
        responses=FlowSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer with the last weeks before the run in force."""
        given = self.read_parameters()
        scope = scope_of(self.principal, overall=given["overall"])
        run = runs.published(JOB, scope.key)
        lines = told.flows(run, weeks=given["weeks"]) if run else []
        return Response(
            {
                "scope": scope.key,
                "as_of": run.as_of if run else None,
                "results": [_week(line) for line in lines],
            }
        )


def _life(found: Life) -> dict[str, Any]:
    row = found.row
    stage = Stage(row.stage) if row else None
    return {
        "as_of": found.run.as_of if found.run else None,
        "stage": stage,
        "reason": found.reason,
        "since": row.since if row else None,
        "model": WORDS[stage].model if stage else None,
        "action": WORDS[stage].action if stage else None,
        "next_stage_at": row.next_stage_at if row else None,
        "orders": row.orders if row else None,
        "last_order": row.last_order if row else None,
        "gap_days": row.gap_days if row else None,
        "limit_days": row.limit_days if row else None,
        "win_back_days": row.win_back_days if row else None,
        "next_order": next_order(found),
        "history": [
            {"day": each.day, "from_stage": each.from_stage or None, "stage": each.stage}
            for each in found.history
        ],
    }


def next_order(found: Life) -> dict[str, Any]:
    """Return when the next order is expected, of anything and by category."""
    row = found.row
    return {
        "expected_at": row.expected_at if row else None,
        "expected_from": row.expected_from if row else None,
        "expected_until": row.expected_until if row else None,
        "reason": found.next_reason,
        "categories": [
            {
                "category": each.category,
                "expected_at": each.expected_at,
                "expected_from": each.expected_from,
                "expected_until": each.expected_until,
            }
            for each in found.due
        ],
        "categories_reason": found.due_reason,
    }


def _week(line: StageWeek) -> dict[str, Any]:
    return {
        "week": line.week,
        "stage": line.stage,
        "opening": line.opening,
        "entries": {before or "new": count for before, count in line.entries.items()},
        "exits": line.exits,
        "closing": line.closing,
    }
