"""Reports on physical stores: the four tables of a chain, and goods that sell together in stores."""

from decimal import Decimal
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from precision.shop import columns as c
from precision.shop import stores
from precision.shop.api.description import describe
from precision.shop.api.parameters import QueryParameters
from precision.shop.api.spans import SpanParameters
from precision.shop.api.views import PlatformView
from precision.shop.methods import store_tables as t
from precision.shop.models import Product, Store

CENT = Decimal("0.01")


class TableParameters(SpanParameters):
    """Which table, of which months."""

    by = serializers.ChoiceField(
        choices=list(t.TABLES),
        default="star_orientation",
        help_text="What the rows of the table are grouped by.",
    )


class GroupSerializer(serializers.Serializer[Any]):
    """Figures of a group of stores; per month, where they are of a time."""

    group = serializers.DictField(
        child=serializers.CharField(allow_null=True),
        help_text="Star, orientation, type or region; null: not given. Empty in the total.",
    )
    stores = serializers.IntegerField()
    share = serializers.FloatField(allow_null=True, help_text="Of all stores; null: there are none.")
    stores_with_displays = serializers.IntegerField(help_text="Stores that told their displays.")
    stores_with_sales = serializers.IntegerField(help_text="Stores that told the units they sold.")
    mean_displays = serializers.FloatField(
        allow_null=True, help_text="A store and month, of those that told."
    )
    mean_sales = serializers.FloatField(
        allow_null=True, help_text="Units a store and month, of those that told."
    )
    mean_sales_value = serializers.CharField(allow_null=True, help_text="In the platform's currency.")
    stores_per_display = serializers.FloatField(
        allow_null=True, help_text="Null: no displays, or nobody told."
    )
    stores_per_sale = serializers.FloatField(allow_null=True, help_text="Null: no sales, or nobody told.")


class StarSerializer(serializers.Serializer[Any]):
    """How many stores of a given star have sales that imply another."""

    given = serializers.IntegerField(allow_null=True, help_text="1 to 5; null: no star is given.")
    implied = serializers.IntegerField(allow_null=True, help_text="1 to 5; null: the sales are not known.")
    stores = serializers.IntegerField()


class TablesSerializer(serializers.Serializer[Any]):
    """One table of the stores of a platform."""

    by = serializers.CharField()
    # `from` and `to` are added below: the first is a word of Python.
    months = serializers.IntegerField(help_text="Months of the span of which any store told something.")
    currency = serializers.CharField()
    total = GroupSerializer(help_text="All stores together.")
    results = GroupSerializer(many=True)
    stars = StarSerializer(many=True, help_text="The given star beside the star implied by sales.")

    def get_fields(self) -> dict[str, Any]:
        """Return the fields, the span among them."""
        first = serializers.DateField(help_text="First day of the span.")
        behind = serializers.DateField(help_text="The day behind the span.")
        return {"from": first, "to": behind, **super().get_fields()}


