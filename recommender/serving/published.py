"""Reads what the nightly jobs published; a job that was never published gives nothing, never an error."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.db.models import F, Sum, Window

from precision.shop.api.freshness import Cache
from recommender.models import PopularList, ProductList
from segments.models import ProductPrice

WINDOWS = (7, 30, 90)
UPPER_SHARE = 2 / 3

Scored = Sequence[tuple[int, float]]
"""Products with their scores, best first."""
# The rows of a published run never change, so these are kept until there are too many.
_popular: Cache[tuple[int, str, int, str], Scored] = Cache(seconds=None, most=5_000)
_neighbours: Cache[tuple[int, str, int], Scored] = Cache(seconds=None, most=50_000)
_tiers: Cache[int, "Tiers"] = Cache(seconds=None, most=1_000)


@dataclass(frozen=True, slots=True)
class Tiers:
    """Where the upper price tiers and the discounted goods of a platform begin; None: not known."""

    price_position: float | None
    discount_share: float | None


def popular(
    run: int | None, *, kind: str, days: int, groups: Iterable[str], most: int = 200
) -> dict[str, Scored]:
    """Return the best-sellers per group, best first; groups without any are left out. At most one query."""
    if run is None:
        return {}

    def load(missing: list[tuple[int, str, int, str]]) -> dict[tuple[int, str, int, str], Scored]:
        rows = PopularList.objects.filter(
            run_id=run, kind=kind, days=days, group__in=[group for *_, group in missing]
        ).values_list("group", "items", "scores")
        lists = {group: _scored(items[:most], scores) for group, items, scores in rows}
        return {key: lists.get(key[3], ()) for key in missing}

    found = _popular.get_many([(run, kind, days, group) for group in groups], load)
    return {key[3]: items for key, items in found.items() if items}


def neighbours(run: int | None, *, kind: str, products: Collection[int], most: int = 60) -> dict[int, Scored]:
    """Return the products that go with each product, best first. At most one query."""
    if run is None:
        return {}

    def load(missing: list[tuple[int, str, int]]) -> dict[tuple[int, str, int], Scored]:
        rows = ProductList.objects.filter(
            run_id=run, kind=kind, product_id__in=[product for *_, product in missing]
        ).values_list("product_id", "items", "scores")
        lists = {product: _scored(items[:most], scores) for product, items, scores in rows}
        return {key: lists.get(key[2], ()) for key in missing}

    found = _neighbours.get_many([(run, kind, product) for product in products], load)
    return {key[2]: items for key, items in found.items() if items}


def _scored(items: list[int], scores: list[float]) -> Scored:
    return tuple(zip(items, scores, strict=False))


def tiers(run: int | None) -> Tiers:
    """Return where the upper third of what is sold begins, by price position and by discount share.

    A third of the order lines, not of the products: most of a catalogue is hardly sold. Two queries a run.
    """
    if run is None:
        return Tiers(None, None)
    return _tiers.get(
        run, lambda: Tiers(_upper_third(run, "price_position"), _upper_third(run, "discount_share"))
    )


def _upper_third(run: int, figure: str) -> float | None:
    """Return the least value of a figure above which a third of the order lines lies; None without any."""
    below = (
        ProductPrice.objects.filter(run_id=run, product__active=True, product__listed=True, lines__gt=0)
        .exclude(**{figure: None})
        .annotate(below=Window(Sum("lines"), order_by=F(figure).asc()), total=Window(Sum("lines")))
        .filter(below__gte=F("total") * UPPER_SHARE)
    )
    return below.order_by(figure).values_list(figure, flat=True).first()
