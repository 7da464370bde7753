"""What the answers need to know of products: a small cache that follows stock and price within a second."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import F, FilteredRelation, Q, QuerySet
from django.db.models.functions import Coalesce

from precision.shop.api.freshness import Cache
from precision.shop.models import Category, Platform, Product


@dataclass(frozen=True, slots=True)
class Fact:
    """A product as it is shown, and what decides whether it may be."""

    id: int
    external_id: str
    title: str
    price: Decimal | None
    currency: str
    url: str
    image_url: str
    brand: str
    category: int | None
    sellable: bool
    """Active, listed, in stock, and no alias of another product."""
    repeatable: bool | None
    price_position: float | None
    """0 the cheapest of its category, 1 the dearest; None: never sold at a price, or not computed yet."""
    discount_share: float | None
    usual_price: Decimal | None

    @property
    def level(self) -> Decimal | None:
        """The price to compare with: today's, or the usual one where the shop gives none."""
        return self.price if self.price is not None else self.usual_price


_facts: Cache[tuple[int, int, int], Fact] = Cache(seconds=1.0, most=200_000)
_categories: Cache[int, dict[int, tuple[str, ...]]] = Cache(seconds=1.0, most=1_000)

SELLABLE = Q(active=True, listed=True, in_stock=True, same_as__isnull=True)
LEVEL = Coalesce(F("price"), F("figures__usual_price"))
COLUMNS = (
    "id", "external_id", "title", "price", "currency", "url", "image_url", "brand", "category_id", "active",
    "listed", "in_stock", "same_as_id", "repeatable", "figures__price_position", "figures__discount_share",
    "figures__usual_price",
)  # fmt: skip


def facts(platform: Platform, products: Iterable[int], *, price_run: int | None) -> dict[int, Fact]:
    """Return the facts of products by id; ids the platform does not have are left out. At most one query."""
    run = price_run or 0
    keys = [(platform.pk, run, product) for product in dict.fromkeys(products)]

    def load(missing: list[tuple[int, int, int]]) -> dict[tuple[int, int, int], Fact]:
        rows = _with_figures(platform, run).filter(id__in=[product for _, _, product in missing])
        return {(platform.pk, run, fact.id): fact for fact in _read(rows, platform)}

    return {fact.id: fact for fact in _facts.get_many(keys, load).values()}


def shelf(
    platform: Platform,
    *,
    price_run: int | None,
    without: Collection[int],
    category: Collection[int] | None,
    brand: Collection[str],
    price_min: Decimal | None,
    price_max: Decimal | None,
    most: int,
) -> list[Fact]:
    """Return sellable products, best sold first, whether or not anything was computed yet. One query.

    `category` None means any; `brand` empty means any.
    """
    rows = _with_figures(platform, price_run or 0).filter(SELLABLE).exclude(id__in=list(without))
    rows = rows.annotate(level=LEVEL)
    if category is not None:
        rows = rows.filter(category_id__in=list(category))
    if brand:
        rows = rows.filter(brand__in=list(brand))
    if price_min is not None:
        rows = rows.filter(level__gte=price_min)
    if price_max is not None:
        rows = rows.filter(level__lte=price_max)
    return _read(rows.order_by(F("figures__lines").desc(nulls_last=True), "id")[:most], platform)


def steps_up(
    platform: Platform, anchor: Fact, *, price_run: int | None, most_times: Decimal, most: int
) -> list[Fact]:
    """Return sellable products of the anchor's category that stand higher in price, best sold first.

    Higher: a greater price position, and dearer by up to `most_times` the anchor's price. Nothing when the
    anchor's price, position or category is unknown. One query.
    """
    if anchor.level is None or anchor.price_position is None or anchor.category is None:
        return []
    higher = {
        "figures__price_position__gt": anchor.price_position,
        "level__gt": anchor.level,
        "level__lte": anchor.level * most_times,
    }
    rows = (
        _with_figures(platform, price_run or 0)
        .annotate(level=LEVEL)
        .filter(SELLABLE, category_id=anchor.category, **higher)
        .exclude(id=anchor.id)
    )
    return _read(rows.order_by(F("figures__lines").desc(nulls_last=True), "id")[:most], platform)


def category_paths(platform: Platform) -> dict[int, tuple[str, ...]]:
    """Return the path of each category of the platform by id. At most one query."""
    return _categories.get(
        platform.pk,
        lambda: {
            key: tuple(path)
            for key, path in Category.objects.filter(platform=platform).values_list("id", "path")
        },
    )


def categories_named(platform: Platform, names: Collection[str]) -> set[int]:
    """Return the ids of categories on whose path one of `names` stands, alone or as the path from the root.

    Large and small letters count as the same. At most one query.
    """
    wanted = {name.strip().casefold() for name in names}
    found = set()
    for key, path in category_paths(platform).items():
        levels = [level.casefold() for level in path]
        starts = {" / ".join(levels[:depth]) for depth in range(1, len(levels) + 1)}
        if wanted & (starts | set(levels)):
            found.add(key)
    return found


def _with_figures(platform: Platform, run: int) -> QuerySet[Product]:
    """Return the platform's products beside their prices of one run (LEFT JOIN)."""
    return Product.objects.filter(platform=platform).annotate(
        figures=FilteredRelation("prices", condition=Q(prices__run_id=run))
    )


def _read(rows: QuerySet[Product], platform: Platform) -> list[Fact]:
    """Return the rows as facts."""
    return [_fact(row, platform.currency) for row in rows.values_list(*COLUMNS)]


def _fact(row: tuple[Any, ...], default_currency: str) -> Fact:
    """Return one row of COLUMNS as a fact."""
    (key, external, title, price, currency, url, image, brand, category, active, listed, in_stock, same_as,
     repeatable, position, discount, usual) = row  # fmt: skip
    return Fact(
        id=key,
        external_id=external,
        title=title,
        price=price,
        currency=currency or default_currency,
        url=url,
        image_url=image,
        brand=brand,
        category=category,
        sellable=active and listed and in_stock and same_as is None,
        repeatable=repeatable,
        price_position=position,
        discount_share=discount,
        usual_price=usual,
    )
