"""What the answers need to know of products: kept in memory, and read again within a second of a change."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import F, FilteredRelation, Q, QuerySet
from django.db.models.functions import Coalesce

from precision.shop.api import freshness
from precision.shop.api.freshness import Cache
from precision.shop.models import Category, Platform, Product
from recommender.serving.removals import Removal


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
    unsellable: Removal | None
    """Why it may never be shown: not active, not listed, out of stock, an alias of another product; None: it may."""
    stands_for: int
    """The product that it is counted as; itself where it is no alias."""
    repeatable: bool | None
    price_position: float | None
    """0 the cheapest of its category, 1 the dearest; None: never sold at a price, or not computed yet."""
    discount_share: float | None
    usual_price: Decimal | None

    @property
    def level(self) -> Decimal | None:
        """The price to compare with: today's, or the usual one where the shop gives none."""
        return self.price if self.price is not None else self.usual_price

    @property
    def sellable(self) -> bool:
        """Whether it may be shown."""
        return self.unsellable is None


MOST = 300_000
"""Products that one process remembers; with more it starts anew."""
LONGEST_S = 300.0
"""After so long a platform's products are read anew: only then is one missed that was deleted from the database."""

SELLABLE = Q(active=True, listed=True, in_stock=True, same_as__isnull=True)
LEVEL = Coalesce(F("price"), F("figures__usual_price"))
COLUMNS = (
    "id", "external_id", "title", "price", "currency", "url", "image_url", "brand", "category_id", "active",
    "listed", "in_stock", "same_as_id", "repeatable", "figures__price_position", "figures__discount_share",
    "figures__usual_price",
)  # fmt: skip


class Book:
    """The facts of a platform's products under one run of prices, by our id and by the shop's."""

    __slots__ = ("facts", "generation", "names", "until")

    def __init__(self) -> None:
        self.facts: dict[int, Fact] = {}
        self.names: dict[str, int] = {}
        self.generation = 0
        """Counts how often changes were told: what was read before the last of them is not kept."""
        self.until = time.monotonic() + LONGEST_S


_books: dict[tuple[int, int], Book] = {}
_categories: Cache[int, dict[int, tuple[str, ...]]] = Cache(seconds=1.0, most=1_000)
_paths: dict[int, dict[int, tuple[str, ...]]] = {}
freshness.register(_books.clear)
freshness.register(_paths.clear)


def book(platform: Platform, price_run: int | None) -> Mapping[int, Fact]:
    """Return what is remembered of the platform's products by id, as it grows; `learn` adds to it."""
    return _book(platform, price_run).facts


def learn(platform: Platform, products: Collection[int], *, price_run: int | None) -> dict[int, Fact]:
    """Return the facts of products by id; ids the platform does not have are left out. At most one query."""
    kept = _book(platform, price_run)
    found = {product: kept.facts[product] for product in products if product in kept.facts}
    missing = [product for product in products if product not in found]
    if missing:
        found |= _load(kept, platform, price_run, Q(id__in=missing))
    return found


def named(platform: Platform, names: Collection[str], *, price_run: int | None) -> dict[str, Fact]:
    """Return the facts of products by the shop's own ids; unknown ones are left out. At most one query."""
    kept = _book(platform, price_run)
    found = {name: fact for name in names if (fact := kept.facts.get(kept.names.get(name, 0))) is not None}
    missing = [name for name in names if name not in found]
    if missing:
        loaded = _load(kept, platform, price_run, Q(external_id__in=missing))
        found |= {fact.external_id: fact for fact in loaded.values()}
    return found


def forget(platform: int, products: Collection[int] | None) -> None:
    """Let products that have changed be read again (None: all of the platform's)."""
    for (owner, _), kept in list(_books.items()):
        if owner != platform:
            continue
        kept.generation += 1
        if products is None:
            kept.facts.clear()
            kept.names.clear()
            continue
        for product in products:
            kept.facts.pop(product, None)


