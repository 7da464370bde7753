"""Staff pages of segments and of what was computed about people and prices."""

import json
from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm, ValidationError
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display as labelled

from precision.engine.display import NOTHING, figure, joined, link, list_link, money, share, table
from precision.engine.models import Publication
from precision.engine.staff import (
    IndexedSearch,
    ResultAdmin,
    StaffAdmin,
    link_column,
    money_column,
    share_column,
)
from precision.shop.admin import panels, searching
from precision.shop.models import Customer, Product
from segments import builtin, conditions
from segments.methods.price_classes import REASONS
from segments.methods.rfm import GROUPS
from segments.models import CustomerClass, PriceClass, ProductPrice, RfmScore, Segment, SegmentMember

CLASS_LABELS = {PriceClass.A: "success", PriceClass.B: "warning", PriceClass.C: "info"}
GROUP_OF = {group.key: group for group in GROUPS}
EXAMPLE = {"label": "recency_days", "op": "<", "value": 30}
CONDITION_HELP = (
    'Terms like {{"label": "recency_days", "op": "<", "value": 30}}, put together by {{"all": […]}}, '
    '{{"any": […]}} and {{"not": …}}. Comparisons: {}. Labels: {}.'
)


class CustomerResultAdmin(IndexedSearch, ResultAdmin):
    """Rows of a run about customers."""

    list_select_related: Sequence[str] = ("run", "customer")
    search_fields = ["customer__identities__value"]
    search_help_text = "Customer id of the shop, or our number, in full"
    ordering = ["run_id", "customer_id"]
    customer_link = link_column("customer")

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the rows about the customers with this identity or number."""
        return rows.filter(customer_id__in=searching.customer_ids(term))


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
        "why",
        "orders",
        "shown_spend",
        "shown_position",
        "shown_discount",
    ]
    list_display_links = ["shown_class"]
    list_filter = [*ResultAdmin.list_filter, "letter"]
    fieldsets = [
        (None, {"fields": [("customer_link", "shop", "run_link"), "letter", "why"]}),
        (
            "Evidence",
            {
                "fields": [
                    ("orders", "lines", "positioned_lines"),
                    ("shown_spend", "shown_list_value", "shown_saved"),
                    ("shown_position", "buyer_position", "price_spread"),
                    ("shown_discount", "quality_lead", "discount_lead"),
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

    @admin.display(description="price position")
    def shown_position(self, row: CustomerClass) -> str:
        return figure(row.price_position)


class RfmGroupFilter(admin.SimpleListFilter):
    """The groups as the method names them; asking the table for its values would read all of it."""

    title = "group"
    parameter_name = "group"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(group.key, group.name) for group in GROUPS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(group=self.value()) if self.value() else queryset


@admin.register(RfmScore)
class RfmScoreAdmin(CustomerResultAdmin):
    list_display = [
        "customer_link",
        "shown_group",
        "shop",
        "scores",
        "recency_days",
        "frequency",
        "shown_money",
        "run_link",
    ]
    list_display_links = ["shown_group"]
    list_filter = [*ResultAdmin.list_filter, RfmGroupFilter]
    fieldsets = [
        (None, {"fields": [("customer_link", "shop", "run_link"), ("shown_group", "scores"), "action"]}),
        ("Figures", {"fields": [("recency_days", "frequency", "shown_money")]}),
    ]
    shown_money = money_column("money")

    @admin.display(description="group")
    def shown_group(self, row: RfmScore) -> str:
        return GROUP_OF[row.group].name if row.group in GROUP_OF else row.group

    @admin.display(description="what to do")
    def action(self, row: RfmScore) -> str:
        return GROUP_OF[row.group].action if row.group in GROUP_OF else NOTHING

    @admin.display(description="R-F-M")
    def scores(self, row: RfmScore) -> str:
        return f"{row.recency_score}-{row.frequency_score}-{row.money_score}"


class SegmentForm(ModelForm):  # type: ignore[type-arg]
    """A segment whose condition the nightly job will understand."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "condition" in self.fields:
            self.fields["condition"].initial = EXAMPLE
            self.fields["condition"].help_text = format_html(
                CONDITION_HELP, ", ".join(conditions.OPS), ", ".join(sorted(builtin.LABELS))
            )

    def clean_condition(self) -> dict[str, Any]:
        """Return the condition in its normal form; an error names the place in its tree."""
        try:
            condition = conditions.parse(self.cleaned_data["condition"], labels=builtin.LABELS, events=())
        except conditions.ConditionError as error:
            raise ValidationError(f"At {error.path or 'the top'}: {error.message}") from error
        return conditions.as_data(condition)


