"""Staff pages of people: customers, the identities that point to them, and what a shop told about them."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from precision.engine.display import NOTHING, joined, link, list_link, pretty, table
from precision.engine.staff import IndexedSearch, LargeAdmin, link_column
from precision.shop import identities
from precision.shop.admin import panels, searching
from precision.shop.admin.panels import PanelsAdmin
from precision.shop.admin.privacy import PrivacyActions
from precision.shop.models import Customer, Identity, Order, Profile

SHOWN = 20
"""Rows of other tables that the page of a customer shows."""
HIDDEN = "hidden: needs the right to change profiles"


@admin.register(Customer)
class CustomerAdmin(PrivacyActions, PanelsAdmin, IndexedSearch, LargeAdmin):
    list_display = ["__str__", "organisation", "known_as", "created_at"]
    list_filter = ["organisation"]
    list_select_related = ["organisation"]
    search_fields = ["id"]
    search_help_text = "Customer id or anonymous id of the shop, or our number, in full"
    ordering = ["-id"]
    fieldsets = [(None, {"fields": ["organisation", "created_at", "known_as"]})]
    readonly_fields = ["known_as"]
    panels = panels.CUSTOMER

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the customers with this identity or number."""
        return rows.filter(pk__in=searching.customer_ids(term))

    def prepare(self, rows: Sequence[Any]) -> None:
        """Attach the identities of the rows, one query."""
        found = (
            Identity.objects.filter(customer__in=rows)
            .select_related("platform")
            .order_by("customer_id", "id")
        )
        known = {
            key: list(each) for key, each in groupby(found[: searching.MOST], key=lambda one: one.customer_id)
        }
        for row in rows:
            row.known = known.get(row.pk, [])

    @admin.display(description="known as")
    def known_as(self, customer: Any) -> SafeString | str:
        names = [link(one, f"{one.platform.key}: {identities.shown(one)}") for one in customer.known[:SHOWN]]
        rest = f" +{len(customer.known) - SHOWN}" if len(customer.known) > SHOWN else ""
        return format_html("{}{}", joined(names), rest) if names else NOTHING


@panels.panel(panels.CUSTOMER, "latest orders")
def latest_orders(customer: Any) -> SafeString | str:
    """Return the newest orders of all identities of a customer; an index serves them."""
    orders = Order.objects.filter(identity__in=customer.known).select_related("platform")
    return table(
        ["order", "shop", "placed at", "status"],
        [
            (link(each), each.platform.key, f"{each.placed_at:%Y-%m-%d %H:%M}", each.get_status_display())
            for each in orders.order_by("-placed_at")[:SHOWN]
        ],
    )


@admin.register(Identity)
class IdentityAdmin(IndexedSearch, LargeAdmin):
    list_display = ["shown_value", "kind", "platform", "customer_link", "created_at"]
    list_filter = ["platform", "kind"]
    list_select_related = ["platform", "customer"]
    search_fields = ["value"]
    search_help_text = "Customer id, anonymous id, e-mail address, phone number (+49…) or card, in full"
    ordering = ["-id"]
    fields = ["platform", "kind", "shown_value", "customer_link", "created_at", "pages"]
    customer_link = link_column("customer")

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the identities of this value."""
        return rows.filter(pk__in=searching.identity_ids(term))

    @admin.display(description="value")
    def shown_value(self, identity: Identity) -> str:
        return identities.shown(identity)

    @admin.display(description="see also")
    def pages(self, identity: Identity) -> SafeString | str:
        profile = Profile.objects.filter(identity=identity).first()
        orders = list_link(Order, "orders", identity__id__exact=identity.pk)
        return format_html("{} · {}", orders, link(profile, "profile") if profile else "no profile")


@admin.register(Profile)
class ProfileAdmin(IndexedSearch, LargeAdmin):
    list_display = [
        "customer_id",
        "shop",
        "registered_at",
        "country",
        "city",
        "gender",
        "language",
        "updated_at",
    ]
    list_select_related = ["identity__platform"]
    search_fields = ["identity__value"]
    search_help_text = "Customer id of the shop, in full"
    ordering = ["-id"]
    fieldsets = [
        (None, {"fields": [("who", "shop"), ("registered_at", "updated_at"), "personal_state"]}),
        ("Attributes", {"fields": [("gender", "birth"), ("country", "city"), ("language", "timezone")]}),
        ("Handle with care", {"fields": ["occupation", "education", "shown_income", "shown_marriage"]}),
        ("Others", {"fields": ["shown_traits"]}),
    ]

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the profiles of the identities of this value."""
        return rows.filter(identity_id__in=searching.identity_ids(term))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the profile, knowing whether this person may see its sensitive values."""
        found: Any = super().get_object(request, object_id, from_field)
        if found is not None:
            found.open = request.user.has_perm("precision_shop.change_profile")
        return found

    @admin.display(description="customer id")
    def customer_id(self, profile: Profile) -> str:
        return profile.identity.value

    @admin.display(description="identity")
    def who(self, profile: Profile) -> SafeString | str:
        return link(profile.identity)

    @admin.display(description="shop")
    def shop(self, profile: Profile) -> str:
        return profile.identity.platform.key

    @admin.display(description="name, e-mail, phone, address")
    def personal_state(self, profile: Profile) -> str:
        """Whether they are stored; the ciphertext helps nobody, and the values are not for this page."""
        return "stored, encrypted" if profile.personal else "not given"

    @admin.display(description="birth date")
    def birth(self, profile: Any) -> SafeString | str:
        return _for_the_trusted(profile, f"{profile.birth_date:%Y-%m-%d}" if profile.birth_date else "")

    @admin.display(description="income")
    def shown_income(self, profile: Any) -> SafeString | str:
        return _for_the_trusted(profile, profile.income)

    @admin.display(description="marital status")
    def shown_marriage(self, profile: Any) -> SafeString | str:
        return _for_the_trusted(profile, profile.marital_status)

    @admin.display(description="traits")
    def shown_traits(self, profile: Any) -> SafeString | str:
        """Whatever else the shop sent; it may hold anything, so it is shown to the same few."""
        return _for_the_trusted(profile, pretty(profile.traits) if profile.traits else "")


def _for_the_trusted(profile: Any, value: SafeString | str | None) -> SafeString | str:
    if not value:
        return NOTHING
    return value if profile.open else HIDDEN
