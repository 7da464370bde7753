"""Reads what the nightly jobs published; a job that was never published gives nothing, never an error."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models import F, Sum, Window

from precision.engine import runs
from precision.shop.api.freshness import Cache
from precision.shop.models import Platform
from recommender.models import PopularList, ProductList
from segments.models import ProductPrice

WINDOWS = (7, 30, 90)
UPPER_SHARE = 2 / 3

_pointers: Cache[int, dict[str, int]] = Cache(seconds=1.0, most=10_000)
# The rows of a published run never change, so these are kept until there are too many.
_popular: Cache[tuple[int, str, int, str], list[int]] = Cache(seconds=None, most=5_000)
_neighbours: Cache[tuple[int, str, int], list[int]] = Cache(seconds=None, most=50_000)
_tiers: Cache[int, "Tiers"] = Cache(seconds=None, most=1_000)


@dataclass(frozen=True, slots=True)
class Tiers:
    """Where the upper price tiers and the discounted goods of a platform begin; None: not known."""

    price_position: float | None
    discount_share: float | None


def run_ids(platform: Platform) -> dict[str, int]:
    """Return the id of the run in force per job, at most a second old."""
    return _pointers.get(platform.pk, lambda: runs.published_ids(platform.key))


def popular(
    run: int | None, *, kind: str, days: int, groups: Iterable[str], most: int = 200
) -> dict[str, list[int]]:
    """Return the best-sellers per group, best first; groups without any are left out. At most one query."""
    if run is None:
        return {}

    def load(missing: list[tuple[int, str, int, str]]) -> dict[tuple[int, str, int, str], list[int]]:
        rows = PopularList.objects.filter(
            run_id=run, kind=kind, days=days, group__in=[group for *_, group in missing]
        ).values_list("group", "items")
        lists = {group: items[:most] for group, items in rows}
        return {key: lists.get(key[3], []) for key in missing}

    found = _popular.get_many([(run, kind, days, group) for group in groups], load)
    return {key[3]: items for key, items in found.items() if items}


def neighbours(
    run: int | None, *, kind: str, products: Collection[int], most: int = 60
) -> dict[int, list[int]]:
    """Return the products that go with each product, best first. At most one query."""
    if run is None:
        return {}

    def load(missing: list[tuple[int, str, int]]) -> dict[tuple[int, str, int], list[int]]:
        rows = ProductList.objects.filter(
            run_id=run, kind=kind, product_id__in=[product for *_, product in missing]
        ).values_list("product_id", "items")
        lists = {product: items[:most] for product, items in rows}
        return {key: lists.get(key[2], []) for key in missing}

    found = _neighbours.get_many([(run, kind, product) for product in products], load)
    return {key[2]: items for key, items in found.items() if items}


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