@admin.register(Segment)
class SegmentAdmin(StaffAdmin):
    form = SegmentForm
    list_display = ["name", "key", "platform", "size", "shown_condition", "builtin", "updated_at"]
    list_filter = ["platform", "builtin"]
    list_select_related = ["platform"]
    search_fields = ["key", "name"]
    ordering = ["platform", "key"]
    fieldsets = [
        (None, {"fields": ["platform", ("name", "key"), "description", "condition"]}),
        ("Members", {"fields": [("size", "members"), "builtin", ("created_at", "updated_at")]}),
    ]
    add_fieldsets = fieldsets[:1]
    prepopulated_fields = {"key": ["name"]}

    def get_readonly_fields(self, request: HttpRequest, obj: Segment | None = None) -> list[str]:
        """Return what cannot be changed: also shop and key of a segment, by which others ask for it."""
        return [
            "size",
            "members",
            "builtin",
            "created_at",
            "updated_at",
            *(["platform", "key"] if obj else []),
        ]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Segment | None = None) -> dict[str, Any]:
        return {} if obj else self.prepopulated_fields

    def has_delete_permission(self, request: HttpRequest, obj: Segment | None = None) -> bool:
        """Whether it may go: a built-in one would come back the next night."""
        return super().has_delete_permission(request, obj) and not (obj and obj.builtin)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Name the segments only: their members go too, and listing those would load them all."""
        kept = [str(each) for each in objs if each.builtin]
        return [f"{each} and its members" for each in objs], {"segments": len(objs)}, set(), kept

    def prepare(self, rows: Sequence[Any]) -> None:
        """Attach the size that the run in force found, one query; null where it did not see the condition."""
        scopes = {row.platform.key for row in rows}
        pointers = Publication.objects.filter(job="segments", scope__in=scopes).select_related("run")
        runs = {pointer.scope: pointer.run for pointer in pointers}
        for row in rows:
            run = runs.get(row.platform.key)
            seen = run is not None and run.started_at >= row.updated_at
            row.run = run
            row.found = run.measures.get("sizes", {}).get(row.key) if run and seen else None

    @admin.display(description="customers")
    def size(self, segment: Any) -> str:
        return "not computed yet" if segment.found is None else f"{segment.found:,}"

    @admin.display(description="condition")
    def shown_condition(self, segment: Segment) -> SafeString:
        text = json.dumps(segment.condition, ensure_ascii=False)
        return format_html('<code title="{}">{}</code>', text, text if len(text) <= 80 else f"{text[:79]}…")

    @admin.display(description="see also")
    def members(self, segment: Segment) -> SafeString | str:
        return list_link(SegmentMember, "members", segment__id__exact=segment.pk)


@admin.register(SegmentMember)
class SegmentMemberAdmin(CustomerResultAdmin):
    list_display = ["customer_link", "segment_link", "shop", "run_link"]
    list_display_links = None  # a row says it all
    list_select_related = ("run", "customer", "segment")
    ordering = ["run_id", "segment_id", "customer_id"]
    fields = ["customer_link", "segment_link", "shop", "run_link"]
    segment_link = link_column("segment")


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
        ["shop", "class", "why", "orders", "spent", "saved by discounts"],
        [
            (
                one.run.scope,
                link(one, one.letter),
                REASONS.get(one.reason, one.reason),
                f"{one.orders:,}",
                money(one.spend),
                share(one.discount_share),
            )
            for one in found
        ],
    )


@panels.panel(panels.CUSTOMER, "recency, frequency, money")
def customer_scores(customer: Customer) -> SafeString | str:
    """Return the RFM scores of the customer at each shop, from the runs in force."""
    found = RfmScore.objects.filter(customer=customer, run__publications__isnull=False).select_related("run")
    return table(
        ["shop", "group", "R-F-M", "days since the last order", "orders", "money"],
        [
            (
                one.run.scope,
                one.group,
                f"{one.recency_score}-{one.frequency_score}-{one.money_score}",
                f"{one.recency_days:,}",
                f"{one.frequency:,}",
                money(one.money),
            )
            for one in found
        ],
    )


@panels.panel(panels.CUSTOMER, "segments")
def customer_segments(customer: Customer) -> SafeString | str:
    """Return the segments that the customer is in, from the runs in force."""
    found = SegmentMember.objects.filter(customer=customer, run__publications__isnull=False)
    return (
        joined(link(one.segment) for one in found.select_related("segment").order_by("segment_id")) or NOTHING
    )
