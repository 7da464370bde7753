"""Parameters of the recommendation and rule endpoints."""

from typing import Any

from rest_framework import serializers

from precision.shop.api.parameters import (
    AnyField,
    FilteredParameters,
    NamesField,
    PageParameters,
    QueryParameters,
)
from segments.models import PriceClass

MATRIX_SIZE = 50
UNKNOWN_IS_SERVED = "An unknown one is served as a stranger, with the warning `unknown_customer`."


class ListParameters(FilteredParameters):
    """A list that goes on over several pages."""

    recommendation_id = serializers.CharField(
        max_length=40,
        default="",
        allow_blank=True,
        help_text="Of the first page of a list: the answer goes on where that ended, and repeats nothing. The other "
        "parameters stay as they were. Good for 24 hours.",
    )


class VisitorParameters(FilteredParameters):
    """Whom the answer is for."""

    open_prefixes = ("context.",)

    customer = serializers.CharField(
        max_length=200, default="", allow_blank=True, help_text=f"Customer id. {UNKNOWN_IS_SERVED}"
    )
    anonymous_id = serializers.CharField(
        max_length=200, default="", allow_blank=True, help_text="Id of a visitor who has not logged in."
    )


class ForYouParameters(ListParameters, VisitorParameters):
    """A list for one person."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse an address that names nobody."""
        if not attrs["customer"] and not attrs["anonymous_id"]:
            raise serializers.ValidationError(
                {"customer": ["Give customer or anonymous_id."]}, code="required"
            )
        return super().validate(attrs)


class CustomerParameters(ListParameters):
    """A list for one customer."""

    customer = serializers.CharField(max_length=200, help_text=f"Customer id. {UNKNOWN_IS_SERVED}")


class ProductParameters(ListParameters, VisitorParameters):
    """A list about one product."""

    product = serializers.CharField(max_length=200, help_text="Product id.")


class TogetherParameters(ListParameters, VisitorParameters):
    """A list about a basket."""

    product = serializers.CharField(max_length=200, default="", allow_blank=True, help_text="Product id.")
    products = NamesField(default=list, max_length=50, help_text="Product ids; repeated, or with commas.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse an address that names no product."""
        if not attrs["product"] and not attrs["products"]:
            raise serializers.ValidationError({"product": ["Give product or products."]}, code="required")
        return super().validate(attrs)


class GuessParameters(VisitorParameters):
    """The three lists after an order."""

    order = serializers.CharField(max_length=200, default="", allow_blank=True, help_text="Order id.")
    products = NamesField(
        default=list,
        max_length=50,
        help_text="Product ids of a basket, instead of an order; repeated, or with commas.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse an address that names neither a person nor a purchase."""
        if not any(attrs[name] for name in ("order", "products", "customer", "anonymous_id")):
            raise serializers.ValidationError(
                {"order": ["Give order or products, and customer or anonymous_id; at least one of them."]},
                code="required",
            )
        return super().validate(attrs)


class PopularParameters(ListParameters):
    """Best-sellers."""

    days = serializers.ChoiceField(choices=[7, 30, 90], default=30, help_text="Length of the window in days.")


class ClassParameters(ListParameters):
    """A list, of one class where given."""

    def get_fields(self) -> dict[str, AnyField]:
        """Return the fields with `class`, which is no name for a Python attribute."""
        letters = serializers.ChoiceField(
            choices=[letter.value for letter in PriceClass if letter != PriceClass.U],
            default="",
            allow_blank=True,
            help_text="Only what customers of this class bought.",
        )
        return {**super().get_fields(), "class": letters}


class ClassPopularParameters(ClassParameters, PopularParameters):
    """Best-sellers, of one class where given."""


class RulesParameters(PageParameters):
    """Which rules, in which order."""

    product = serializers.CharField(
        max_length=200,
        default="",
        allow_blank=True,
        help_text="Only rules with this product id among the antecedents.",
    )
    sort = serializers.ChoiceField(
        choices=["lift", "confidence", "support", "leverage", "count"],
        default="lift",
        help_text="Highest first.",
    )
    min_support = serializers.FloatField(min_value=0, max_value=1, default=0.0, help_text="Least support.")
    min_confidence = serializers.FloatField(
        min_value=0, max_value=1, default=0.0, help_text="Least confidence."
    )
    min_lift = serializers.FloatField(min_value=0, max_value=1e12, default=0.0, help_text="Least lift.")


class MatrixParameters(QueryParameters):
    """Which products the tables are about."""

    products = NamesField(
        default=list,
        max_length=MATRIX_SIZE,
        help_text=f"Product ids, at most {MATRIX_SIZE}; without them the 20 in most baskets.",
    )
