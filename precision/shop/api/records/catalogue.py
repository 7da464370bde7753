"""Products, stores and their months as the API shows them."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from precision.shop.api.records.listing import IdParameters, ListParameters
from precision.shop.api.records.resources import Resource
from precision.shop.api.records.values import amount, decimal, given, moment
from precision.shop.models import Platform, Product, Store, StoreMonth


class Products(Resource[Product]):
    """What the shop has described and not taken away."""

    name = "product"
    plural = "products"
    order = ("external_id",)

    def rows(self, platform: Platform, values: Mapping[str, Any]) -> QuerySet[Product]:
        """Return the listed products."""
        rows = Product.objects.filter(platform=platform, listed=True).select_related("category")
        return rows.filter(external_id__in=values["ids"]) if values["ids"] else rows

    def find(self, platform: Platform, record_id: str) -> Product | None:
        """Return the listed product of an id, or None."""
        return self.rows(platform, {"ids": [record_id]}).first()

    def represent(self, rows: Sequence[Product], *, personal: bool) -> list[dict[str, Any]]:
        """Return the products."""
        return [
            given(
                {
                    "product_id": row.external_id, "title": row.title,
                    "category": row.category.path if row.category else [], "brand": row.brand,
                    "price": amount(row.price), "list_price": amount(row.list_price), "cost": amount(row.cost),
                    "currency": row.currency, "url": row.url, "image_url": row.image_url, "in_stock": row.in_stock,
                    "active": row.active, "repeatable": row.repeatable, "labels": row.labels,
                    "aliases": row.aliases, "traits": row.traits,
                }
            )
            for row in rows
        ]  # fmt: skip

    def remove(self, platform: Platform, row: Product) -> None:
        """Hide the product: orders and events go on naming it, nobody is shown it."""
        Product.objects.filter(pk=row.pk, platform=platform).update(listed=False, active=False)


class StoreParameters(IdParameters):
    """Parameters of the list of stores."""

    region = serializers.CharField(max_length=100, default="", help_text="Only the stores of this region.")
    type = serializers.CharField(max_length=60, default="", help_text="Only the stores of this type.")


class Stores(Resource[Store]):
    """The shops one can walk into."""

    name = "store"
    plural = "stores"
    order = ("external_id",)
    parameters = StoreParameters

    def rows(self, platform: Platform, values: Mapping[str, Any]) -> QuerySet[Store]:
        """Return the stores."""
        rows = Store.objects.filter(platform=platform)
        if values["ids"]:
            rows = rows.filter(external_id__in=values["ids"])
        return rows.filter(**{name: values[name] for name in ("region", "type") if values.get(name)})

    def find(self, platform: Platform, record_id: str) -> Store | None:
        """Return the store of an id, or None."""
        return self.rows(platform, {"ids": [record_id]}).first()

    def represent(self, rows: Sequence[Store], *, personal: bool) -> list[dict[str, Any]]:
        """Return the stores."""
        return [
            given(
                {
                    "store_id": row.external_id, "name": row.name, "type": row.type, "region": row.region,
                    "province": row.province, "stars": row.stars, "opened_at": moment(row.opened_at),
                    "traits": row.traits,
                }
            )
            for row in rows
        ]  # fmt: skip

    def remove(self, platform: Platform, row: Store) -> None:
        """Delete the store with its months; orders and events of it stay, and name no store any more."""
        Store.objects.filter(pk=row.pk, platform=platform).delete()


class MonthParameters(ListParameters):
    """Parameters of the list of months of stores."""

    store = serializers.CharField(max_length=100, default="", help_text="Only the months of this store.")
    since = serializers.DateField(default=None, allow_null=True, help_text="Only months from this one on.")
    until = serializers.DateField(default=None, allow_null=True, help_text="Only months before this day.")


class StoreMonths(Resource[StoreMonth]):
    """What stores displayed and sold in each month."""

    name = "store-month"
    plural = "store-months"
    order = ("month", "id")
    parameters = MonthParameters

    def rows(self, platform: Platform, values: Mapping[str, Any]) -> QuerySet[StoreMonth]:
        """Return the months."""
        rows = StoreMonth.objects.filter(platform=platform).select_related("store", "product")
        if values["store"]:
            rows = rows.filter(store__external_id=values["store"])
        if values["since"] is not None:
            rows = rows.filter(month__gte=values["since"].replace(day=1))
        if values["until"] is not None:
            rows = rows.filter(month__lt=values["until"])
        return rows

    def represent(self, rows: Sequence[StoreMonth], *, personal: bool) -> list[dict[str, Any]]:
        """Return the months."""
        return [
            given(
                {
                    "store_id": row.store.external_id, "month": moment(row.month),
                    "product_id": row.product.external_id if row.product else None, "displays": row.displays,
                    "sales_value": amount(row.sales_value), "sales_units": decimal(row.sales_units),
                    "retail_value": amount(row.retail_value), "industry_value": amount(row.industry_value),
                    "traits": row.traits,
                }
            )
            for row in rows
        ]  # fmt: skip
