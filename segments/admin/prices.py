"""Staff pages of usual prices and price classes."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.safestring import SafeString
from unfold.decorators import display as labelled

from precision.engine.display import NOTHING, figure, link, money, pretty, share, table
from precision.engine.staff import (
    IndexedSearch,
    ResultAdmin,
    link_column,
    money_column,
    share_column,
)
from precision.shop.admin import panels, searching
from precision.shop.models import Customer, Product
from segments.admin.results import CustomerResultAdmin
from segments.methods.price_classes import LETTERS, REASONS
from segments.models import CustomerClass, PriceClass, ProductPrice

CLASS_LABELS = {PriceClass.A: "success", PriceClass.B: "warning", PriceClass.C: "info"}


@admin.register(ProductPrice)
class ProductPriceAdmin(IndexedSearch, ResultAdmin):
    list_display = [
        "product_link",
        "shop",
        "shown_price",
        "shown_position",
        "shown_discount",
        "lines",
        "run_link",
    ]
    list_select_related = ["run", "product"]
    search_fields = ["product__title"]
    search_help_text = "Product id of the shop in full, or words of the title"
    ordering = ["run_id", "product_id"]
    list_display_links = ["shown_price"]
    fieldsets = [
        (None, {"fields": [("product_link", "shop", "run_link")]}),
        ("Figures", {"fields": [("shown_price", "shown_position", "shown_discount", "lines")]}),
    ]
    product_link = link_column("product")
    shown_price = money_column("usual_price")
    shown_discount = share_column("discount_share")

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the rows about the products of this id or with these words in the title."""
        return rows.filter(product_id__in=searching.products(term))

    @admin.display(description="price position")
    def shown_position(self, price: ProductPrice) -> str:
        return figure(price.price_position)


@admin.register(CustomerClass)
class CustomerClassAdmin(CustomerResultAdmin):
    list_display = [
        "customer_link",
        "shown_class",
        "shop",
        "shown_confidence",
        "why",
        "orders",
        "shown_spend",
        "shown_position",
        "shown_discount",
    ]
    list_display_links = ["shown_class"]
    list_filter = [*ResultAdmin.list_filter, "letter"]
    fieldsets = [
        (None, {"fields": [("customer_link", "shop", "run_link"), "letter", "why", "shown_probabilities"]}),
        (
            "Evidence",
            {
                "fields": [
                    ("orders", "lines", "positioned_lines"),
                    ("shown_spend", "shown_list_value", "shown_saved"),
                    ("shown_position", "buyer_position", "price_spread"),
                    ("shown_discount", "quality_lead", "discount_lead"),
                    "shown_tests",
                ]
            },
        ),
    ]
    shown_spend = money_column("spend")
    shown_saved = money_column("saved")
    shown_list_value = money_column("list_value")
    shown_discount = share_column("discount_share")

    @labelled(description="class", label=CLASS_LABELS)  # type: ignore[untyped-decorator]
    def shown_class(self, row: CustomerClass) -> tuple[str, str]:
        return row.letter, row.letter

    @admin.display(description="why")
    def why(self, row: CustomerClass) -> str:
        return REASONS.get(row.reason, row.reason)

    @admin.display(description="sure")
    def shown_confidence(self, row: CustomerClass) -> str:
        return share(row.confidence)

    @admin.display(description="probabilities")
    def shown_probabilities(self, row: CustomerClass) -> str:
        chances = (row.probability_a, row.probability_b, row.probability_c)
        if row.confidence is None:
            return NOTHING
        return ", ".join(f"{letter} {share(chance)}" for letter, chance in zip(LETTERS, chances, strict=True))

    @admin.display(description="price tests: trials, answers")
    def shown_tests(self, row: CustomerClass) -> SafeString | str:
        return pretty(row.tests)

    @admin.display(description="price position")
    def shown_position(self, row: CustomerClass) -> str:
        return figure(row.price_position)


@panels.panel(panels.PRODUCT, "usual price")
def product_prices(product: Product) -> SafeString | str:
    """Return where the product's price stands, from the run in force."""
    found = ProductPrice.objects.filter(product=product, run__publications__isnull=False)[:1]
    return table(
        ["usual price", "position in its category", "saved by discounts", "order lines"],
        [
            (money(one.usual_price), figure(one.price_position), share(one.discount_share), f"{one.lines:,}")
            for one in found
        ],
    )


@panels.panel(panels.CUSTOMER, "price class")
def customer_classes(customer: Customer) -> SafeString | str:
    """Return the class of the customer at each shop, from the runs in force."""
    found = CustomerClass.objects.filter(customer=customer, run__publications__isnull=False).select_related(
        "run"
    )
    return table(
        ["shop", "class", "sure", "why", "orders", "spent", "saved by discounts"],
        [
            (
                one.run.scope,
                link(one, one.letter),
                share(one.confidence),
                REASONS.get(one.reason, one.reason),
                f"{one.orders:,}",
                money(one.spend),
                share(one.discount_share),
            )
            for one in found
        ],
    )
