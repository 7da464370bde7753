"""The live count of a condition."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from precision.shop.api.description import ErrorSerializer, describe
from segments import definitions, effects, masking, population, preview
from segments.api.groups import CONDITION_HELP, EffectSerializer, ScopedView, checked, told
from segments.api.members import NAMELESS
from segments.api.names import names_of
from segments.api.portraits import ScopeParameters

MOST_SAMPLED = 100


class PreviewRequestSerializer(serializers.Serializer[Any]):
    """What to count."""

    condition = serializers.JSONField(help_text=CONDITION_HELP)
    sample = serializers.IntegerField(
        default=preview.SAMPLE, min_value=0, max_value=MOST_SAMPLED, help_text="Members that are wanted."
    )
    token = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=100,
        help_text="A later request of the same key with the same token ends this one with 409.",
    )


class SampledSerializer(serializers.Serializer[Any]):
    """A member under the ids this platform knows."""

    customer_id = serializers.CharField(allow_null=True)
    anonymous_id = serializers.CharField(allow_null=True, help_text="Given where there is no customer id.")


class SegmentPreviewSerializer(serializers.Serializer[Any]):
    """How many meet a condition now."""

    count = serializers.IntegerField()
    of = serializers.IntegerField(help_text="Customers of whom anything is known.")
    took_ms = serializers.IntegerField()
    as_of = serializers.DateField(help_text="The day before which everything is seen.")
    sample = SampledSerializer(many=True)
    effects = EffectSerializer(many=True, help_text="When each term follows the facts.")


class SupersededError(APIException):
    """A later question took its place."""

    status_code = 409
    default_code = "superseded"


class NotNowError(APIException):
    """It cannot be counted now."""

    status_code = 503
    default_code = "unavailable"


class PreviewView(ScopedView):
    """How many customers meet a condition."""

    scopes: ClassVar = {"GET": frozenset({"read"}), "POST": frozenset({"read"})}
    parameters = ScopeParameters

    @describe(
        operation_id="segments_preview",
        tags=["segments"],
        summary="Count a condition without saving it",
        description="Over the labels and the behaviour of the last nightly run.",
        parameters=[ScopeParameters],
        request=PreviewRequestSerializer,
        responses={
            200: SegmentPreviewSerializer,
            409: OpenApiResponse(
                ErrorSerializer, description="A later request of the same token took its place."
            ),
            503: OpenApiResponse(
                ErrorSerializer, description="It took too long, or nothing was computed yet."
            ),
        },
    )
    def post(self, request: Request) -> Response:
        """Answer with the live count and some of the members."""
        scope, _ = self.asked()
        given = PreviewRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        condition = checked(scope, wanted["condition"], masking.of_key(self.principal.key))
        known = definitions.read(scope)
        try:
            found = preview.preview(
                scope,
                condition,
                known=known,
                caller=f"key {self.principal.key.pk}",
                token=wanted["token"],
                sample=wanted["sample"],
            )
        except preview.SupersededError as error:
            raise SupersededError(str(error)) from error
        except preview.TookTooLongError as error:
            raise NotNowError(str(error), "took_too_long") from error
        except population.NothingComputedError as error:
            raise NotNowError(str(error), "not_computed") from error
        names = names_of(self.platform, found.sample)
        return Response(
            {
                "count": found.count,
                "of": found.of,
                "took_ms": found.took_ms,
                "as_of": found.as_of,
                "sample": [names.get(customer, NAMELESS) for customer in found.sample],
                "effects": told(effects.effects(scope, condition, known)),
            }
        )
