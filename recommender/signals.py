"""What shoppers do beside buying, weighed by kind: the rows that carts, wishes and views add to purchases.

`of_customers` and `of_guests` give frames that `interactions.collect` takes like those of `purchase_days` and
`guest_days`; so whatever takes a `History` (item-item, factors, EASE, profiles) takes behaviour too:

    frame = of_customers(lines, events, as_of_day=day, weights=weights)
    matrix = collect(frame, as_of_day=day, products=products).matrix(half_life_days=30)

Without `customers` the rows are all who did anything, also those who never bought; with `customers=history.customers`
they are the rows of another history, to go beside its matrices.

On a platform without events both equal purchases times `weights.purchase`. What must stand on purchases alone (what is
held already, buying again, the truth of held-out days) keeps `purchase_days`.

Everything is as of a day, half-open, as in `interactions`.
"""

import math
from dataclasses import dataclass, fields
from typing import Any, Final

import narwhals as nw
import numpy as np

from precision.shop.columns import CUSTOMER, DAY, EVENT, IDENTITY, PRODUCT, QUANTITY_E3
from recommender.interactions import LAST_DAY, WEIGHT, WEIGHT_E9, History, guest_days, purchase_days

VISITOR_FROM = -(
    2**62
)  # visitors without a name are rows of their own, numbered downwards, far below guests' orders
MOST_WEIGHT = 1_000  # far more than makes sense, and a sum of them stays within Int64

