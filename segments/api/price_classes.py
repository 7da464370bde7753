"""Price classes A/B/C/U: of a customer, of everybody, and the rule behind them."""

from dataclasses import asdict
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from precision.engine import runs
from precision.shop import scopes
from precision.shop.api.description import describe
from precision.shop.api.views import PlatformView
from segments import class_preview, class_rules, overrides
from segments.api.names import names_of
from segments.api.portraits import ScopeParameters, scope_of
from segments.labels import from_classes
from segments.methods.price_classes import CLASSES, PRICE_CLASS, REASONS
from segments.models import ClassRule, CustomerClass

JOB = class_preview.JOB
MOST_VERSIONS = 100
CUSTOMER = OpenApiParameter(
    "customer_id", str, OpenApiParameter.PATH, description="The shop's own customer id."
)


class ClassRuleNumbersSerializer(serializers.ModelSerializer[ClassRule]):
    """Numbers of the rule; what is left out stays as it is."""

    class Meta:
        model = ClassRule
        fields = class_rules.NUMBERS
        extra_kwargs: ClassVar = {name: {"required": False} for name in class_rules.NUMBERS}

    def to_internal_value(self, data: Any) -> Any:
        """Refuse fields that nobody knows, by name."""
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []
        if unknown:
            raise serializers.ValidationError({str(name): ["There is no such field."] for name in unknown})
        return super().to_internal_value(data)


class ClassRuleChangeSerializer(ClassRuleNumbersSerializer):
    """A new version: the numbers that change, and why."""

    class Meta(ClassRuleNumbersSerializer.Meta):
        fields = (*class_rules.NUMBERS, "reason")


class ClassRuleVersionSerializer(serializers.Serializer[Any]):
    """A version of the rule."""

    version = serializers.IntegerField(help_text="0: the built-in one.")
    numbers = serializers.DictField()
    reason = serializers.CharField(help_text="Empty: the built-in one.")
    by = serializers.CharField(help_text="`staff`, the prefix of an API key, or `built-in`.")
    created_at = serializers.DateTimeField(allow_null=True)


class ClassRuleSerializer(serializers.Serializer[Any]):
    """The rule of a scope."""

    scope = serializers.CharField(help_text="Key of the platform, or `org:` and the key of the organisation.")
    current = ClassRuleVersionSerializer(
        help_text="Counts from the next nightly run on, if it has not already."
    )
    in_force = serializers.IntegerField(
        allow_null=True, help_text="Version that made the published classes; null: none are published."
    )
    versions = ClassRuleVersionSerializer(many=True, help_text=f"The newest {MOST_VERSIONS}, newest first.")


class ClassAgreementSerializer(serializers.Serializer[Any]):
    """How two ways of classing agree."""

    classes = serializers.ListField(child=serializers.CharField(), required=False)
    counts = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()),
        required=False,
        help_text="Rows: the rule; columns: the clusters.",
    )
    people = serializers.IntegerField(required=False)
    same = serializers.FloatField(allow_null=True, required=False)
    kappa = serializers.FloatField(allow_null=True, required=False)
    rand = serializers.FloatField(allow_null=True, required=False, help_text="Adjusted Rand index.")
    centres = serializers.DictField(required=False, help_text="Mean measures of the clusters.")
    reason = serializers.CharField(help_text="Why a figure is null; empty: none is.")


class PriceClassesSerializer(serializers.Serializer[Any]):
    """The classes of everybody."""

    scope = serializers.CharField()
    as_of = serializers.DateField(allow_null=True, help_text="Null: not computed yet.")
    rule_version = serializers.IntegerField(allow_null=True)
    customers = serializers.IntegerField()
    sizes = serializers.DictField(child=serializers.IntegerField(), help_text="Customers by class.")
    reasons = serializers.ListField(
        child=serializers.DictField(), help_text="Customers by reason, with the reason in words."
    )
    thresholds = serializers.DictField(
        allow_null=True, help_text="Means, deviations, borders and errors; null: too few customers."
    )
    answer_rates = serializers.DictField(
        help_text="Chance of an answer to each kind of price test: of A, B and C."
    )
    agreement = ClassAgreementSerializer(allow_null=True)


