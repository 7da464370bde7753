"""What a customer wants, from their own words; and who brought whom."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from precision.engine import runs
from precision.shop import referrals
from precision.shop.api.description import describe
from precision.shop.api.parameters import QueryParameters
from precision.shop.api.views import PlatformView
from precision.shop.interests import of_customer

CUSTOMER = OpenApiParameter(
    "customer_id", str, OpenApiParameter.PATH, description="The shop's own customer id."
)


class EvidenceSerializer(serializers.Serializer[Any]):
    """An event whose text names the topic."""

    event = serializers.CharField(help_text="Its name, like “Products Searched”.")
    at = serializers.DateTimeField()


class InterestSerializer(serializers.Serializer[Any]):
    """Something the customer wants."""

    topic = serializers.CharField()
    category = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="Path of the category it is about."
    )
    score = serializers.FloatField(
        help_text="Mentions, halved with every half-life since; wishes count twice."
    )
    mentions = serializers.IntegerField(help_text="Texts that name it and do not decline it.")
    last_at = serializers.DateTimeField()
    evidence = EvidenceSerializer(many=True, help_text="The newest of these texts that are still kept.")


class InterestsSerializer(serializers.Serializer[Any]):
    """What a customer wants."""

    customer_id = serializers.CharField()
    as_of = serializers.DateField(allow_null=True, help_text="The day it was computed for; null: not yet.")
    interests = InterestSerializer(many=True)


class InterestsView(PlatformView):
    """The interests of a customer."""

    @describe(
        operation_id="customers_interests",
        tags=["customers"],
        summary="What a customer wants, from comments, chat, reviews and search words",
        parameters=[CUSTOMER],
        responses=InterestsSerializer,
    )
    def get(self, request: Request, customer_id: str) -> Response:
        """Answer with the topics of the customer's own words on this platform, the strongest first."""
        self.read_parameters()
        person = self.find_customer(customer_id)
        run = runs.published("interests", self.platform.key)
        return Response(
            {
                "customer_id": customer_id,
                "as_of": run.as_of if run else None,
                "interests": of_customer(self.platform, person.customer_id, run=run.pk) if run else [],
            }
        )


class ReferralParameters(QueryParameters):
    """How deep to look."""

    depth = serializers.IntegerField(
        min_value=1, max_value=referrals.DEEPEST, default=2, help_text="Generations of people brought."
    )


class BroughtSerializer(serializers.Serializer[Any]):
    """Somebody in the tree."""

    customer_id = serializers.CharField(allow_null=True)
    anonymous_id = serializers.CharField(allow_null=True)
    at = serializers.DateTimeField(help_text="When they were brought.")
    generation = serializers.IntegerField(help_text="1: brought by the customer; 2: by one of these …")
    brought_by = serializers.CharField(
        allow_null=True, help_text="Id of who brought them; null in `brought_by` itself."
    )


class ReferralsSerializer(serializers.Serializer[Any]):
    """Who brought a customer, and whom the customer brought."""

    customer_id = serializers.CharField()
    brought_by = BroughtSerializer(allow_null=True)
    brought = BroughtSerializer(many=True, help_text="Generation by generation.")
    complete = serializers.BooleanField(help_text="False: there are more than the answer holds.")


class ReferralsView(PlatformView):
    """The referrals of a customer."""

    parameters: ClassVar = ReferralParameters

    @describe(
        operation_id="customers_referrals",
        tags=["customers"],
        summary="Who brought a customer, and whom the customer brought",
        parameters=[CUSTOMER, ReferralParameters],
        responses=ReferralsSerializer,
    )
    def get(self, request: Request, customer_id: str) -> Response:
        """Answer with who brought the customer, and with the people brought, as deep as asked for."""
        given = self.read_parameters()
        tree = referrals.tree(
            self.platform, self.find_customer(customer_id).customer_id, depth=given["depth"]
        )
        return Response(
            {
                "customer_id": customer_id,
                "brought_by": tree.brought_by,
                "brought": tree.brought,
                "complete": tree.complete,
            }
        )
