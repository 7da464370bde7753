"""Finding facts by what people know of them, through indexes that lead with the shop."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from precision.shop import identities
from precision.shop.models import Identity, Order, Organisation, Platform, Product

MOST = 1_000
"""Rows of one step that the next step looks up; a person narrows a search that finds more."""


def platform_ids() -> list[int]:
    """Return the ids of all shops: with them, an index that leads with the shop serves a search over all."""
    return list(Platform.objects.order_by().values_list("id", flat=True))


def identity_ids(term: str) -> list[int]:
    """Return the identities whose value is exactly `term`, of any shop and kind; personal ones by their digest."""
    return list(_identities(term).values_list("id", flat=True)[:MOST])


def customer_ids(term: str) -> list[int]:
    """Return the customers who have the identity `term`, and the one whose number with us it is."""
    found = set(_identities(term).values_list("customer_id", flat=True)[:MOST])
    return sorted(found | {number for number in [own_number(term)] if number is not None})


def order_ids(term: str) -> list[int]:
    """Return the orders whose id at the shop is exactly `term`."""
    rows = Order.objects.filter(platform_id__in=platform_ids(), external_id=term)
    return list(rows.order_by().values_list("id", flat=True)[:MOST])


def product_ids(term: str) -> list[int]:
    """Return the products whose id at the shop is exactly `term`."""
    rows = Product.objects.filter(platform_id__in=platform_ids(), external_id=term)
    return list(rows.order_by().values_list("id", flat=True)[:MOST])


def products(term: str) -> QuerySet[Product, Any]:
    """Return the products whose id at the shop is `term` or whose title contains it, not read yet."""
    by_id = Q(platform_id__in=platform_ids(), external_id=term)
    return Product.objects.filter(by_id | Q(title__icontains=term)).order_by().values("id")


def own_number(term: str) -> int | None:
    """Return the typed number, or None for what cannot be a number of a row."""
    return int(term) if term.isascii() and term.isdigit() and len(term) <= 18 else None


def day(term: str) -> tuple[datetime, datetime] | None:
    """Return the day that was typed as YYYY-MM-DD, half-open in UTC, or None."""
    try:
        start = datetime.combine(date.fromisoformat(term), datetime.min.time(), tzinfo=UTC)
    except ValueError:
        return None
    return start, start + timedelta(days=1)


def _identities(term: str) -> QuerySet[Identity]:
    keyed = Organisation.objects.filter(match_key__isnull=False).order_by().values_list("id", flat=True)
    values = {term, *identities.matching(keyed, term)}
    return Identity.objects.filter(
        platform_id__in=platform_ids(), kind__in=Identity.Kind.values, value__in=values
    ).order_by()