class CustomerClassSerializer(serializers.Serializer[Any]):
    """The class of a customer with all it rests on."""

    customer_id = serializers.CharField()
    scope = serializers.CharField()
    pinned = serializers.CharField(allow_null=True, help_text="The class that staff pinned; it counts.")
    price_class = serializers.DictField(
        allow_null=True, help_text="Class, reason, probabilities, values, rule; null: nothing known."
    )


class ClassMoveSerializer(serializers.Serializer[Any]):
    """A customer who would move."""

    customer_id = serializers.CharField(allow_null=True)
    anonymous_id = serializers.CharField(allow_null=True)
    before = serializers.CharField()
    after = serializers.CharField()
    reason = serializers.CharField()
    price_position = serializers.FloatField(allow_null=True)
    discount_share = serializers.FloatField(allow_null=True)


class ClassPreviewSerializer(serializers.Serializer[Any]):
    """Who would move."""

    scope = serializers.CharField()
    as_of = serializers.DateField(help_text="Of the features that it rests on.")
    customers = serializers.IntegerField()
    moved = serializers.IntegerField()
    classes = serializers.ListField(child=serializers.CharField())
    counts = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()), help_text="Rows: now; columns: then."
    )
    sample = ClassMoveSerializer(many=True)
    unseen = serializers.ListField(
        child=serializers.CharField(), help_text="Changed numbers whose effect only the next run shows."
    )