def _book(platform: Platform, price_run: int | None) -> Book:
    """Return the book of a platform and run; an older run's is closed."""
    key = (platform.pk, price_run or 0)
    kept = _books.get(key)
    if kept is None or kept.until < time.monotonic():
        for other in [other for other in list(_books) if other[0] == key[0]]:
            _books.pop(other, None)
        kept = _books.setdefault(key, Book())
    return kept


def _load(kept: Book, platform: Platform, price_run: int | None, wanted: Q) -> dict[int, Fact]:
    """Read products, and keep them unless a change was told meanwhile: they may have been read before it."""
    generation = kept.generation
    rows = with_figures(platform, price_run or 0).filter(wanted)
    loaded = {fact.id: fact for fact in _read(rows, platform)}
    if len(kept.facts) > MOST:
        kept.facts.clear()
        kept.names.clear()
    if kept.generation == generation:
        kept.names.update((fact.external_id, fact.id) for fact in loaded.values())
        kept.facts.update(loaded)
    return loaded


def shelf(
    platform: Platform,
    *,
    price_run: int | None,
    without: Collection[int],
    category: Collection[int] | None,
    but_categories: Collection[int] = (),
    brand: Collection[str],
    but_brands: Collection[str] = (),
    price_min: Decimal | None,
    price_max: Decimal | None,
    most: int,
) -> list[Fact]:
    """Return sellable products, best sold first, whether or not anything was computed yet. One query.

    `category` None means any; `brand` empty means any. None of `but_…` is among them.
    """
    rows = with_figures(platform, price_run or 0).filter(SELLABLE).exclude(id__in=list(without))
    rows = rows.annotate(level=LEVEL)
    if category is not None:
        rows = rows.filter(category_id__in=list(category))
    if brand:
        rows = rows.filter(brand__in=list(brand))
    if but_categories:
        rows = rows.exclude(category_id__in=list(but_categories))
    if but_brands:
        rows = rows.exclude(brand__in=list(but_brands))
    if price_min is not None:
        rows = rows.filter(level__gte=price_min)
    if price_max is not None:
        rows = rows.filter(level__lte=price_max)
    return _read(rows.order_by(F("figures__lines").desc(nulls_last=True), "id")[:most], platform)


def category_paths(platform: Platform) -> dict[int, tuple[str, ...]]:
    """Return the path of each category of the platform by id, at most a second old. At most one query."""
    return _categories.get(platform.pk, lambda: _read_paths(platform))


def path_of(platform: Platform, category: int) -> tuple[str, ...]:
    """Return the path of a category, which never changes; () for one that the platform does not have.

    One query for all of them when one is new to this process.
    """
    kept = _paths.setdefault(platform.pk, {})
    if category not in kept:
        kept |= {category: (), **_read_paths(platform)}
    return kept[category]


def _read_paths(platform: Platform) -> dict[int, tuple[str, ...]]:
    rows = Category.objects.filter(platform=platform).values_list("id", "path")
    return {key: tuple(path) for key, path in rows}


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


def categories_below(platform: Platform, category: int) -> list[int]:
    """Return the category and all that lie under it. At most one query."""
    paths = category_paths(platform)
    path = paths.get(category)
    if path is None:
        return [category]
    return [key for key, other in paths.items() if other[: len(path)] == path]


def with_figures(platform: Platform, run: int) -> QuerySet[Product]:
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
        unsellable=_unsellable(active=active, listed=listed, in_stock=in_stock, same_as=same_as),
        stands_for=same_as or key,
        repeatable=repeatable,
        price_position=position,
        discount_share=discount,
        usual_price=usual,
    )


def _unsellable(*, active: bool, listed: bool, in_stock: bool, same_as: int | None) -> Removal | None:
    """Return why a product may not be shown, or None."""
    if same_as is not None:
        return Removal.ALIAS
    if not active:
        return Removal.INACTIVE
    if not listed:
        return Removal.UNLISTED
    return None if in_stock else Removal.OUT_OF_STOCK
