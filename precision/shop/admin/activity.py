"""Staff pages of what happened: orders with their lines, and events."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import BigIntegerField, Count, ExpressionWrapper, F, Model, QuerySet, Sum
from django.http import HttpRequest
from django.urls import reverse
from unfold.admin import TabularInline
from unfold.decorators import display as labelled

from precision.engine.display import NOTHING, link, money
from precision.engine.staff import IndexedSearch, LargeAdmin, link_column, money_column, pretty_column
from precision.shop.admin import searching
from precision.shop.fields import MoneyField, QuantityField
from precision.shop.models import Event, Order, OrderLine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Stored whole numbers multiply to 1/10,000,000 of a currency unit.
AMOUNT = ExpressionWrapper(F("quantity") * F("unit_price"), output_field=BigIntegerField())
AMOUNT_PARTS = QuantityField.parts * MoneyField.parts
STATUS_LABELS = {
    Order.Status.PLACED: "info",
    Order.Status.PAID: "info",
    Order.Status.SHIPPED: "info",
    Order.Status.COMPLETED: "success",
    Order.Status.CANCELLED: "danger",
    Order.Status.RETURNED: "warning",
}


class LineInline(TabularInline):  # type: ignore[misc]
    """The lines of an order, a hundred at a time: bulk orders have thousands."""

    model = OrderLine
    fields = ["product_link", "quantity", "shown_unit_price", "shown_list_price", "amount"]
    readonly_fields = fields
    per_page = 100
    extra = max_num = 0
    can_delete = False
    hide_title = True
    ordering = ["id"]
    product_link = link_column("product")
    shown_unit_price = money_column("unit_price")
    shown_list_price = money_column("list_price")

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrderLine]:
        rows: QuerySet[OrderLine] = super().get_queryset(request)
        return rows.select_related("product")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="amount")
    def amount(self, line: OrderLine) -> str:
        return money(line.quantity * line.unit_price)


@admin.register(Order)
class OrderAdmin(IndexedSearch, LargeAdmin):
    list_display = [
        "external_id",
        "platform",
        "placed_at",
        "identity_link",
        "state",
        "line_count",
        "total",
        "channel",
        "store",
    ]
    list_filter = ["platform", "status"]
    list_select_related = ["platform", "identity", "store"]
    search_fields = ["external_id"]
    search_help_text = "Order id or customer id in full, or a day like 2026-11-30"
    ordering = ["-id"]
    shop_ordering = ["-placed_at", "-id"]
    inlines = [LineInline]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("external_id", "platform", "status"),
                    ("placed_at", "received_at"),
                    "identity_link",
                ]
            },
        ),
        ("Sum", {"fields": [("line_count", "total", "currency")]}),
        ("How", {"fields": [("channel", "store"), ("coupon", "payment_method"), "shown_context"]}),
    ]
    shown_context = pretty_column("context")

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the orders of a day, of this id, or of the customers with this id."""
        if day := searching.day(term):
            return rows.filter(
                platform_id__in=searching.platform_ids(), placed_at__gte=day[0], placed_at__lt=day[1]
            )
        if orders := searching.order_ids(term):
            return rows.filter(pk__in=orders)
        return rows.filter(identity_id__in=searching.identity_ids(term))

    def prepare(self, rows: Sequence[Any]) -> None:
        """Attach number and sum of the lines, one query; the index on the order serves it."""
        sums = OrderLine.objects.filter(order__in=rows).order_by().values("order_id")
        found = {each["order_id"]: each for each in sums.annotate(lines=Count("id"), e7=Sum(AMOUNT))}
        for row in rows:
            row.sums = found.get(row.pk)

    @admin.display(description="customer", empty_value="guest")
    def identity_link(self, order: Order) -> str | None:
        return link(order.identity, order.identity.value) if order.identity else None

    @labelled(description="status", label=STATUS_LABELS)  # type: ignore[untyped-decorator]
    def state(self, order: Order) -> tuple[str, str]:
        return order.status, order.get_status_display()

    @admin.display(description="lines")
    def line_count(self, order: Any) -> str:
        return f"{order.sums['lines']:,}" if order.sums else "0"

    @admin.display(description="total")
    def total(self, order: Any) -> str:
        return (
            money(round(Decimal(order.sums["e7"]) / AMOUNT_PARTS, 2), order.currency)
            if order.sums
            else NOTHING
        )


@admin.register(OrderLine)
class OrderLineAdmin(IndexedSearch, LargeAdmin):
    list_display = ["id", "order_link", "product_link", "quantity", "shown_unit_price", "shown_list_price"]
    list_select_related = ["order", "product"]
    search_fields = ["order__external_id"]
    search_help_text = "Order id or product id, in full"
    ordering = ["-id"]
    fields = ["order_link", "product_link", "quantity", "shown_unit_price", "shown_list_price"]
    order_link = link_column("order")
    product_link = link_column("product")
    shown_unit_price = money_column("unit_price")
    shown_list_price = money_column("list_price")

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the lines of the orders with this id, else of the products with this id."""
        if orders := searching.order_ids(term):
            return rows.filter(order_id__in=orders)
        return rows.filter(product_id__in=searching.product_ids(term))


@admin.register(Event)
class EventAdmin(IndexedSearch, LargeAdmin):
    """Events have no index on their number alone: an address names shop and time too, which have one."""

    list_display = ["at", "platform", "name", "identity_link", "product_link", "channel", "session", "query"]
    list_filter = ["platform"]
    list_select_related = ["platform", "identity", "product"]
    search_fields = ["name"]
    search_help_text = "Customer id in full, a day like 2026-11-30, or the name of an event"
    ordering = ["-platform_id", "-at"]
    shop_ordering = ["-at"]
    fieldsets = [
        (None, {"fields": [("name", "platform"), ("at", "received_at"), ("identity_link", "session")]}),
        ("What", {"fields": ["product_link", "query", "recommendation", "shown_properties"]}),
        ("How", {"fields": [("channel", "store", "duration_s")]}),
    ]
    identity_link = link_column("identity", "customer")
    product_link = link_column("product")
    shown_properties = pretty_column("properties")

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the events of a day, of the customers with this id, or of this name."""
        if day := searching.day(term):
            return rows.filter(platform_id__in=searching.platform_ids(), at__gte=day[0], at__lt=day[1])
        if identities := searching.identity_ids(term):
            return rows.filter(identity_id__in=identities)
        return rows.filter(name=term)

    def page_of(self, row: Any) -> str:
        """Return an address from which the index on shop and time finds the event."""
        microseconds = (row.at - EPOCH) // timedelta(microseconds=1)
        return reverse(
            "admin:precision_shop_event_change", args=[f"{row.platform_id}.{microseconds}.{row.pk}"]
        )

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model | None:
        """Return the event of an address as `page_of` writes it, or None."""
        parts = object_id.split(".")
        numbers = [searching.own_number(part.removeprefix("-")) for part in parts]
        if len(parts) != 3 or None in numbers:
            return None
        platform, microseconds, number = (int(part) for part in parts)
        try:
            at = EPOCH + timedelta(microseconds=microseconds)
        except OverflowError:
            return None
        rows: QuerySet[Event] = self.get_queryset(request)
        return rows.filter(platform_id=platform, at=at, pk=number).first()
