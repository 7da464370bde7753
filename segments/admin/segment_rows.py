"""Staff pages of who is in segments, who came and went, whom lists name, and how far the log was followed."""

from typing import Any

from django.contrib import admin
from django.contrib.admin import RelatedFieldListFilter, SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from precision.engine.display import link
from precision.engine.staff import IndexedSearch, LargeAdmin, ReadOnlyAdmin, ResultAdmin, link_column
from precision.shop.admin import searching
from segments import masking, visibility
from segments.admin.results import CustomerResultAdmin
from segments.models import Segment, SegmentCursor, SegmentListing, SegmentMember, SegmentSpell


class SegmentFilter(RelatedFieldListFilter):
    """The rows of one segment, named with its shop."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return all segments. One query, of their own table."""
        rows = Segment.objects.select_related("platform", "organisation").order_by("platform__key", "key")
        return [(str(row.pk), f"{row.scope}: {row.name}") for row in rows]


class StillInside(SimpleListFilter):
    """Stays that go on, or that ended."""

    title = "stay"
    parameter_name = "stay"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the two choices."""
        return [("open", "still in it"), ("ended", "left")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the chosen stays, or all."""
        if self.value() not in {"open", "ended"}:
            return queryset
        return queryset.filter(left_at__isnull=self.value() == "open")


class OfSegments:
    """Rows of people in segments, but for those that would tell a label this person may not see."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows that may be shown."""
        rows: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        hidden = visibility.hidden_segments(masking.of_user(request.user))
        return rows.exclude(segment_id__in=hidden) if hidden else rows


class ShopColumn:
    """The shop of the row's segment."""

    @admin.display(description="shop")
    def shop(self, row: Any) -> str:
        return str(row.segment.scope)


@admin.register(SegmentMember)
class SegmentMemberAdmin(OfSegments, CustomerResultAdmin):
    list_display = ["customer_link", "segment_link", "shop", "run_link"]
    list_display_links = None  # a row says it all
    list_filter = [*ResultAdmin.list_filter, ("segment", SegmentFilter)]
    list_select_related = ("run", "customer", "segment")
    ordering = ["run_id", "segment_id", "customer_id"]
    fields = ["customer_link", "segment_link", "shop", "run_link"]
    segment_link = link_column("segment")


@admin.register(SegmentSpell)
class SegmentSpellAdmin(OfSegments, ShopColumn, IndexedSearch, LargeAdmin):
    list_display = ["customer_link", "segment_link", "shop", "entered_at", "left_at"]
    list_display_links = ["entered_at"]
    list_filter = [StillInside, ("segment", SegmentFilter)]
    list_select_related = ("customer", "segment__platform", "segment__organisation")
    search_fields = ["customer__identities__value"]
    search_help_text = "Customer id of the shop, or our number, in full"
    ordering = ["-id"]
    fields = [("customer_link", "segment_link", "shop"), ("entered_at", "left_at"), "position"]
    customer_link = link_column("customer")
    segment_link = link_column("segment")

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the stays of the customers with this identity or number."""
        return rows.filter(customer_id__in=searching.customer_ids(term))


@admin.register(SegmentListing)
class SegmentListingAdmin(ShopColumn, IndexedSearch, LargeAdmin):
    list_display = ["identity_link", "customer", "segment_link", "shop", "added_at"]
    list_display_links = ["added_at"]
    list_filter = [("segment", SegmentFilter)]
    list_select_related = (
        "identity__platform", "identity__customer", "segment__platform", "segment__organisation",
    )  # fmt: skip
    search_fields = ["identity__value"]
    search_help_text = "Customer id of the shop, in full"
    ordering = ["-id"]
    fields = [("identity_link", "customer"), ("segment_link", "shop"), "added_at"]
    segment_link = link_column("segment")
    identity_link = link_column("identity")

    @admin.display(description="customer")
    def customer(self, row: SegmentListing) -> str:
        return link(row.identity.customer)

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the entries that name this identity."""
        return rows.filter(identity_id__in=searching.identity_ids(term))


@admin.register(SegmentCursor)
class SegmentCursorAdmin(ReadOnlyAdmin):
    list_display = ["scope", "position", "updated_at"]
    search_fields = ["scope"]
    ordering = ["scope"]
    fields = ["scope", "position", "updated_at"]
