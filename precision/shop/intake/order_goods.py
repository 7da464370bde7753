"""Products and stores that orders name, found or added by their own numbers."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from precision.shop import columns as c
from precision.shop.intake.order_reading import ReadLine, ReadOrder
from precision.shop.models import Platform, Product, Store

UNLISTED_TITLE = "Product "


class Known(NamedTuple):
    """A product of the platform."""

    id: int
    price: int | None
    """Today's price in 1/10,000 of the currency unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goods:
    """What the orders of one call name, by the shop's own numbers."""

    products: Mapping[str, Known]
    stores: Mapping[str, int]


def find(platform: Platform, orders: Iterable[ReadOrder], *, trusted: bool, now: datetime) -> Goods:
    """Return the products and stores that the orders name.

    What nobody described is added for a trusted caller: a product that is never shown, a store without a name. A
    browser adds nothing; its unknown ones are not in the answer.
    """
    told = list(orders)
    products = {line.product_id for order in told for line in order.lines or ()}
    stores = {order.store_id for order in told if order.store_id}
    return Goods(
        products=_products(platform, products, trusted=trusted, now=now) if products else {},
        stores=_stores(platform, stores, trusted=trusted) if stores else {},
    )


def prices(line: ReadLine, goods: Goods) -> tuple[int, int | None]:
    """Return the unit price and the list price of a line: as told, else the catalogue's and that before a discount."""
    price = line.unit_price
    if price is None:
        price = goods.products[line.product_id].price or 0
    if line.list_price is not None or line.discount is None or not line.quantity:
        return price, line.list_price
    return price, price + round(line.discount * c.QUANTITY / abs(line.quantity))


def _products(
    platform: Platform, names: Collection[str], *, trusted: bool, now: datetime
) -> dict[str, Known]:
    found = _known_products(platform, names)
    unknown = sorted(set(names) - set(found))
    if unknown and trusted:
        Product.objects.bulk_create(
            [
                Product(
                    platform=platform, external_id=name, title=UNLISTED_TITLE + name, listed=False,
                    currency=platform.currency, updated_at=now,
                )
                for name in unknown
            ],
            ignore_conflicts=True,
        )  # fmt: skip
        found |= _known_products(platform, unknown)
    return found


def _known_products(platform: Platform, names: Collection[str]) -> dict[str, Known]:
    rows = Product.objects.filter(platform=platform, external_id__in=names).values_list(
        "external_id", "id", "price"
    )
    return {
        name: Known(number, None if price is None else round(price * c.MONEY)) for name, number, price in rows
    }


def _stores(platform: Platform, names: Collection[str], *, trusted: bool) -> dict[str, int]:
    rows = Store.objects.filter(platform=platform, external_id__in=names)
    found = dict(rows.values_list("external_id", "id"))
    unknown = sorted(set(names) - set(found))
    if unknown and trusted:
        Store.objects.bulk_create(
            [Store(platform=platform, external_id=name) for name in unknown], ignore_conflicts=True
        )
        found = dict(rows.all().values_list("external_id", "id"))
    return found
