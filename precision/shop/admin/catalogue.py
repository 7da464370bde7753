"""Staff pages of what a shop sells, and of names that mean the same product."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.forms import ModelForm, ValidationError
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display as labelled

from precision.engine.display import joined, list_link, money
from precision.engine.staff import IndexedSearch, ReadOnlyAdmin, StaffAdmin, link_column, pretty_column
from precision.shop import aliases
from precision.shop.admin import panels, searching
from precision.shop.admin.panels import PanelsAdmin
from precision.shop.models import Category, OrderLine, Product, ProductAlias

MOST_DECISIONS = 500
"""Pairs that one action decides on; each is a change of its own."""


@admin.register(Category)
class CategoryAdmin(IndexedSearch, ReadOnlyAdmin):
    list_display = ["__str__", "platform", "derived", "pages"]
    list_filter = ["platform", "derived"]
    list_select_related = ["platform"]
    search_fields = ["path"]
    search_help_text = "A part of its name"
    ordering = ["platform", "path"]
    fields = ["platform", "path", "derived", "pages"]

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the categories whose path contains the words."""
        found: QuerySet[Any] = rows.annotate(words=Cast("path", TextField())).filter(words__icontains=term)
        return found

    @admin.display(description="see also")
    def pages(self, category: Category) -> SafeString | str:
        return list_link(Product, "products", category__id__exact=category.pk)


@admin.register(Product)
class ProductAdmin(PanelsAdmin, IndexedSearch, StaffAdmin):
    list_display = [
        "title",
        "external_id",
        "platform",
        "category",
        "brand",
        "shown_price",
        "in_stock",
        "active",
        "listed",
    ]
    list_filter = ["platform", "active", "in_stock", "listed", "repeatable"]
    list_select_related = ["platform", "category"]
    search_fields = ["external_id", "title"]
    search_help_text = "Product id of the shop in full, or words of the title"
    ordering = ["platform_id", "external_id"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("title", "external_id"),
                    ("platform", "category", "brand"),
                    "same_as_link",
                    "aliases",
                ]
            },
        ),
        ("Price", {"fields": [("shown_price", "shown_list_price", "shown_cost")]}),
        (
            "Shown to customers",
            {
                "fields": [("active", "in_stock", "listed"), "repeatable", "labels"],
                "description": "The shop's next message about this product may replace what is set here.",
            },
        ),
        ("More", {"fields": ["url", "image_url", "shown_traits", "updated_at", "pages"]}),
    ]
    panels = panels.PRODUCT
    same_as_link = link_column("same_as", "counted as")
    shown_traits = pretty_column("traits")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Return what only the shop writes."""
        return [
            *super().get_readonly_fields(request, obj),
            "title",
            "external_id",
            "platform",
            "category",
            "brand",
            "same_as_link",
            "aliases",
            "shown_price",
            "shown_list_price",
            "shown_cost",
            "in_stock",
            "listed",
            "url",
            "image_url",
            "shown_traits",
            "updated_at",
            "pages",
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the products of this id or with these words in the title."""
        return rows.filter(pk__in=searching.products(term))

    @admin.display(description="price", ordering="price")
    def shown_price(self, product: Product) -> str:
        return money(product.price, product.currency)

    @admin.display(description="list price")
    def shown_list_price(self, product: Product) -> str:
        return money(product.list_price, product.currency)

    @admin.display(description="cost")
    def shown_cost(self, product: Product) -> str:
        return money(product.cost, product.currency)

    @admin.display(description="see also")
    def pages(self, product: Product) -> SafeString | str:
        return joined(
            [
                list_link(OrderLine, "order lines", product__id__exact=product.pk),
                list_link(ProductAlias, "aliases", product__id__exact=product.pk),
                list_link(ProductAlias, "aliases the other way", other__id__exact=product.pk),
            ]
        )