class PriceClassesView(PlatformView):
    """How many customers have which class."""

    parameters = ScopeParameters

    @describe(
        operation_id="price_classes_list", tags=["price classes"], summary="Distribution of the price classes",
        parameters=[ScopeParameters], responses=PriceClassesSerializer,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Answer with sizes, reasons, thresholds, and how far clusters agree with the rule."""
        scope = scope_of(self.principal, overall=self.read_parameters()["overall"])
        run = runs.published(JOB, scope.key)
        measures, told = (run.measures, run.parameters) if run else ({}, {})
        sizes = {letter: measures.get("sizes", {}).get(letter, 0) for letter in CLASSES}
        return Response(
            {
                "scope": scope.key,
                "as_of": run.as_of if run else None,
                "rule_version": told.get("rule", {}).get("version"),
                "customers": sum(sizes.values()),
                "sizes": sizes,
                "reasons": [
                    {"reason": reason, "text": REASONS.get(reason, reason), "customers": count}
                    for reason, count in measures.get("reasons", {}).items()
                ],
                "thresholds": told.get("thresholds"),
                "answer_rates": told.get("answer_rates", {}),
                "agreement": measures.get("agreement"),
            }
        )


class CustomerClassView(PlatformView):
    """The class of one customer."""

    parameters = ScopeParameters

    @describe(
        operation_id="customers_price_class", tags=["price classes"],
        summary="The price class of a customer and why", parameters=[ScopeParameters, CUSTOMER],
        responses=CustomerClassSerializer,
    )  # fmt: skip
    def get(self, request: Request, customer_id: str) -> Response:
        """Answer with class, probabilities, values and rule; the pinned class beside the computed one."""
        scope = scope_of(self.principal, overall=self.read_parameters()["overall"])
        customer = self.find_customer(customer_id).customer_id
        run = runs.published(JOB, scope.key)
        row = CustomerClass.objects.filter(run=run, customer_id=customer).first() if run else None
        pin = overrides.of_customer(scope, customer).get(PRICE_CLASS)
        found = row and {
            **from_classes.of_class(row),
            "as_of": run.as_of if run else None,
            "rule_version": run.parameters.get("rule", {}).get("version") if run else None,
        }
        return Response(
            {
                "customer_id": customer_id,
                "scope": scope.key,
                "pinned": pin.value if pin else None,
                "price_class": found,
            }
        )


class ClassRuleView(PlatformView):
    """The rule of the price classes and its versions."""

    parameters = ScopeParameters
    scopes: ClassVar = {"GET": frozenset({"read"}), "POST": frozenset({"write"})}

    @describe(
        operation_id="price_classes_rule", tags=["price classes"], summary="The rule and its versions",
        parameters=[ScopeParameters], responses=ClassRuleSerializer,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Answer with the numbers that count and all that counted."""
        return Response(_rule(scope_of(self.principal, overall=self.read_parameters()["overall"])))

    @describe(
        operation_id="price_classes_rule_change", tags=["price classes"], summary="Add a version of the rule",
        description="It counts from the next nightly run on; `preview/` shows who would move.",
        parameters=[ScopeParameters], request=ClassRuleChangeSerializer, responses={201: ClassRuleSerializer},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Store the numbers that change, with the reason."""
        scope = scope_of(self.principal, overall=self.read_parameters()["overall"])
        given = ClassRuleChangeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        numbers = dict(given.validated_data)
        reason = numbers.pop("reason")
        try:
            class_rules.add(scope.key, numbers, reason=reason, key=self.principal.key.prefix)
        except ValueError as error:
            raise ValidationError({"non_field_errors": [str(error)]}) from error
        return Response(_rule(scope), status=201)


class ClassPreviewView(PlatformView):
    """Who would move under another rule."""

    parameters = ScopeParameters
    scopes: ClassVar = {"GET": frozenset({"read"}), "POST": frozenset({"read"})}

    @describe(
        operation_id="price_classes_preview", tags=["price classes"],
        summary="Who would get another class under another rule",
        description="Computed from the published features, at once; nothing is stored.",
        parameters=[ScopeParameters], request=ClassRuleNumbersSerializer, responses=ClassPreviewSerializer,
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Answer with the counts from class to class and some who would move."""
        scope = scope_of(self.principal, overall=self.read_parameters()["overall"])
        given = ClassRuleNumbersSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            rule = class_rules.changed(class_rules.current(scope.key), given.validated_data)
            found = class_preview.preview(scope.key, rule)
        except ValueError as error:
            raise ValidationError({"non_field_errors": [str(error)]}) from error
        except class_preview.NoPreviewError as error:
            raise NotFound(str(error)) from error
        names = names_of(self.platform, [move.customer for move in found.sample])
        nameless: dict[str, str | None] = {"customer_id": None, "anonymous_id": None}
        return Response(
            {
                "scope": scope.key,
                "as_of": found.run.as_of,
                "customers": found.moves.people,
                "moved": found.moved,
                "classes": found.moves.classes,
                "counts": found.moves.counts,
                "sample": [
                    {**nameless, **names.get(move.customer, {}), **_without(asdict(move), "customer")}
                    for move in found.sample
                ],
                "unseen": found.unseen,
            }
        )


def _without(values: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != name}


def _rule(scope: scopes.Scope) -> dict[str, Any]:
    """Return the rule of a scope with its versions. Two queries."""
    rows = list(ClassRule.objects.filter(scope=scope.key).order_by("-version")[:MOST_VERSIONS])
    built_in = {
        "version": 0, "numbers": _without(asdict(class_rules.BUILT_IN), "version"), "reason": "",
        "by": "built-in", "created_at": None,
    }  # fmt: skip
    versions = [
        {
            "version": row.version,
            "numbers": {name: getattr(row, name) for name in class_rules.NUMBERS},
            "reason": row.reason,
            "by": row.key or "staff",
            "created_at": row.created_at,
        }
        for row in rows
    ]
    run = runs.published(JOB, scope.key)
    return {
        "scope": scope.key,
        "current": versions[0] if versions else built_in,
        "in_force": run.parameters.get("rule", {}).get("version") if run else None,
        "versions": versions,
    }
