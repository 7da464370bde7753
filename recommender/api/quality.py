"""How well each recommendation model does on days that none had seen."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from precision.engine import runs
from precision.shop.api.description import describe
from precision.shop.api.parameters import QueryParameters
from precision.shop.api.views import PlatformView
from recommender.models import RecommendationQuality

JOB = "recommendation-quality"


class QualityParameters(QueryParameters):
    """Which rows."""

    which = serializers.ChoiceField(
        choices=RecommendationQuality.Which.choices, default="", allow_blank=True,
        help_text="What counts: `all` purchases, those `new` to the customer, or `weighted` clicks, carts and orders.",
    )  # fmt: skip
    group = serializers.CharField(
        max_length=40,
        default="",
        allow_blank=True,
        help_text="`all`, `class:A` or `history:2-4`; without: every group.",
    )
    model = serializers.CharField(max_length=40, default="", allow_blank=True, help_text="Name of a model.")


class QualityRowSerializer(serializers.ModelSerializer[RecommendationQuality]):
    """One model on one fold for one group of customers."""

    class Meta:
        model = RecommendationQuality
        exclude = ("id", "run")


class VerdictSerializer(serializers.Serializer[Any]):
    """What the gate says of a model that may be shown."""

    model = serializers.CharField()
    which = serializers.CharField()
    promoted = serializers.BooleanField()
    decidable = serializers.BooleanField(help_text="False: too few customers.")
    reason = serializers.CharField(help_text="In words, with the figures.")


class RecommendationQualitySerializer(serializers.Serializer[Any]):
    """All models side by side."""

    as_of = serializers.DateField(allow_null=True, help_text="Null: not computed yet.")
    computed_as_of = serializers.DateField(
        allow_null=True,
        help_text="The models are compared once a week; between, the figures are carried over.",
    )
    verdicts = VerdictSerializer(many=True)
    rows = QualityRowSerializer(many=True, help_text="By fold, group, and recall, the highest first.")


class RecommendationQualityView(PlatformView):
    """Quality of recommendations."""

    parameters = QualityParameters

    @describe(
        operation_id="recommendations_quality",
        tags=["recommendations"],
        summary="Every recommendation model on days that none had seen, side by side",
        description="Recall, NDCG, MAP, hit rate, coverage and novelty of the products that each model would have "
        "shown as of the first held-out day, against what customers bought then, over the whole catalogue. `gain` is "
        "the recall above that of `baseline`, with the 95 % interval of a paired bootstrap. `ranker` is what was "
        "learned without the days that judge, `champion` the way in force before, learned from the same "
        "days; both are on the latest fold only, and not in "
        "`weighted`. Where `cut_day` is another than that of the others, so are the days.",
        parameters=[QualityParameters],
        responses=RecommendationQualitySerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer with the run in force. Two queries."""
        given = self.read_parameters()
        run = runs.published(JOB, self.platform.key)
        wanted = {name: given[name] for name in ("which", "group", "model") if given[name]}
        rows = RecommendationQuality.objects.filter(run_id=run.pk if run else 0, **wanted)
        measures = run.measures if run else {}
        return Response(
            {
                "as_of": run.as_of if run else None,
                "computed_as_of": measures.get("computed_as_of"),
                "verdicts": measures.get("gate", []),
                "rows": QualityRowSerializer(
                    sorted(
                        rows,
                        key=lambda row: (row.which, row.fold, row.group, -(row.recall or 0.0), row.model),
                    ),
                    many=True,
                ).data,
            }
        )
