"""What the caller wants to see only."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from precision.shop.models import Platform
from recommender.serving import catalogue
from recommender.serving.catalogue import Fact
from recommender.serving.removals import Removal


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What the caller wants to see only."""

    categories: frozenset[int] | None = None
    """Ids; None: any."""
    brands: frozenset[str] = frozenset()
    """Empty: any."""
    price_min: Decimal | None = None
    price_max: Decimal | None = None

    def refuse(self, fact: Fact) -> Removal | None:
        """Return the filter a product fails, or None; one whose price is unknown fails every price limit."""
        if self.categories is not None and fact.category not in self.categories:
            return Removal.CATEGORY
        if self.brands and fact.brand not in self.brands:
            return Removal.BRAND
        if self.price_min is None and self.price_max is None:
            return None
        price = fact.level
        fits = (
            price is not None
            and (self.price_min is None or price >= self.price_min)
            and (self.price_max is None or price <= self.price_max)
        )
        return None if fits else Removal.PRICE


ANY = Filters()


def read(platform: Platform, given: dict[str, Any]) -> Filters:
    """Return the `filter.…` parameters as filters. At most one query."""
    names = given["category"]
    if not (names or given["brand"] or given["price_min"] is not None or given["price_max"] is not None):
        return ANY
    return Filters(
        categories=frozenset(catalogue.categories_named(platform, names)) if names else None,
        brands=frozenset(given["brand"]),
        price_min=given["price_min"],
        price_max=given["price_max"],
    )
