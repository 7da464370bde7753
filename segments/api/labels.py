"""The label library, and the labels of a customer."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from precision.engine import runs
from precision.shop.api import parameters
from precision.shop.api.description import describe
from precision.shop.api.parameters import QueryParameters
from precision.shop.api.views import PlatformView
from precision.shop.scopes import Scope
from segments import masking, snapshots
from segments.api.overrides import ScalarField
from segments.api.portraits import ScopeParameters, scope_of
from segments.evidence import in_words
from segments.labels import distribution, library, registry, values
from segments.labels.distribution import Freshness
from segments.labels.registry import Definition
from segments.models import Label

CUSTOMER = OpenApiParameter(
    "customer_id", str, OpenApiParameter.PATH, description="The shop's own customer id."
)
KEY = r"^[a-z][a-z0-9_]*\Z"


class LabelFreshnessSerializer(serializers.Serializer[Any]):
    """What the newest run knows of a label."""

    as_of = serializers.DateField()
    computed_at = serializers.DateTimeField(allow_null=True)
    known = serializers.IntegerField(help_text="Customers with a value.")
    coverage = serializers.FloatField(
        allow_null=True, help_text="Their share of the customers with any label."
    )
    version = serializers.IntegerField(help_text="Of the definition that was computed.")


class LibraryLabelSerializer(serializers.Serializer[Any]):
    """A label of the library."""

    key = serializers.CharField(help_text="By which conditions name it.")
    title = serializers.CharField()
    kind = serializers.CharField(help_text="fact, rule, model or manual.")
    type = serializers.CharField(help_text="number, text, or yes or no.")
    unit = serializers.CharField(allow_blank=True)
    formula = serializers.CharField(allow_blank=True, help_text="How a value comes about.")
    definition = serializers.JSONField(allow_null=True, help_text="Of a rule that staff made.")
    values = serializers.ListField(
        child=serializers.CharField(), help_text="All that a text may be, where known."
    )
    sensitivity = serializers.CharField(help_text="plain, personal or sensitive.")
    refresh = serializers.CharField(help_text="event, minute or nightly.")
    version = serializers.IntegerField()
    owner = serializers.CharField(allow_blank=True)
    builtin = serializers.BooleanField()
    fresh = LabelFreshnessSerializer(
        allow_null=True, help_text="Coverage and freshness; null: not computed yet."
    )


class LibrarySerializer(serializers.Serializer[Any]):
    """All labels."""

    scope = serializers.CharField(help_text="Key of the platform, or `org:` and the key of the organisation.")
    labels = LibraryLabelSerializer(many=True)


class NewLabelSerializer(serializers.Serializer[Any]):
    """A label of one's own."""

    key = serializers.RegexField(
        KEY, max_length=60, help_text="Small letters, digits and _, a letter first; it never changes."
    )
    title = serializers.CharField(max_length=100)
    kind = serializers.ChoiceField(
        choices=[kind.value for kind in library.OF_STAFF],
        default=Label.Kind.RULE.value,
        help_text="rule: by its definition; manual: pinned customer by customer.",
    )
    type = serializers.ChoiceField(
        choices=Label.Type.values, default=Label.Type.BOOLEAN.value, help_text="What its values are."
    )
    unit = serializers.CharField(max_length=100, default="", allow_blank=True)
    definition = serializers.JSONField(
        default=None,
        allow_null=True,
        help_text='Of a rule: {"when": condition} for yes or no, or {"cases": [{"when": condition, "value": …}], '
        '"otherwise": …}.',
    )
    formula = serializers.CharField(
        max_length=2_000, default="", allow_blank=True, help_text="In words, for people."
    )
    sensitivity = serializers.ChoiceField(
        choices=Label.Sensitivity.values,
        default=Label.Sensitivity.PLAIN.value,
        help_text="plain, personal or sensitive.",
    )
    owner = serializers.CharField(
        max_length=150, default="", allow_blank=True, help_text="Who answers for it."
    )

    def to_internal_value(self, data: Any) -> Any:
        """Refuse fields that nobody knows, by name."""
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []
        if unknown:
            raise ValidationError({str(name): ["There is no such field."] for name in unknown})
        return super().to_internal_value(data)


class LabelOfCustomerSerializer(serializers.Serializer[Any]):
    """A label that a customer has."""

    label = serializers.CharField()  # type: ignore[assignment]
    title = serializers.CharField()
    kind = serializers.CharField()
    value = ScalarField(help_text=f"`{masking.MASKED}` where the key may not see it.")
    masked = serializers.BooleanField()
    version = serializers.IntegerField()
    evidence = serializers.DictField(
        allow_null=True, help_text="With `evidence=true`: what the value was computed from."
    )
    lines = serializers.ListField(child=serializers.CharField(), help_text="The same in words.")


class LabelsOfCustomerSerializer(serializers.Serializer[Any]):
    """The labels of a customer."""

    customer_id = serializers.CharField()
    as_of = serializers.DateField(allow_null=True, help_text="The day they were computed for; null: not yet.")
    computed_at = serializers.DateTimeField(allow_null=True)
    labels = LabelOfCustomerSerializer(many=True, help_text="Those with a value.")
    unknown = serializers.ListField(child=serializers.CharField(), help_text="Labels without a value.")