class StoreTablesView(PlatformView):
    """The four tables of the stores of a platform."""

    parameters: ClassVar = TableParameters

    @describe(
        operation_id="stores_tables",
        tags=["stores"],
        summary="Stores by star and orientation, type, region or star; by default of their last twelve months",
        parameters=[TableParameters],
        responses=TablesSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer with one of the tables, the sum of all stores, and the given stars beside those that sales imply."""
        given = self.read_parameters()
        chain = stores.chain(self.platform, start=given["from"], end=given["to"])
        return Response(
            {
                "from": chain.start,
                "to": chain.end,
                "by": given["by"],
                "months": chain.months,
                "currency": self.platform.currency,
                "total": group_row(chain.total(), ()),
                "results": [group_row(row, t.TABLES[given["by"]]) for row in chain.table(given["by"])],
                "stars": [
                    {"given": one or None, "implied": other or None, "stores": count}
                    for one, counts in enumerate(chain.star_matrix())
                    for other, count in enumerate(counts)
                    if count
                ],
            }
        )


def group_row(row: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Return the figures of a group as the API gives them."""
    value = row[t.MEAN_VALUE_E4]
    return {
        "group": {name: None if row[name] is None else str(row[name]) for name in names},
        "stores": row[t.STORES],
        "share": row[t.SHARE],
        "stores_with_displays": row[t.STORES_WITH_DISPLAYS],
        "stores_with_sales": row[t.STORES_WITH_SALES],
        "mean_displays": row[t.MEAN_DISPLAYS],
        "mean_sales": row[t.MEAN_UNITS],
        "mean_sales_value": None if value is None else str((Decimal(value) / c.MONEY).quantize(CENT)),
        "stores_per_display": row[t.STORES_PER_DISPLAY],
        "stores_per_sale": row[t.STORES_PER_SALE],
    }


class TogetherParameters(QueryParameters):
    """Of which store, and how many."""

    store = serializers.CharField(
        max_length=100,
        default="",
        allow_blank=True,
        help_text="Store id: only pairs of which it sells one or both.",
    )
    count = serializers.IntegerField(
        min_value=1, max_value=1000, default=100, help_text="Most pairs of the answer."
    )


class PartSerializer(serializers.Serializer[Any]):
    """A product of a pair."""

    product_id = serializers.CharField()
    title = serializers.CharField()
    sold_here = serializers.BooleanField(
        allow_null=True, help_text="The store asked for has sold it; null where none was asked for."
    )


class PairSerializer(serializers.Serializer[Any]):
    """Two products that are among the best sellers of the same stores in the same months."""

    products = PartSerializer(many=True)
    count = serializers.IntegerField(help_text="Store-months in which both are among the best sellers.")
    support = serializers.FloatField(help_text="Share of all store-months.")
    lift = serializers.FloatField(help_text="How many times as often as by chance.")
    confidence = serializers.ListField(
        child=serializers.FloatField(),
        help_text="Share of the store-months of the first product that have the second too, and the other way.",
    )


class TogetherSerializer(serializers.Serializer[Any]):
    """What to display together."""

    as_of = serializers.DateField(allow_null=True, help_text="The day they were computed for; null: not yet.")
    store_months = serializers.IntegerField(allow_null=True, help_text="Store-months that were looked at.")
    results = PairSerializer(many=True)


class TogetherView(PlatformView):
    """Goods that sell together in stores."""

    parameters: ClassVar = TogetherParameters

    @describe(
        operation_id="stores_together",
        tags=["stores"],
        summary="Goods that sell together in stores: what to display together",
        parameters=[TogetherParameters],
        responses=TogetherSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer with the pairs of highest lift among the best sellers of each store and month."""
        given = self.read_parameters()
        found = stores.together(self.platform, store=self._store(given["store"]), count=given["count"])
        return Response(
            {
                "as_of": found.run.as_of if found.run else None,
                "store_months": found.run.measures.get("store_months") if found.run else None,
                "results": [
                    {
                        "products": [_part(each, found.sold) for each in (pair.first, pair.second)],
                        "count": pair.count,
                        "support": pair.support,
                        "lift": pair.lift,
                        "confidence": [pair.confidence, pair.confidence_back],
                    }
                    for pair in found.pairs
                ],
            }
        )

    def _store(self, store_id: str) -> int | None:
        """Return our number of the store; None when none is asked for; raise NotFound."""
        if not store_id:
            return None
        number = Store.objects.filter(platform=self.platform, external_id=store_id).values_list(
            "pk", flat=True
        )
        if not number:
            raise NotFound(f"There is no store {store_id!r} on platform {self.platform.key!r}.")
        return number[0]


def _part(product: Product, sold: Any) -> dict[str, Any]:
    return {
        "product_id": product.external_id,
        "title": product.title,
        "sold_here": sold.get(product.pk) if sold else None,
    }
