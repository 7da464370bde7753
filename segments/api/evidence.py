"""Why a customer has the value of a label."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from precision.shop.api.description import describe
from precision.shop.api.views import PlatformView
from segments import evidence, masking
from segments.api.overrides import ScalarField
from segments.api.portraits import ScopeParameters, scope_of

ADDRESS = [
    OpenApiParameter("customer_id", str, OpenApiParameter.PATH, description="The shop's own customer id."),
    OpenApiParameter("key", str, OpenApiParameter.PATH, description="Key of the label."),
]


class PinReasonSerializer(serializers.Serializer[Any]):
    """Why somebody pinned a value."""

    reason = serializers.CharField()
    by = serializers.CharField(help_text="`staff`, or the prefix of the API key.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)


class EvidenceOfLabelSerializer(serializers.Serializer[Any]):
    """A value and what it rests on."""

    customer_id = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    title = serializers.CharField()
    kind = serializers.CharField(help_text="fact, rule, model or manual.")
    unit = serializers.CharField()
    formula = serializers.CharField(help_text="How the value comes about.")
    version = serializers.IntegerField()
    as_of = serializers.DateField(allow_null=True, help_text="The day of the value; null: not computed yet.")
    value = ScalarField(allow_null=True, help_text="null: not known.")
    masked = serializers.BooleanField(
        help_text=f"The key may not see the value: it reads `{masking.MASKED}`."
    )
    pinned = PinReasonSerializer(allow_null=True, help_text="Somebody set the value by hand.")
    evidence = serializers.DictField(
        allow_null=True, help_text="The figures that the value was computed from; null: none, or masked."
    )
    lines = serializers.ListField(child=serializers.CharField(), help_text="The same in words.")


class EvidenceView(PlatformView):
    """The evidence of one label of a customer."""

    parameters = ScopeParameters

    @describe(
        operation_id="customers_label_evidence",
        tags=["labels"],
        summary="Why a customer has the value of a label",
        description="Computed when asked, from the facts and results that the value comes from.",
        parameters=[ScopeParameters, *ADDRESS],
        responses=EvidenceOfLabelSerializer,
    )
    def get(self, request: Request, customer_id: str, key: str) -> Response:
        """Answer with the value and the figures behind it."""
        scope = scope_of(self.principal, overall=self.read_parameters()["overall"])
        identity = self.find_customer(customer_id)
        sight = masking.of_key(self.principal.key)
        try:
            found = evidence.evidence(scope, identity.customer_id, key, sight=sight)
        except evidence.UnknownLabelError as error:
            raise NotFound(str(error)) from error
        return Response({"customer_id": customer_id, **found})
