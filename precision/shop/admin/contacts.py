"""Staff pages of what was shown and sent to whom, and what came of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from precision.engine.display import NOTHING, link, table
from precision.engine.staff import IndexedSearch, LargeAdmin, link_column, pretty_column
from precision.shop.admin import searching
from precision.shop.models import Assignment, Exposure, Product, Response, Send

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SHOWN = 100
"""Items of an exposure that its page shows."""


class ContactAdmin(IndexedSearch, LargeAdmin):
    """What the pages have in common: found by customer id or by campaign."""

    list_filter = ["platform"]
    list_select_related = ["platform", "identity"]
    search_fields = ["campaign"]
    search_help_text = "Customer id or campaign id, in full"
    ordering = ["-id"]
    identity_link = link_column("identity", "customer")

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the rows of the customers with this id, else of this campaign."""
        if identities := searching.identity_ids(term):
            return rows.filter(identity_id__in=identities)
        return rows.filter(platform_id__in=searching.platform_ids(), campaign=term)


@admin.register(Assignment)
class AssignmentAdmin(ContactAdmin):
    list_display = ["campaign", "platform", "identity_link", "arm", "at"]
    shop_ordering = ["campaign", "identity"]
    fields = [("campaign", "platform"), "identity_link", ("arm", "at")]


@admin.register(Send)
class SendAdmin(ContactAdmin):
    list_display = ["campaign", "step", "platform", "identity_link", "channel", "at", "status"]
    shop_ordering = ["campaign", "step", "identity"]
    fields = [
        ("campaign", "step", "platform"), "identity_link", ("channel", "at", "status"), "shown_properties",
    ]  # fmt: skip
    shown_properties = pretty_column("properties")


@admin.register(Response)
class ResponseAdmin(ContactAdmin):
    list_display = ["kind", "platform", "identity_link", "campaign", "recommendation", "product_link", "at"]
    list_select_related = ["platform", "identity", "product"]
    search_help_text = "Customer id, recommendation id or campaign id, in full"
    shop_ordering = ["-campaign", "-at"]
    fields = [
        ("kind", "platform", "at"), "identity_link", ("campaign", "recommendation"), ("slot", "rank"),
        "product_link", "shown_properties",
    ]  # fmt: skip
    product_link = link_column("product")
    shown_properties = pretty_column("properties")

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the responses of the customers with this id, to this recommendation, or to this campaign."""
        answers = rows.filter(recommendation=term)
        if not searching.identity_ids(term) and answers.exists():
            return answers
        return super().find(rows, term)


@admin.register(Exposure)
class ExposureAdmin(IndexedSearch, LargeAdmin):
    """Exposures have no index on their number alone: an address names shop and time too, which have one."""

    list_display = ["at", "platform", "page", "identity_link", "item_count", "experiment", "arm"]
    list_filter = ["platform"]
    list_select_related = ["platform", "identity"]
    search_fields = ["recommendation"]
    search_help_text = "Customer id or recommendation id in full, or a day like 2026-11-30"
    ordering = ["-platform_id", "-at"]
    shop_ordering = ["-at"]
    fields = [
        ("recommendation", "platform"), ("at", "page"), "identity_link", ("experiment", "arm"), "run", "items",
    ]  # fmt: skip
    identity_link = link_column("identity", "customer")

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the exposures of a day, to the customers with this id, or of this recommendation."""
        platforms = searching.platform_ids()
        if day := searching.day(term):
            return rows.filter(platform_id__in=platforms, at__gte=day[0], at__lt=day[1])
        if identities := searching.identity_ids(term):
            return rows.filter(identity_id__in=identities)
        return rows.filter(platform_id__in=platforms, recommendation=term)

    def page_of(self, row: Any) -> str:
        """Return an address from which the index on shop and time finds the exposure."""
        microseconds = (row.at - EPOCH) // timedelta(microseconds=1)
        return reverse(
            "admin:precision_shop_exposure_change", args=[f"{row.platform_id}.{microseconds}.{row.pk}"]
        )

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model | None:
        """Return the exposure of an address as `page_of` writes it, or None."""
        parts = object_id.split(".")
        numbers = [searching.own_number(part.removeprefix("-")) for part in parts]
        if len(parts) != 3 or None in numbers:
            return None
        platform, microseconds, number = (int(part) for part in parts)
        try:
            at = EPOCH + timedelta(microseconds=microseconds)
        except OverflowError:
            return None
        rows: QuerySet[Exposure] = self.get_queryset(request)
        return rows.filter(platform_id=platform, at=at, pk=number).first()

    @admin.display(description="items")
    def item_count(self, exposure: Exposure) -> str:
        return f"{len(exposure.products):,}"

    @admin.display(description="items")
    def items(self, exposure: Exposure) -> SafeString | str:
        columns = (exposure.slots, exposure.ranks, exposure.products, exposure.sources, exposure.propensities)
        rows = list(zip(*columns, strict=True))[:SHOWN]
        products = Product.objects.in_bulk({row[2] for row in rows})
        return table(
            ["slot", "rank", "product", "source", "propensity"],
            [
                (slot or NOTHING, rank, link(products.get(number)) if number in products else NOTHING,
                 source or NOTHING, NOTHING if share is None else f"{share:.3f}")
                for slot, rank, number, source, share in rows
            ],
        )  # fmt: skip
