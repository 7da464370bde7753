"""What `where` of a behaviour term means on a platform: our numbers of the products and stores that count.

A product counts under all its names: those of the product that stands for it. Its category and brand are those of
that product; a category is named by any level of its path, or by the whole path with “ / ”. A value that the
platform does not know is no error: nobody did that yet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import connection

from precision.shop.scopes import Scope
from segments.conditions import Did

_PRODUCTS = """
SELECT own.id FROM precision_shop_product own
LEFT JOIN precision_shop_product same ON same.id = own.same_as_id
LEFT JOIN precision_shop_category category ON category.id = coalesce(same.category_id, own.category_id)
WHERE own.platform_id = ANY(%(platforms)s)
"""
_KINDS: Mapping[str, str] = {
    "product": """ AND coalesce(own.same_as_id, own.id) IN (
        SELECT coalesce(same_as_id, id) FROM precision_shop_product
        WHERE platform_id = ANY(%(platforms)s) AND external_id = %(product)s)""",
    "category": " AND (%(category)s = ANY(category.path) OR array_to_string(category.path, ' / ') = %(category)s)",
    "brand": " AND coalesce(same.brand, own.brand) = %(brand)s",
}
_STORES = (
    "SELECT id FROM precision_shop_store WHERE platform_id = ANY(%(platforms)s) AND external_id = %(store)s"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """What an event must be of to count; None: anything, nothing too."""

    products: frozenset[int] | None = None
    stores: frozenset[int] | None = None
    channel: str | None = None


def resolved(scope: Scope, terms: Sequence[Did]) -> dict[str, Where]:
    """Return what the terms ask for by their keys. Two queries at most for each distinct `where`."""
    known: dict[tuple[tuple[str, str], ...], Where] = {}
    for term in terms:
        if term.where not in known:
            known[term.where] = _where(scope, dict(term.where))
    return {term.key: known[term.where] for term in terms}


def _where(scope: Scope, given: Mapping[str, str]) -> Where:
    asked = [name for name in _KINDS if name in given]
    products = _numbers(scope, _PRODUCTS + "".join(_KINDS[name] for name in asked), given) if asked else None
    stores = _numbers(scope, _STORES, given) if "store" in given else None
    return Where(products=products, stores=stores, channel=given.get("channel"))


def _numbers(scope: Scope, query: str, given: Mapping[str, str]) -> frozenset[int]:
    with connection.cursor() as cursor:
        cursor.execute(query, {**given, "platforms": [platform.pk for platform in scope.platforms]})
        return frozenset(row[0] for row in cursor.fetchall())
