"""Pinning a label of a customer to a value."""

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from precision.shop.api.description import describe
from precision.shop.api.views import PlatformView
from segments import masking, overrides
from segments.labels import library
from segments.models import LabelOverride

MOST = 100
"""Pins that an answer shows, the newest."""
ADDRESS = [
    OpenApiParameter("customer_id", str, OpenApiParameter.PATH, description="The shop's own customer id."),
    OpenApiParameter("key", str, OpenApiParameter.PATH, description="Key of the label."),
]


@extend_schema_field(OpenApiTypes.ANY)
class ScalarField(serializers.JSONField):
    """A number, a text, true or false."""


class PinSerializer(serializers.Serializer[Any]):
    """What to pin."""

    value = ScalarField(help_text="As the label wants it: a number, a text, true or false.")
    reason = serializers.CharField(max_length=500, help_text="Why the computed value is wrong.")
    expires_at = serializers.DateTimeField(
        default=None, allow_null=True, help_text="From then on the computed value counts again; null: never."
    )

    def to_internal_value(self, data: Any) -> Any:
        """Refuse fields that nobody knows, by name."""
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []
        if unknown:
            raise ValidationError({str(name): ["There is no such field."] for name in unknown})
        return super().to_internal_value(data)


class PinnedSerializer(serializers.Serializer[Any]):
    """A pin, in force or over."""

    value = ScalarField(help_text=f"`{masking.MASKED}` where the key may not see it.")
    reason = serializers.CharField()
    by = serializers.CharField(help_text="`staff`, or the prefix of the API key.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True, help_text="Taken back, or replaced by another.")
    in_force = serializers.BooleanField()


class LabelPinsSerializer(serializers.Serializer[Any]):
    """The pins of a label of a customer."""

    customer_id = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    pinned = PinnedSerializer(
        allow_null=True, help_text="The one that counts; null: the computed value does."
    )
    history = PinnedSerializer(many=True, help_text=f"The newest {MOST}, newest first.")


class LabelPinView(PlatformView):
    """The pinned value of one label of a customer."""

    scopes: ClassVar = {
        "GET": frozenset({"read"}),
        "PUT": frozenset({"write"}),
        "DELETE": frozenset({"write"}),
    }

    @describe(
        operation_id="customers_label_read",
        tags=["labels"],
        summary="The pins of a label of a customer, those that are over too",
        parameters=ADDRESS,
        responses=LabelPinsSerializer,
    )
    def get(self, request: Request, customer_id: str, key: str) -> Response:
        """Answer with the pin in force and those before it, set on this platform."""
        self.read_parameters()
        return Response(self._answer(customer_id, key))

    @describe(
        operation_id="customers_label_pin",
        tags=["labels"],
        summary="Pin a label of a customer to a value",
        description="It counts at once, in place of the computed one, until it expires or is taken back.",
        parameters=ADDRESS,
        request=PinSerializer,
        responses=LabelPinsSerializer,
    )
    def put(self, request: Request, customer_id: str, key: str) -> Response:
        """Set the value by hand; an earlier pin ends."""
        self.read_parameters()
        identity = self.find_customer(customer_id)
        self._known(key)
        given = PinSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            overrides.pin(identity, key, **given.validated_data, key=self.principal.key)
        except overrides.RefusedError as error:
            raise ValidationError({error.field: [error.message]}) from error
        return Response(self._answer(customer_id, key))

    @describe(
        operation_id="customers_label_take_back",
        tags=["labels"],
        summary="Take a pin back",
        parameters=ADDRESS,
        request=None,
        responses={204: None},
    )
    def delete(self, request: Request, customer_id: str, key: str) -> Response:
        """End the pin in force, whoever set it; 204 also where there was none."""
        self.read_parameters()
        identity = self.find_customer(customer_id)
        self._known(key)
        overrides.take_back(self.platform, identity.customer_id, key)
        return Response(status=204)

    def _known(self, key: str) -> None:
        """Raise NotFound for a label that is not there."""
        if key not in library.types(self.platform):
            raise NotFound(f"There is no label {key!r}; GET labels/ lists them.")

    def _answer(self, customer_id: str, key: str) -> dict[str, Any]:
        """Return the pins of the label as the key may see them. Two queries."""
        identity = self.find_customer(customer_id)
        self._known(key)
        rows = list(overrides.history([self.platform.pk], identity.customer_id, key)[:MOST])
        sight = masking.of_key(self.principal.key)
        pins = [shown(pin, sight) for pin in rows]
        return {
            "customer_id": customer_id,
            "label": key,
            "pinned": next((pin for pin in pins if pin["in_force"]), None),
            "history": pins,
        }


def shown(pin: LabelOverride, sight: masking.Sight) -> dict[str, Any]:
    """Return a pin as somebody may see it."""
    now = timezone.now()
    return {
        "value": masking.of_label(pin.label, pin.value, sight),
        "reason": pin.reason if masking.sees_label(pin.label, sight) else masking.MASKED,
        "by": pin.key or "staff",
        "created_at": pin.created_at,
        "expires_at": pin.expires_at,
        "ended_at": pin.ended_at,
        "in_force": pin.ended_at is None and (pin.expires_at is None or pin.expires_at > now),
    }
