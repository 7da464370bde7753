"""Staff pages of the lists of products, windows and customers."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.safestring import SafeString

from precision.engine.display import NOTHING, figure, table
from precision.engine.staff import IndexedSearch, link_column
from precision.shop.admin import searching
from precision.shop.admin.titles import ON_PAGES, TitledAdmin
from precision.shop.models import Category
from recommender.admin.results import ProductResultAdmin, ranking
from recommender.models import CustomerList, PopularList, ProductList


@admin.register(ProductList)
class ProductListAdmin(ProductResultAdmin):
    list_display = ["product_link", "kind", "shop", "first", "run_link"]
    list_display_links = ["kind"]
    list_filter = [*TitledAdmin.list_filter, "kind"]
    ordering = ["run_id", "kind", "product_id"]
    fieldsets = [(None, {"fields": [("product_link", "kind"), ("shop", "run_link"), "whole"]})]

    @admin.display(description="products")
    def first(self, row: ProductList) -> SafeString | str:
        return self.titles(row, "items")

    @admin.display(description="products")
    def whole(self, row: Any) -> SafeString | str:
        return ranking(row)


@admin.register(PopularList)
class PopularListAdmin(TitledAdmin):
    list_display = ["for_whom", "kind", "days", "shop", "first", "run_link"]
    list_filter = [*TitledAdmin.list_filter, "kind"]
    search_fields = ["=group"]
    search_help_text = "all, category:NUMBER or class:A"
    ordering = ["run_id", "kind", "days", "group"]
    fieldsets = [(None, {"fields": [("for_whom", "kind", "days"), ("shop", "run_link"), "whole"]})]

    def prepare(self, rows: Sequence[Any]) -> None:
        """Attach the names of the categories too, one query more."""
        super().prepare(rows)
        numbers = {row.pk: row.group.removeprefix("category:") for row in rows}
        ids = {int(number) for number in numbers.values() if number.isdigit()}
        categories = Category.objects.in_bulk(ids) if ids else {}
        for row in rows:
            number = numbers[row.pk]
            row.category = categories.get(int(number)) if number.isdigit() else None

    @admin.display(description="best-sellers of")
    def for_whom(self, row: Any) -> str:
        if row.category:
            return str(row.category)
        kind, _, name = row.group.partition(":")
        return f"{kind} {name}" if name else "everyone"

    @admin.display(description="products")
    def first(self, row: PopularList) -> SafeString | str:
        return self.titles(row, "items")

    @admin.display(description="products")
    def whole(self, row: Any) -> SafeString | str:
        return ranking(row)


@admin.register(CustomerList)
class CustomerListAdmin(IndexedSearch, TitledAdmin):
    list_display = ["customer_link", "kind", "shop", "first", "run_link"]
    list_display_links = ["kind"]
    list_filter = [*TitledAdmin.list_filter, "kind"]
    list_select_related = ["run", "customer"]
    search_fields = ["customer__identities__value"]
    search_help_text = "Customer id of the shop, or our number, in full"
    ordering = ["run_id", "kind", "customer_id"]
    product_arrays = ("items", "anchors")
    fieldsets = [(None, {"fields": [("customer_link", "kind"), ("shop", "run_link"), "whole"]})]
    customer_link = link_column("customer")

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the lists of the customers with this identity or number."""
        return rows.filter(customer_id__in=searching.customer_ids(term))

    @admin.display(description="products")
    def first(self, row: CustomerList) -> SafeString | str:
        return self.titles(row, "items")

    @admin.display(description="products")
    def whole(self, row: Any) -> SafeString | str:
        """The items with the method that brought each, and the bought product behind it."""
        lines = list(zip(row.items, row.scores, row.sources, row.anchors, strict=True))[:ON_PAGES]
        return table(
            ["rank", "product", "score", "found by", "because of"],
            [
                (rank, row.product_links[item], figure(score), source, row.product_links.get(anchor, NOTHING))
                for rank, (item, score, source, anchor) in enumerate(lines, start=1)
            ],
        )
