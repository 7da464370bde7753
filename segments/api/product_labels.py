"""Labels of products, and the two-way search between goods and people."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from precision.shop.api.description import describe
from precision.shop.api.parameters import QueryParameters
from precision.shop.api.views import PlatformView
from precision.shop.models import Product
from segments import product_labels, wants
from segments.api.names import names_of
from segments.methods import affinity

PRODUCT = OpenApiParameter("product_id", str, OpenApiParameter.PATH, description="The shop's own product id.")
CUSTOMER = OpenApiParameter(
    "customer_id", str, OpenApiParameter.PATH, description="The shop's own customer id."
)


class LabelOfProductSerializer(serializers.Serializer[Any]):
    """A label of a product."""

    label = serializers.CharField()  # type: ignore[assignment]
    title = serializers.CharField()
    value = serializers.JSONField(help_text="Number, text, yes or no, list of words, or object; never null.")
    formula = serializers.CharField(help_text="How it comes about.")


class ProductLabelsSerializer(serializers.Serializer[Any]):
    """What is known of a product."""

    product_id = serializers.CharField()
    as_of = serializers.DateField(allow_null=True, help_text="The day it was computed for; null: not yet.")
    labels = LabelOfProductSerializer(many=True)
    unknown = serializers.ListField(child=serializers.CharField(), help_text="Labels without a value.")


class MatchReasonSerializer(serializers.Serializer[Any]):
    """What a label of the goods says about a match."""

    label = serializers.CharField()  # type: ignore[assignment]
    value = serializers.CharField()
    evidence = serializers.FloatField(help_text="Its part of the score; below 0 it speaks against.")
    lift = serializers.FloatField(help_text="How many times as often as everyone they buy such goods.")
    text = serializers.CharField()


class PersonWantingSerializer(serializers.Serializer[Any]):
    """Somebody who would want it."""

    customer_id = serializers.CharField(allow_null=True)
    anonymous_id = serializers.CharField(allow_null=True, help_text="Given where there is no customer id.")
    score = serializers.FloatField(help_text="Sum of the evidence; above 0 more than everyone.")
    reasons = MatchReasonSerializer(many=True)


class WouldWantSerializer(serializers.Serializer[Any]):
    """The people whom goods suit best."""

    labels = serializers.DictField(help_text="The labels of the goods that were looked for.")
    results = PersonWantingSerializer(many=True)


class WantedProductSerializer(serializers.Serializer[Any]):
    """Something the customer would want."""

    product_id = serializers.CharField()
    title = serializers.CharField()
    score = serializers.FloatField()
    reasons = MatchReasonSerializer(many=True)


class WantedSerializer(serializers.Serializer[Any]):
    """The goods that suit a customer best."""

    customer_id = serializers.CharField()
    results = WantedProductSerializer(many=True)


class CountParameters(QueryParameters):
    """How many."""

    count = serializers.IntegerField(
        min_value=1, max_value=wants.MOST, default=100, help_text="Most entries of the answer."
    )


class AudienceParameters(CountParameters):
    """Whom."""

    buyers = serializers.BooleanField(
        default=None,
        allow_null=True,
        help_text="Whether who bought it already is named too; left out: where it is bought again.",
    )


class LabelsParameters(CountParameters):
    """Labels of goods; several narrow each other."""

    category = serializers.CharField(
        default=None, allow_null=True, max_length=500, help_text="Path from the root with “ / ”."
    )
    brand = serializers.CharField(
        default=None, allow_null=True, max_length=200, help_text="Brand, as the shop writes it."
    )
    price_tier = serializers.ChoiceField(
        choices=["low", "middle", "high"], default=None, allow_null=True, help_text="low, middle or high."
    )
    daypart = serializers.ChoiceField(
        choices=["night", "morning", "afternoon", "evening"],
        default=None,
        allow_null=True,
        help_text="When such goods are bought.",
    )
    season = serializers.CharField(
        default=None, allow_null=True, max_length=20, help_text="A month by name, or “all year”."
    )
    buyers_class = serializers.ChoiceField(
        choices=["A", "B", "C"], default=None, allow_null=True, help_text="Price class of their buyers."
    )


class SearchParameters(LabelsParameters):
    """Labels of goods, at least one."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a search for nothing."""
        if not labels_in(attrs):
            raise serializers.ValidationError(f"Name a label of the goods: {', '.join(affinity.WEIGHTS)}.")
        return attrs