# What shoppers do with a product, by the names of the SDK dialect. A purchase comes from the order lines.
KINDS: Final = {
    "cart": ("Product Added", "Wishlist Product Added to Cart"),
    "wishlist": ("Product Added to Wishlist",),
    "view": ("Product Viewed", "Product Clicked"),
    "removal": ("Product Removed", "Product Removed from Wishlist"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What each kind of event says, in purchases; each counts once a day for a (customer, product).

    Raises:
        ValueError: a weight is not finite, or has the wrong sign.
    """

    purchase: float = 1.0
    cart: float = 0.5
    wishlist: float = 0.5
    view: float = 0.2
    removal: float = -0.5
    """Of taking a product out of the cart or off the wish list: 0 or less, so that it undoes what put it there."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value, sign = getattr(self, each.name), -1 if each.name == "removal" else 1
            if not (math.isfinite(value) and 0 <= value * sign <= MOST_WEIGHT):
                wanted = f"{-MOST_WEIGHT} to 0" if sign < 0 else f"0 to {MOST_WEIGHT}"
                raise ValueError(f"the weight of {each.name} is {value}, wanted {wanted}")

    @property
    def nothing_counts(self) -> bool:
        """Whether no event speaks for a product, so that there is nothing to learn from."""
        return not any((self.purchase, self.cart, self.wishlist, self.view))

    @property
    def behaviour_counts(self) -> bool:
        """Whether anything but purchases counts, so that events must be read."""
        return any((self.cart, self.wishlist, self.view, self.removal))

    @property
    def scale(self) -> float:
        """What to divide by, so that a purchase is 1 (or what weighs most, where purchases say nothing)."""
        return self.purchase or max(self.cart, self.wishlist, self.view) or 1.0


PURCHASES_ONLY: Final = Weights(cart=0, wishlist=0, view=0, removal=0)


def of_customers(
    lines: nw.LazyFrame[Any], events: nw.LazyFrame[Any] | None, *, as_of_day: int, weights: Weights
) -> nw.LazyFrame[Any]:
    """One row (CUSTOMER, PRODUCT, DAY, WEIGHT_E9) for each day on which a customer did something with a product.

    `lines` are as for `purchase_days`; `events` have CUSTOMER, EVENT, PRODUCT and DAY (`history.scan("events")`);
    None where there is no behaviour, or none counts (`Weights.behaviour_counts`), so that nothing is read in vain.
    The weight is the sum over the kinds that happened that day, in 1/1e9 of a purchase and before decay; it can be
    below 0, and is never 0. Of a product that the customer gave back altogether nothing counts that came before the
    return: it speaks of something they did not want to keep.
    """
    bought = purchase_days(lines, as_of_day=as_of_day)
    if events is None:
        return _added(bought, None, weights=weights)
    known = lines.filter(nw.col(DAY) < as_of_day, ~nw.col(CUSTOMER).is_null(), ~nw.col(PRODUCT).is_null())
    given_back = (
        known.group_by(CUSTOMER, PRODUCT)
        .agg(nw.col(QUANTITY_E3).sum(), nw.col(DAY).max().alias(LAST_DAY))
        .filter(nw.col(QUANTITY_E3) <= 0)
        .select(CUSTOMER, PRODUCT, LAST_DAY)
    )
    did = (
        _weighed(events.filter(~nw.col(CUSTOMER).is_null()), as_of_day=as_of_day, weights=weights)
        .join(given_back, on=[CUSTOMER, PRODUCT], how="left")
        .filter(nw.col(LAST_DAY).is_null() | (nw.col(DAY) > nw.col(LAST_DAY)))
    )
    return _added(bought, did, weights=weights)


def of_guests(
    lines: nw.LazyFrame[Any], events: nw.LazyFrame[Any] | None, *, as_of_day: int, weights: Weights
) -> nw.LazyFrame[Any]:
    """The same columns for guests' orders (`guest_days`) and for visitors whom nothing joins to a customer.

    `events` have IDENTITY too. CUSTOMER is below 0: −1 − ORDER of an order, VISITOR_FROM − IDENTITY of a visitor.
    """
    bought = guest_days(lines, as_of_day=as_of_day)
    if events is None:
        return _added(bought, None, weights=weights)
    visitors = events.filter(nw.col(CUSTOMER).is_null(), ~nw.col(IDENTITY).is_null()).with_columns(
        (nw.lit(VISITOR_FROM) - nw.col(IDENTITY)).cast(nw.Int64).alias(CUSTOMER)
    )
    did = _weighed(visitors, as_of_day=as_of_day, weights=weights)
    return _added(bought, did, weights=weights)


def of_everyone(
    lines: nw.LazyFrame[Any], events: nw.LazyFrame[Any] | None, *, as_of_day: int, weights: Weights
) -> nw.LazyFrame[Any]:
    """`of_guests` and `of_customers`, one under the other: in the matrix guests come first (`first_customer`)."""
    parts = [part(lines, events, as_of_day=as_of_day, weights=weights) for part in (of_guests, of_customers)]
    return nw.concat(parts, how="vertical")


def first_customer(history: History) -> int:
    """The first row of a history that is a customer's; those before it are guests' and visitors'."""
    return int(np.searchsorted(history.customers, 0))


def _weighed(events: nw.LazyFrame[Any], *, as_of_day: int, weights: Weights) -> nw.LazyFrame[Any]:
    """One row (CUSTOMER, PRODUCT, DAY, WEIGHT_E9) a day; however often a kind happened that day, it counts once."""
    names = [name for kind in KINDS.values() for name in kind]
    weight = sum(
        (nw.col(kind) * _whole(getattr(weights, kind)) for kind in KINDS), start=nw.lit(0).cast(nw.Int64)
    )
    return (
        events.filter(nw.col(DAY) < as_of_day, ~nw.col(PRODUCT).is_null(), nw.col(EVENT).is_in(names))
        .select(
            CUSTOMER,
            PRODUCT,
            DAY,
            *(nw.col(EVENT).is_in(names).cast(nw.Int64).alias(kind) for kind, names in KINDS.items()),
        )
        .group_by(CUSTOMER, PRODUCT, DAY)
        .agg(*(nw.col(kind).max() for kind in KINDS))
        .select(CUSTOMER, PRODUCT, DAY, weight.alias(WEIGHT_E9))
    )


def _added(
    bought: nw.LazyFrame[Any], did: nw.LazyFrame[Any] | None, *, weights: Weights
) -> nw.LazyFrame[Any]:
    """Purchase days and behaviour, one row a (customer, product, day) whose weights do not cancel out."""
    purchase = nw.lit(_whole(weights.purchase)).cast(nw.Int64).alias(WEIGHT_E9)
    rows = [bought.select(CUSTOMER, PRODUCT, DAY, purchase)]
    rows += [] if did is None else [did.select(CUSTOMER, PRODUCT, DAY, WEIGHT_E9)]
    return (
        nw.concat(rows, how="vertical")
        .group_by(CUSTOMER, PRODUCT, DAY)
        .agg(nw.col(WEIGHT_E9).sum())
        .filter(nw.col(WEIGHT_E9) != 0)
    )


def _whole(weight: float) -> int:
    return round(weight * WEIGHT)
