"""Models of the life cycle, what they rest on, and what they say of a customer."""

from typing import Any

import polars as pl
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from precision.engine import runs
from precision.engine.models import Run
from precision.shop import columns as c
from precision.shop.api.description import describe
from precision.shop.api.views import PlatformView
from segments import kept
from segments.api.portraits import ScopeParameters, scope_of
from segments.jobs import scores
from segments.lifecycle import features
from segments.lifecycle.targets import TARGETS, Target
from segments.models import TargetModel, TargetScore

CUSTOMER = OpenApiParameter(
    "customer_id", str, OpenApiParameter.PATH, description="The shop's own customer id."
)


class ModelSerializer(serializers.Serializer[Any]):
    """A target and what scores it."""

    target = serializers.CharField()
    title = serializers.CharField()
    population = serializers.CharField(help_text="Who is asked about.")
    horizon_days = serializers.IntegerField()
    stage = serializers.CharField(help_text="Stage of the life cycle that uses it.")
    used = serializers.CharField(
        allow_null=True,
        help_text="logistic, boosting, network, baseline, or nothing: nobody to ask about yet; null: not computed yet.",
    )
    reason = serializers.CharField(help_text="Why this one is used.")
    baseline = serializers.CharField(help_text="The feature that a model has to beat, in words.")
    measures = serializers.DictField(help_text="What each way reached on the last date, which none had seen.")


class ModelsSerializer(serializers.Serializer[Any]):
    """All targets."""

    as_of = serializers.DateField(allow_null=True, help_text="Null: not computed yet.")
    results = ModelSerializer(many=True)


class ModelReportSerializer(ModelSerializer):
    """A target with the report of its regression."""

    as_of = serializers.DateField(allow_null=True)
    rows = serializers.IntegerField(help_text="Customers times dates that it learned from.")
    positives = serializers.IntegerField()
    importance = serializers.ListField(
        child=serializers.DictField(), help_text="Mean absolute contribution of each feature to the log odds."
    )
    patterns = serializers.ListField(
        child=serializers.DictField(), help_text="What those who did it had in common beforehand."
    )
    report = serializers.DictField(
        allow_null=True,
        help_text="Coefficients with Wald tests; likelihood-ratio, score and Wald tests of all; likelihood-ratio test "
        "of a subset; AIC, SBC; C with concordant, discordant and tied pairs.",
    )
    report_reason = serializers.CharField(help_text="Why there is no regression; else empty.")


class ChanceReasonSerializer(serializers.Serializer[Any]):
    """What moves a chance."""

    feature = serializers.CharField()
    text = serializers.CharField()
    value = serializers.FloatField(allow_null=True, help_text="Null: not known.")
    moves = serializers.FloatField(help_text="By how much it moves the log odds.")


class ScoreSerializer(serializers.Serializer[Any]):
    """The chance of one target."""

    target = serializers.CharField()
    title = serializers.CharField()
    horizon_days = serializers.IntegerField()
    chance = serializers.FloatField()
    decile = serializers.IntegerField(help_text="Among the population, 10 the likeliest.")
    reasons = ChanceReasonSerializer(
        many=True,
        help_text="What moves it most; empty for somebody not seen lately and not among the likeliest.",
    )


class ScoresSerializer(serializers.Serializer[Any]):
    """The chances of a customer."""

    customer_id = serializers.CharField()
    scope = serializers.CharField(help_text="Key of the platform, or `org:` and the key of the organisation.")
    as_of = serializers.DateField(allow_null=True, help_text="Null: not computed yet.")
    scores = ScoreSerializer(many=True)