def labels_in(given: dict[str, Any]) -> dict[str, str]:
    """Return the labels among the parameters."""
    return {name: given[name] for name in affinity.WEIGHTS if given.get(name) is not None}


class ProductLabelsView(PlatformView):
    """The labels of a product."""

    @describe(
        operation_id="products_labels",
        tags=["products"],
        summary="Labels of a product",
        parameters=[PRODUCT],
        responses=ProductLabelsSerializer,
    )
    def get(self, request: Request, product_id: str) -> Response:
        """Answer with all labels of a product that have a value; an alias gives those of what it stands for."""
        self.read_parameters()
        product = Product.objects.get(pk=self.find_products([product_id])[product_id])
        run = product_labels.published(self.platform)
        values = product_labels.of_product(product, run) or {}
        known = [each for each in product_labels.DEFINITIONS if values.get(each.key) not in (None, [], {})]
        return Response(
            {
                "product_id": product_id,
                "as_of": run.as_of if run else None,
                "labels": [
                    {
                        "label": each.key,
                        "title": each.title,
                        "value": values[each.key],
                        "formula": each.formula,
                    }
                    for each in known
                ],
                "unknown": [each.key for each in product_labels.DEFINITIONS if each not in known],
            }
        )


class AudienceView(PlatformView):
    """The people who would want a product."""

    parameters = AudienceParameters

    @describe(
        operation_id="products_audience",
        tags=["products"],
        summary="Who would want a product, by its labels",
        parameters=[AudienceParameters, PRODUCT],
        responses=WouldWantSerializer,
    )
    def get(self, request: Request, product_id: str) -> Response:
        """Answer with the customers who buy goods of these labels more than everyone, scored and explained."""
        given = self.read_parameters()
        product = Product.objects.get(pk=self.find_products([product_id])[product_id])
        values = product_labels.of_product(product, product_labels.published(self.platform)) or {}
        named = given["buyers"] if given["buyers"] is not None else bool(values.get("repeatable"))
        without = frozenset() if named else wants.buyers(product)
        return Response(_audience(self, values, most=given["count"], without=without))


class LabelAudienceView(PlatformView):
    """The people who would want goods with certain labels."""

    parameters = SearchParameters

    @describe(
        operation_id="product_labels_audience",
        tags=["products"],
        summary="Who would want goods with these labels",
        parameters=[SearchParameters],
        responses=WouldWantSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer with the customers whom such goods suit best; for goods that the shop does not have yet."""
        given = self.read_parameters()
        return Response(_audience(self, labels_in(given), most=given["count"], without=frozenset()))


class WantedView(PlatformView):
    """The goods that suit a customer."""

    parameters = LabelsParameters

    @describe(
        operation_id="customers_wanted",
        tags=["customers"],
        summary="Which goods suit a customer, by their labels",
        description="A search by labels; for lists to show, ask for recommendations.",
        parameters=[LabelsParameters, CUSTOMER],
        responses=WantedSerializer,
    )
    def get(self, request: Request, customer_id: str) -> Response:
        """Answer with goods in stock whose labels the customer buys more than everyone, scored and explained."""
        given = self.read_parameters()
        person = self.find_customer(customer_id)
        found = wants.wanted(self.platform, person.customer_id, most=given["count"], labels=labels_in(given))
        goods = Product.objects.filter(platform=self.platform).in_bulk([each["product"] for each in found])
        return Response(
            {
                "customer_id": customer_id,
                "results": [
                    {
                        "product_id": goods[each["product"]].external_id,
                        "title": goods[each["product"]].title,
                        "score": each["score"],
                        "reasons": each["reasons"],
                    }
                    for each in found
                    if each["product"] in goods
                ],
            }
        )


def _audience(
    view: PlatformView, labels: dict[str, Any], *, most: int, without: frozenset[int]
) -> dict[str, Any]:
    """Return the body of an answer: people under the ids that the platform knows."""
    found = wants.audience(view.platform, labels, most=most, without=without)
    names = names_of(view.platform, [each["customer"] for each in found])
    return {
        "labels": {name: labels[name] for name in affinity.WEIGHTS if labels.get(name) is not None},
        "results": [
            {**names[each["customer"]], "score": each["score"], "reasons": each["reasons"]}
            for each in found
            if each["customer"] in names
        ],
    }
