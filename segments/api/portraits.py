"""Portraits of customers and of groups."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from precision.engine import runs
from precision.shop import scopes
from precision.shop.api.authentication import Principal
from precision.shop.api.description import describe
from precision.shop.api.parameters import QueryParameters
from precision.shop.api.views import PlatformView
from precision.shop.platforms import ORGANISATION
from precision.shop.scopes import Scope
from segments import masking
from segments.models import Segment
from segments.portraits import groups, portrait

CUSTOMER = OpenApiParameter(
    "customer_id", str, OpenApiParameter.PATH, description="The shop's own customer id."
)
SEGMENT = OpenApiParameter("key", str, OpenApiParameter.PATH, description="Key of the segment.")


class ScopeParameters(QueryParameters):
    """For what it is asked."""

    overall = serializers.BooleanField(
        default=False,
        help_text="Over all platforms of the organisation; needs a key with the scope `organisation`.",
    )


class PortraitSerializer(serializers.Serializer[Any]):
    """What is known of a customer; a part that was not computed is null."""

    customer_id = serializers.CharField()
    scope = serializers.CharField(help_text="Key of the platform, or `org:` and the key of the organisation.")
    attributes = serializers.DictField(
        help_text="What the shop told: age, gender, place, occupation …; null: not told."
    )
    sensitive = serializers.ListField(
        child=serializers.CharField(), help_text="Attributes to handle with care."
    )
    masked = serializers.BooleanField(
        help_text=f"The key may not see all values: those read `{masking.MASKED}`. Scopes `sensitive` and `personal` "
        "open them."
    )
    price_class = serializers.DictField(allow_null=True, help_text="A, B, C or U with its evidence.")
    rfm = serializers.DictField(allow_null=True, help_text="Recency, frequency and money.")
    consumption = serializers.DictField(
        help_text="Orders, spend and categories; overall also of each platform."
    )
    habits = serializers.DictField(
        allow_null=True,
        help_text="`contacts`: by channel and hour, share of contacts and of time; `goods`: by category, brand, price "
        "tier …, share of lines and of money; each beside everyone's.",
    )
    labels = serializers.ListField(
        child=serializers.DictField(),
        help_text="Labels with a value. Of a number: `below`, the part of everyone who has less, and everyone's mean; "
        "of the others: `share`, the part of everyone with the same value.",
    )
    segments = serializers.ListField(child=serializers.DictField())
    interests = serializers.ListField(
        child=serializers.DictField(), help_text="Topics of their own words, the strongest first."
    )
    timeline = serializers.ListField(child=serializers.DictField(), help_text="What happened, newest first.")
    everyone = serializers.DictField(help_text="Means over all customers, to compare with.")


class GroupPortraitSerializer(serializers.Serializer[Any]):
    """How a group differs from everyone."""

    segment = serializers.CharField(allow_null=True, help_text="Key of the segment; null for a condition.")
    as_of = serializers.DateField(
        allow_null=True, help_text="The day of its members; null: not computed yet."
    )
    scope = serializers.CharField()
    size = serializers.IntegerField()
    of = serializers.IntegerField(help_text="All customers with labels.")
    share = serializers.FloatField(allow_null=True)
    summary = serializers.ListField(
        child=serializers.CharField(), help_text="The most distinctive differences in words."
    )
    labels = serializers.ListField(
        child=serializers.DictField(),
        help_text="Of each value of a label: `share` of the group and of everyone, `lift` and its 95 % interval.",
    )
    numbers = serializers.ListField(
        child=serializers.DictField(),
        help_text="Means and medians; `difference` in standard deviations of everyone, with its 95 % interval.",
    )
    goods = serializers.DictField(help_text="By category, brand, price tier …: shares of lines and of money.")
    contacts = serializers.DictField(help_text="By channel and hour: shares of contacts and of time.")
    withheld = serializers.DictField(help_text="Labels that are not told, and why.")


class PortraitView(PlatformView):
    """The portrait of a customer."""

    parameters = ScopeParameters

    @describe(
        operation_id="customers_portrait",
        tags=["customers"],
        summary="What is known of a customer",
        parameters=[ScopeParameters, CUSTOMER],
        responses=PortraitSerializer,
    )
    def get(self, request: Request, customer_id: str) -> Response:
        """Answer with attributes, labels, purchases, media contact and segments of one customer, beside everyone."""
        scope = scope_of(self.principal, overall=self.read_parameters()["overall"])
        identity = self.find_customer(customer_id)
        return Response(portrait(identity, sight=masking.of_key(self.principal.key), scope=scope))


class SegmentPortraitView(PlatformView):
    """The portrait of a segment."""

    @describe(
        operation_id="segments_portrait",
        tags=["segments"],
        summary="How the members of a segment differ from everyone",
        parameters=[SEGMENT],
        responses=GroupPortraitSerializer,
    )
    def get(self, request: Request, key: str) -> Response:
        """Answer with the portrait of the members that the run in force found."""
        self.read_parameters()
        segment = Segment.objects.filter(platform=self.platform, key=key).first()
        if segment is None:
            raise NotFound(f"There is no segment {key!r} on platform {self.platform.key!r}.")
        run = runs.published("segments", self.platform.key)
        sight = masking.of_key(self.principal.key)
        answer = groups.of_segment(scopes.of(self.platform), segment, run, sight=sight)
        return Response({"segment": key, "as_of": run.as_of if run else None, **answer})


def scope_of(principal: Principal, *, overall: bool) -> Scope:
    """Return the platform of a key, or all of its organisation where it asks for that; raise PermissionDenied."""
    if not overall:
        return scopes.of(principal.platform)
    if ORGANISATION not in principal.key.scopes or not principal.is_trusted:
        raise PermissionDenied(
            "This key sees its own platform only; one with the scope organisation sees all."
        )
    return scopes.overall(principal.platform.organisation)