class ModelsView(PlatformView):
    """The targets."""

    parameters = ScopeParameters

    @describe(
        operation_id="models_list",
        tags=["models"],
        summary="What is predicted, by which model, and how well",
        parameters=[ScopeParameters],
        responses=ModelsSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer with the targets and the models in force. Two queries."""
        given = self.read_parameters()
        run = runs.published("models", scope_of(self.principal, overall=given["overall"]).key)
        rows = {row.target: row for row in TargetModel.objects.filter(run=run).defer("state")} if run else {}
        return Response(
            {
                "as_of": run.as_of if run else None,
                "results": [summary(target, rows.get(key)) for key, target in TARGETS.items()],
            }
        )


class ModelView(PlatformView):
    """One target."""

    parameters = ScopeParameters

    @describe(
        operation_id="models_report",
        tags=["models"],
        summary="A model with its regression, as a statistician reads it",
        parameters=[
            ScopeParameters,
            OpenApiParameter("target", str, OpenApiParameter.PATH, description="Key of the target."),
        ],
        responses=ModelReportSerializer,
    )
    def get(self, request: Request, target: str) -> Response:
        """Answer with the whole report of one target. Two queries."""
        given = self.read_parameters()
        wanted = TARGETS.get(target)
        if wanted is None:
            raise NotFound(f"There is no target {target!r}; there are {', '.join(TARGETS)}.")
        run = runs.published("models", scope_of(self.principal, overall=given["overall"]).key)
        row = TargetModel.objects.filter(run=run, target=target).defer("state").first() if run else None
        return Response({"as_of": run.as_of if run else None, **summary(wanted, row), **details(row)})


class ScoresView(PlatformView):
    """The chances of a customer."""

    parameters = ScopeParameters

    @describe(
        operation_id="customers_scores",
        tags=["customers"],
        summary="What a customer is likely to do, and why we think so",
        parameters=[ScopeParameters, CUSTOMER],
        responses=ScoresSerializer,
    )
    def get(self, request: Request, customer_id: str) -> Response:
        """Answer with the chance of each target whose population the customer is in."""
        given = self.read_parameters()
        scope = scope_of(self.principal, overall=given["overall"])
        identity = self.find_customer(customer_id)
        run = runs.published("scores", scope.key)
        return Response(
            {
                "customer_id": customer_id,
                "scope": scope.key,
                "as_of": run.as_of if run else None,
                "scores": of_customer(run, identity.customer_id),
            }
        )


def summary(target: Target, row: TargetModel | None) -> dict[str, Any]:
    """Return a target with what scores it; `row` None: not computed yet."""
    return {
        "target": target.key,
        "title": target.title,
        "population": target.population,
        "horizon_days": target.horizon_days,
        "stage": target.stage,
        "used": row.kind if row else None,
        "reason": row.reason if row else "Not computed yet: it comes with the next nightly run.",
        "baseline": features.WORDS[target.baseline],
        "measures": row.measures if row else {},
    }


def details(row: TargetModel | None) -> dict[str, Any]:
    """Return the rest of the report."""
    if row is None:
        return {
            "rows": 0, "positives": 0, "importance": [], "patterns": [], "report": None,
            "report_reason": "Not computed yet.",
        }  # fmt: skip
    ranked = sorted(row.importance.items(), key=lambda item: -item[1])
    return {
        "rows": row.rows,
        "positives": row.positives,
        "importance": [
            {"feature": name, "text": features.WORDS.get(name, name), "weight": weight}
            for name, weight in ranked
            if weight > 0
        ],
        "patterns": row.patterns,
        "report": row.report,
        "report_reason": row.report_reason,
    }


def of_customer(run: Run | None, customer: int) -> list[dict[str, Any]]:
    """Return the chances of a customer by a run, in the order of TARGETS. At most one query, and a look into a file.

    The rows of the active have reasons; the chances of the others are in the run's file of everybody.
    """
    if run is None:
        return []
    rows = {row.target: row for row in TargetScore.objects.filter(run=run, customer_id=customer)}
    found = {key: (row.chance, row.decile, reasons(row)) for key, row in rows.items()}
    for key, (chance, decile) in _asleep(run, customer).items():
        found.setdefault(key, (chance, decile, []))
    return [
        {
            "target": key,
            "title": target.title,
            "horizon_days": target.horizon_days,
            "chance": found[key][0],
            "decile": found[key][1],
            "reasons": found[key][2],
        }
        for key, target in TARGETS.items()
        if key in found
    ]


def _asleep(run: Run, customer: int) -> dict[str, tuple[float, int]]:
    """Return the chance and decile of each target in the run's file of everybody; empty where the file is gone."""
    everybody = kept.scan(run.pk, scores.KIND)
    if everybody is None:
        return {}
    [*rows] = everybody.filter(pl.col(c.CUSTOMER) == customer).collect().to_dicts()
    return {
        key: (row[key], row[key + scores.DECILE])
        for row in rows
        for key in TARGETS
        if row.get(key) is not None
    }


def reasons(row: TargetScore) -> list[dict[str, Any]]:
    """Return what moves a chance most, in words."""
    return [
        {"feature": name, "text": features.WORDS.get(name, name), "value": value, "moves": move}
        for name, move, value in zip(row.features, row.moves, row.values, strict=True)
        if move
    ]
