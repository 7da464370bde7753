"""How well the return of customers is told at each portal."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from precision.engine import runs
from precision.shop.api.description import describe
from precision.shop.api.views import PlatformView
from segments.api.portraits import ScopeParameters, scope_of
from segments.models import PortalAccuracy

JOB = "portals"
MEASURES = (
    "auc", "recency_auc", "accuracy", "accuracy_median", "accuracy_tenth", "above_base", "questions", "dates",
)  # fmt: skip


class PortalSerializer(serializers.ModelSerializer[PortalAccuracy]):
    """One portal on the dates that were held out."""

    class Meta:
        model = PortalAccuracy
        exclude = ("id", "run")


class PortalsSerializer(serializers.Serializer[Any]):
    """All portals, and what came out over all of them."""

    scope = serializers.CharField(help_text="Key of the platform, or `org:` and the key of the organisation.")
    as_of = serializers.DateField(allow_null=True, help_text="Null: not computed yet.")
    reason = serializers.CharField(help_text="Why nothing is judged; else empty.")
    window_days = serializers.IntegerField(
        allow_null=True, help_text="Asked about is who bought at the portal in so many days …"
    )
    horizon_days = serializers.IntegerField(
        allow_null=True, help_text="… and whether they buy there again within so many."
    )
    auc = serializers.FloatField(allow_null=True, help_text="Over all portals and dates together.")
    recency_auc = serializers.FloatField(allow_null=True, help_text="Of the days since the last visit alone.")
    accuracy = serializers.FloatField(allow_null=True)
    accuracy_median = serializers.FloatField(allow_null=True, help_text="Of the portals.")
    accuracy_tenth = serializers.FloatField(
        allow_null=True, help_text="A tenth of the portals stays below it."
    )
    above_base = serializers.IntegerField(
        allow_null=True, help_text="Portals with more right answers than by their base rate."
    )
    questions = serializers.IntegerField(allow_null=True)
    dates = serializers.ListField(
        child=serializers.DateField(), allow_null=True, help_text="Held out; each is told by earlier ones."
    )
    portals = PortalSerializer(many=True, help_text="Those with the most questions first.")


class PortalsView(PlatformView):
    """Accuracy per portal."""

    parameters = ScopeParameters

    @describe(
        operation_id="models_portals",
        tags=["models"],
        summary="Accuracy per portal: will a customer of a store, or a platform, buy there again",
        description="Every date is answered by a model that learned from earlier ones only. `base_accuracy` is what "
        "the answer that turned out commoner would have got right.",
        parameters=[ScopeParameters],
        responses=PortalsSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer with the run in force. Two queries."""
        scope = scope_of(self.principal, overall=self.read_parameters()["overall"])
        run = runs.published(JOB, scope.key)
        measures, told = (run.measures, run.parameters) if run else ({}, {})
        rows = PortalAccuracy.objects.filter(run_id=run.pk if run else 0).order_by("-questions", "portal")
        return Response(
            {
                "scope": scope.key,
                "as_of": run.as_of if run else None,
                "reason": measures.get("reason", ""),
                "window_days": told.get("window_days"),
                "horizon_days": told.get("horizon_days"),
                **{name: measures.get(name) for name in MEASURES},
                "portals": PortalSerializer(rows, many=True).data,
            }
        )