class AliasForm(ModelForm):  # type: ignore[type-arg]
    """A pair named by hand."""

    def clean(self) -> dict[str, Any]:
        """Return the values; products of two organisations are refused, nothing joins those."""
        data = super().clean() or {}
        product, other = data.get("product"), data.get("other")
        if product and other and product.platform.organisation_id != other.platform.organisation_id:
            raise ValidationError(
                "These products belong to shops of two organisations; they are never joined."
            )
        return data


@admin.register(ProductAlias)
class ProductAliasAdmin(IndexedSearch, StaffAdmin):
    form = AliasForm
    list_display = [
        "id",
        "product_link",
        "shop",
        "other_link",
        "other_shop",
        "state",
        "method",
        "score",
        "decided_by",
    ]
    list_filter = ["status", "method", "product__platform"]
    list_select_related = ["product__platform", "other__platform", "decided_by"]
    search_fields = ["product__title", "other__title"]
    search_help_text = "Product id of the shop in full, or words of either title"
    ordering = ["-id"]
    fieldsets = [
        (None, {"fields": ["product", "other"]}),
        ("How it was found", {"fields": [("method", "score"), "shown_evidence", "created_at"]}),
        ("Decision", {"fields": [("status", "decided_by", "decided_at")]}),
    ]
    add_fieldsets = fieldsets[:1]
    autocomplete_fields = ["product", "other"]
    actions = ["accept", "refuse"]
    product_link = link_column("product")
    other_link = link_column("other", "is, or may be, the same as")
    shown_evidence = pretty_column("evidence")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Return all fields of an existing pair: decisions are actions, so that the join follows."""
        fixed = ["method", "score", "shown_evidence", "created_at", "status", "decided_by", "decided_at"]
        return [*fixed, "product", "other"] if obj else fixed

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """False: a deleted pair would be suggested again; refuse it."""
        return False

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the pairs of which either product has this id or these words in its title."""
        found = searching.products(term)
        return rows.filter(Q(product__in=found) | Q(other__in=found))

    def save_model(self, request: HttpRequest, obj: ProductAlias, form: Any, change: bool) -> None:
        """Save a pair; one named by hand says so."""
        obj.method = obj.method or "staff"
        super().save_model(request, obj, form, change)

    @labelled(  # type: ignore[untyped-decorator]
        description="status",
        ordering="status",
        label={
            ProductAlias.Status.SUGGESTED: "info",
            ProductAlias.Status.ACCEPTED: "success",
            ProductAlias.Status.REFUSED: "danger",
        },
    )
    def state(self, alias: ProductAlias) -> tuple[str, str]:
        return alias.status, alias.get_status_display()

    @admin.display(description="shop")
    def shop(self, alias: ProductAlias) -> str:
        return alias.product.platform.key

    @admin.display(description="shop")
    def other_shop(self, alias: ProductAlias) -> str:
        return alias.other.platform.key

    @admin.action(description="Accept: they are the same product", permissions=["change"])
    def accept(self, request: HttpRequest, queryset: QuerySet[ProductAlias]) -> None:
        self._decide(request, queryset, aliases.accept, "accepted")

    @admin.action(description="Refuse: they are two products", permissions=["change"])
    def refuse(self, request: HttpRequest, queryset: QuerySet[ProductAlias]) -> None:
        self._decide(request, queryset, aliases.refuse, "refused")

    def _decide(self, request: HttpRequest, queryset: QuerySet[ProductAlias], decide: Any, word: str) -> None:
        chosen = list(queryset[: MOST_DECISIONS + 1])
        if len(chosen) > MOST_DECISIONS:
            messages.error(request, f"Choose at most {MOST_DECISIONS} pairs at a time; nothing was {word}.")
            return
        for alias in chosen:
            decide(alias, by=request.user)
            self.log_change(request, alias, f"{word.capitalize()}.")
        messages.success(request, f"{len(chosen)} {'pair' if len(chosen) == 1 else 'pairs'} {word}.")
