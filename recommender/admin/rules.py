"""Staff pages of association rules and pair counts."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.utils.safestring import SafeString

from precision.engine.display import NOTHING, figure, table
from precision.engine.staff import IndexedSearch, share_column
from precision.shop.admin import searching
from precision.shop.admin.titles import ON_PAGES, TitledAdmin
from recommender.admin.results import ProductResultAdmin
from recommender.models import AssociationRule, PairCount


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