class CustomerLabelsParameters(ScopeParameters):
    """What of the labels."""

    evidence = serializers.BooleanField(
        default=False, help_text="Tell also what each value was computed from; takes seconds in a large shop."
    )
    only = parameters.NamesField(
        default=list, help_text="Keys of the labels that are wanted; repeated, or with commas. None: all."
    )


class LibraryView(PlatformView):
    """The label library of a platform."""

    scopes: ClassVar = {"GET": frozenset({"read"}), "POST": frozenset({"write"})}

    def read_parameters(self) -> dict[str, Any]:
        """Return the parameters: whose library for GET, none for POST."""
        kind = ScopeParameters if self.request.method == "GET" else QueryParameters
        return parameters.read(kind, self.request.query_params)

    @describe(
        operation_id="labels_list",
        tags=["labels"],
        summary="The label library with coverage and freshness",
        parameters=[ScopeParameters],
        responses=LibrarySerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer with every label that is in use, built in or of the shop's own."""
        scope = scope_of(self.principal, overall=self.read_parameters()["overall"])
        fresh = distribution.freshness([scope.key])
        own = library.of_staff(scope.platform) if scope.platform else []
        found = [_entry(each, fresh.get(key)) for key, each in registry.definitions().items()]
        found += [_entry(library.definition_of(label), fresh.get(label.key), label) for label in own]
        return Response({"scope": scope.key, "labels": found})

    @describe(
        operation_id="labels_create",
        tags=["labels"],
        summary="Add a label: a rule over other labels, or one that is given by hand",
        description="A rule is computed at the next nightly run; a label given by hand counts as soon as it is pinned.",
        request=NewLabelSerializer,
        responses={201: LibraryLabelSerializer},
    )
    def post(self, request: Request) -> Response:
        """Add a label; a wrong definition is refused with the place in it."""
        self.read_parameters()
        given = NewLabelSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            label = library.save(Label(platform=self.platform, **given.validated_data))
        except library.RefusedError as error:
            raise ValidationError({error.field: [error.message]}) from error
        return Response(_entry(library.definition_of(label), None, label), status=201)


class CustomerLabelsView(PlatformView):
    """The labels of a customer."""

    parameters = CustomerLabelsParameters

    @describe(
        operation_id="customers_labels",
        tags=["labels"],
        summary="The labels of a customer, with their evidence when asked for",
        parameters=[CustomerLabelsParameters, CUSTOMER],
        responses=LabelsOfCustomerSerializer,
    )
    def get(self, request: Request, customer_id: str) -> Response:
        """Answer with every label that has a value, pinned ones in their places, masked as the key may see them."""
        given = self.read_parameters()
        scope = scope_of(self.principal, overall=given["overall"])
        customer = self.find_customer(customer_id).customer_id
        wanted = _wanted(scope, given["only"])
        run = runs.published(snapshots.JOB, scope.key)
        known = values.labels_in(scope, customer)
        sight = masking.of_key(self.principal.key)
        labels = []
        for key, definition in wanted.items():
            if known.get(key) is None:
                continue
            seen = sight.sees(definition.sensitivity)
            source = registry.source_of(key) if given["evidence"] and seen and run else None
            found = source.evidence(scope, run.as_of, customer, key) if source and run else None
            labels.append(
                {
                    "label": key,
                    "title": definition.title,
                    "kind": str(definition.kind),
                    "value": known[key] if seen else masking.MASKED,
                    "masked": not seen,
                    "version": definition.version,
                    "evidence": found,
                    "lines": in_words(found) if found else [],
                }
            )
        return Response(
            {
                "customer_id": customer_id,
                "as_of": run.as_of if run else None,
                "computed_at": run.finished_at if run else None,
                "labels": labels,
                "unknown": [key for key in wanted if known.get(key) is None],
            }
        )


def _wanted(scope: Scope, only: list[str]) -> dict[str, Definition]:
    """Return the labels of the scope, or those of them that are named; ValidationError for one that is not there."""
    own = library.of_staff(scope.platform) if scope.platform else []
    every = {**registry.definitions(), **{label.key: library.definition_of(label) for label in own}}
    missing = [key for key in only if key not in every]
    if missing:
        names = ", ".join(map(repr, missing))
        raise ValidationError({"only": [f"There is no label {names}; GET labels/ lists them."]})
    return {key: every[key] for key in only} if only else every


def _entry(
    definition: Definition, fresh: list[Freshness] | None, label: Label | None = None
) -> dict[str, Any]:
    """Return a label as the library shows it."""
    newest = fresh[0] if fresh else None
    return {
        "key": definition.key,
        "title": definition.title,
        "kind": str(definition.kind),
        "type": definition.type.value,
        "unit": definition.unit,
        "formula": definition.formula,
        "definition": label.definition if label else None,
        "values": list(definition.values),
        "sensitivity": str(definition.sensitivity),
        "refresh": str(definition.refresh),
        "version": definition.version,
        "owner": definition.owner,
        "builtin": label is None,
        "fresh": {
            "as_of": newest.as_of,
            "computed_at": newest.computed_at,
            "known": newest.known,
            "coverage": newest.coverage,
            "version": newest.version,
        }
        if newest
        else None,
    }
