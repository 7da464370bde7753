"""Portraits of customers."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from precision.shop.api.description import describe
from precision.shop.api.freshness import Cache
from precision.shop.api.views import PlatformView
from segments.portraits import portrait

CUSTOMER = OpenApiParameter(
    "customer_id", str, OpenApiParameter.PATH, description="The shop's own customer id."
)

_sizes: Cache[int, dict[int, int]] = Cache(seconds=None, most=1_000)


class PortraitSerializer(serializers.Serializer[Any]):
    """What is known of a customer; a part that was not computed is null."""

    customer_id = serializers.CharField()
    attributes = serializers.DictField(
        help_text="What the shop told: age, gender, place, occupation …; null: not told."
    )
    sensitive = serializers.ListField(
        child=serializers.CharField(), help_text="Attributes to handle with care."
    )
    price_class = serializers.DictField(allow_null=True, help_text="A, B, C or U with its evidence.")
    rfm = serializers.DictField(allow_null=True, help_text="Recency, frequency and money.")
    consumption = serializers.DictField(help_text="Orders, spend and categories on this platform.")
    segments = serializers.ListField(child=serializers.DictField())
    everyone = serializers.DictField(help_text="Means over all customers of the platform, to compare with.")


class PortraitView(PlatformView):
    """The portrait of a customer."""

    @describe(
        operation_id="customers_portrait",
        tags=["customers"],
        summary="What is known of a customer",
        parameters=[CUSTOMER],
        responses=PortraitSerializer,
    )
    def get(self, request: Request, customer_id: str) -> Response:
        """Answer with attributes, class, recency and frequency, purchases and segments of one customer."""
        self.read_parameters()
        return Response(portrait(self.platform, self.find_customer(customer_id)))
