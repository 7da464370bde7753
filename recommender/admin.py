"""Staff pages of association rules, recommendations, and the thresholds that staff set."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.utils.safestring import SafeString

from precision.engine.display import NOTHING, figure, joined, link, list_link, table
from precision.engine.models import Publication
from precision.engine.staff import IndexedSearch, StaffAdmin, link_column, share_column
from precision.shop.admin import panels, searching
from precision.shop.admin.titles import ON_PAGES, TitledAdmin, product_links
from precision.shop.models import Category, Customer, Product
from recommender.models import (
    AssociationRule,
    CustomerList,
    PairCount,
    PopularList,
    ProductList,
    RuleSettings,
)

IN_PANEL = 10
"""Rows of a result that the page of a product or a customer shows."""


@admin.register(RuleSettings)
class RuleSettingsAdmin(StaffAdmin):
    list_display = [
        "platform",
        "min_count",
        "min_support",
        "min_confidence",
        "min_lift",
        "max_length",
        "window_days",
    ]
    list_select_related = ["platform"]
    search_fields = ["platform__key", "platform__name"]
    fieldsets = [
        (None, {"fields": ["platform"]}),
        ("Thresholds", {"fields": [("min_count", "min_support"), ("min_confidence", "min_lift")]}),
        ("What is counted", {"fields": [("window_days", "max_basket_items", "max_length")]}),
    ]


class ProductResultAdmin(IndexedSearch, TitledAdmin):
    """Rows of a run about one product each."""

    list_select_related = ["run", "product"]
    search_fields = ["product__title"]
    search_help_text = "Product id of the shop in full, or words of the title"
    ordering = ["run_id", "product_id"]
    product_link = link_column("product")

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the rows about the products of this id or with these words in the title."""
        return rows.filter(product_id__in=searching.products(term))


@admin.register(AssociationRule)
class AssociationRuleAdmin(IndexedSearch, TitledAdmin):
    list_display = [
        "bought",
        "also_bought",
        "shop",
        "count",
        "shown_support",
        "shown_confidence",
        "shown_lift",
    ]
    list_display_links = ["count"]
    search_fields = ["antecedent"]
    search_help_text = "Product id of the shop in full, or words of the title"
    ordering = ["run_id", "-lift"]
    product_arrays = ("antecedent", "consequent")
    fieldsets = [
        (None, {"fields": [("bought", "also_bought"), ("shop", "run_link")]}),
        (
            "Measures",
            {"fields": [("count", "shown_support", "shown_confidence"), ("shown_lift", "leverage")]},
        ),
    ]
    shown_confidence = share_column("confidence")

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the rules from or to the products of this id or with these words in the title."""
        ids = list(searching.products(term).values_list("id", flat=True)[: searching.MOST])
        return rows.filter(Q(antecedent__overlap=ids) | Q(consequent__overlap=ids))

    @admin.display(description="who buys")
    def bought(self, rule: AssociationRule) -> SafeString | str:
        return self.titles(rule, "antecedent", " + ")

    @admin.display(description="also buys")
    def also_bought(self, rule: AssociationRule) -> SafeString | str:
        return self.titles(rule, "consequent", " + ")

    @admin.display(description="support")
    def shown_support(self, rule: AssociationRule) -> str:
        return f"{rule.support:.2%}"

    @admin.display(description="lift")
    def shown_lift(self, rule: AssociationRule) -> str:
        return figure(rule.lift, 2)


@admin.register(PairCount)
class PairCountAdmin(ProductResultAdmin):
    list_display = ["product_link", "shop", "baskets", "with_others", "strongest", "run_link"]
    list_display_links = ["baskets"]
    product_arrays = ("strongest_ids",)
    fieldsets = [
        (None, {"fields": [("product_link", "shop", "run_link"), ("baskets", "with_others"), "pairs"]})
    ]

    def prepare(self, rows: Sequence[Any]) -> None:
        """Attach the most frequent partners and their links; the arrays themselves are in no order."""
        for row in rows:
            ranked = sorted(zip(row.counts, row.others, strict=True), reverse=True)[:ON_PAGES]
            row.strongest_counts = [count for count, _ in ranked]
            row.strongest_ids = [other for _, other in ranked]
        super().prepare(rows)

    @admin.display(description="other products")
    def with_others(self, row: PairCount) -> str:
        return f"{len(row.others):,}"

    @admin.display(description="most often with")
    def strongest(self, row: PairCount) -> SafeString | str:
        return self.titles(row, "strongest_ids")

    @admin.display(description="most frequent pairs")
    def pairs(self, row: Any) -> SafeString | str:
        return table(
            ["with", "baskets with both", "confidence"],
            [
                (
                    row.product_links[other],
                    f"{count:,}",
                    f"{count / row.baskets:.1%}" if row.baskets else NOTHING,
                )
                for other, count in zip(row.strongest_ids, row.strongest_counts, strict=True)
            ],
        )


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
        return _ranking(row)


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
        return _ranking(row)


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


@panels.panel(panels.PRODUCT, "bought together")
def product_rules(product: Product) -> SafeString | str:
    """Return the strongest rules from the product, of the runs in force; an index serves it."""
    rules = AssociationRule.objects.filter(run_id__in=_in_force("rules"), antecedent__contains=[product.pk])
    found = list(rules.order_by("-lift")[:IN_PANEL])
    links = product_links(number for rule in found for number in rule.consequent)
    rows = [
        (
            joined((links[number] for number in rule.consequent), " + "),
            link(rule, f"{rule.count:,}"),
            f"{rule.confidence:.1%}",
            figure(rule.lift, 2),
        )
        for rule in found
    ]
    return table(["also bought", "baskets", "confidence", "lift"], rows)


@panels.panel(panels.PRODUCT, "lists")
def product_lists(product: Product) -> SafeString | str:
    """Return the first products of each list of the product, from the runs in force."""
    found = list(ProductList.objects.filter(product=product, run__publications__isnull=False))
    links = product_links(number for each in found for number in each.items[:IN_PANEL])
    rows = [
        (
            link(each, each.get_kind_display()),
            joined(links[number] for number in each.items[:IN_PANEL]),
        )
        for each in found
    ]
    pairs = list_link(PairCount, "pair counts", product__id__exact=product.pk)
    return joined([table(["list", "products"], rows), pairs], "")


@panels.panel(panels.CUSTOMER, "recommended")
def customer_lists(customer: Customer) -> SafeString | str:
    """Return the first products of each list of the customer, from the runs in force."""
    lists = CustomerList.objects.filter(customer=customer, run__publications__isnull=False)
    found = list(lists.select_related("run"))
    links = product_links(number for each in found for number in each.items[:IN_PANEL])
    return table(
        ["shop", "list", "products"],
        [
            (
                each.run.scope,
                link(each, each.get_kind_display()),
                joined(links[number] for number in each.items[:IN_PANEL]),
            )
            for each in found
        ],
    )


def _ranking(row: Any) -> SafeString | str:
    """Return the items of a list with their scores, best first."""
    lines = list(zip(row.items, row.scores, strict=True))[:ON_PAGES]
    return table(
        ["rank", "product", "score"],
        [(rank, row.product_links[item], figure(score)) for rank, (item, score) in enumerate(lines, start=1)],
    )


def _in_force(job: str) -> list[int]:
    return list(Publication.objects.filter(job=job).values_list("run_id", flat=True))
