"""Parameters of the address line: checked in one place, refused by name."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from rest_framework import serializers
from rest_framework.fields import empty

MOST_NAMES = 200
AnyField = serializers.Field[Any, Any, Any, Any]


class NamesField(serializers.ListField):
    """Several ids or names: the parameter repeated, or one value with commas."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("child", serializers.CharField(max_length=200))
        kwargs.setdefault("max_length", MOST_NAMES)
        super().__init__(**kwargs)

    def get_value(self, dictionary: Any) -> Any:
        """Return the list of names, empty ones left out, or `empty` when the parameter is not there."""
        if self.field_name not in dictionary:
            return empty
        return [
            name for text in dictionary.getlist(self.field_name) for name in text.split(",") if name.strip()
        ]


class QueryParameters(serializers.Serializer[Any]):
    """Base of the parameters of an endpoint; a name that it does not know is refused.

    An attribute `filter_brand` is the parameter `filter.brand` and arrives as `["filter"]["brand"]`.
    """

    open_prefixes: tuple[str, ...] = ()
    """Parameters that start like this may bear any name, like `context.weather`."""

    def get_fields(self) -> dict[str, AnyField]:
        """Return the fields by the names they have in the address line."""
        return {
            f"filter.{name.removeprefix('filter_')}" if name.startswith("filter_") else name: field
            for name, field in super().get_fields().items()
        }

    def to_internal_value(self, data: Any) -> Any:
        """Return the values; raise ValidationError that names every wrong or unknown parameter."""
        unknown = [
            name
            for name in data
            if name not in self.fields and not name.startswith(self.open_prefixes or ("\0",))
        ]
        if unknown:
            known = ", ".join(sorted(self.fields)) or "none"
            raise serializers.ValidationError(
                {name: [f"There is no such parameter; this address knows: {known}."] for name in unknown},
                code="unknown_parameter",
            )
        return super().to_internal_value(data)


class FilteredParameters(QueryParameters):
    """Parameters of every endpoint that answers with products."""

    count = serializers.IntegerField(
        min_value=1,
        max_value=100,
        default=12,
        help_text="Most products in the answer (of each list or slot).",
    )
    exclude = NamesField(default=list, help_text="Product ids that are not wanted; repeated, or with commas.")
    filter_category = serializers.ListField(
        child=serializers.CharField(max_length=500),
        max_length=50,
        default=list,
        help_text="Category: the name of any level, or the path from the root with “ / ”; may be repeated.",
    )
    filter_brand = serializers.ListField(
        child=serializers.CharField(max_length=200),
        max_length=50,
        default=list,
        help_text="Brand; may be repeated.",
    )
    filter_price_min = serializers.DecimalField(
        max_digits=16, decimal_places=4, min_value=0, default=None, allow_null=True, help_text="Least price."
    )
    filter_price_max = serializers.DecimalField(
        max_digits=16,
        decimal_places=4,
        min_value=0,
        default=None,
        allow_null=True,
        help_text="Highest price.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a price range that is upside down."""
        low, high = attrs["filter"]["price_min"], attrs["filter"]["price_max"]
        if low is not None and high is not None and low > high:
            raise serializers.ValidationError(
                {"filter.price_max": [f"{high} is below filter.price_min, {low}."]}
            )
        return attrs


class PageParameters(QueryParameters):
    """Parameters of every endpoint that answers in pages."""

    count = serializers.IntegerField(
        min_value=1, max_value=1000, default=100, help_text="Most entries of a page."
    )
    cursor = serializers.CharField(
        max_length=500, default="", allow_blank=True, help_text="Where the page starts: taken from `next`."
    )


def read(kind: type[QueryParameters], query: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the address line; raise ValidationError naming each wrong parameter."""
    values: dict[str, Any] = _reader(kind).run_validation(query)
    return values


@cache
def _reader(kind: type[QueryParameters]) -> QueryParameters:
    """Return the one reader of a kind: reading leaves no trace in it, and to copy its fields takes longer than that."""
    return kind()
