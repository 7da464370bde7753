"""The two-way search: from labels of goods to the people who would want them, and from a person to goods.

Both sides are scored by `methods.affinity` over the habits that the job `portraits` counted.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from precision.shop import columns as c
from precision.shop.api.freshness import Cache
from precision.shop.models import Identity, OrderLine, Platform, Product
from segments import product_labels
from segments.methods import affinity
from segments.methods import habits as h
from segments.portraits import habits

MOST: Final = 1_000
LEAST_LIFT: Final = 1.05
"""From here on, and below its inverse, a label is told as a reason."""
TITLES: Final = {name: product_labels.BY_KEY[name].title.lower() for name in affinity.WEIGHTS}

# Sums over the habits of a run, which never change.
_shares: Cache[int, pl.DataFrame] = Cache(seconds=None, most=100)


def audience(
    platform: Platform, labels: Mapping[str, Any], *, most: int, without: frozenset[int] = frozenset()
) -> list[dict[str, Any]]:
    """Return the customers of a platform whom goods with these labels suit best, the best first.

    Each: `customer` (our number), `score`, `reasons`. Empty before the first run, and where nobody bought anything
    alike. `without` leaves people out. One query and a pass over the habits.
    """
    counted = habits.published(platform.key)
    known = {name: str(labels[name]) for name in affinity.WEIGHTS if labels.get(name) is not None}
    if counted is None or not known:
        return []
    found = affinity.audience(counted[1], known, most=most + len(without))
    kept = found.filter(~pl.col(c.CUSTOMER).is_in(sorted(without))).head(most)
    return [
        {"customer": row[c.CUSTOMER], "score": row[affinity.SCORE], "reasons": _reasons(row, known)}
        for row in kept.iter_rows(named=True)
    ]


def buyers(product: Product) -> frozenset[int]:
    """Return the customers who bought a product or one that it stands for. One query."""
    rows = OrderLine.objects.filter(product__in=[product, *product.stands_for.all()], quantity__gt=0)
    people = rows.filter(order__identity__isnull=False).order_by().values_list("order__identity__customer_id")
    return frozenset(customer for (customer,) in people.distinct())


def wanted(
    platform: Platform, customer: int, *, most: int, labels: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """Return the goods of a platform that suit a customer best, the best first: sold, in stock, and not bought once
    for all.

    Each: `product` (our number), `score`, `reasons`. `labels` narrows the goods to those of these values. Empty before
    the first runs, and for somebody who bought nothing. Four queries and a pass over the habits.
    """
    counted = habits.published(platform.key)
    table = product_labels.table(product_labels.published(platform))
    if counted is None or table is None:
        return []
    run, frame = counted
    own = (
        frame.filter(pl.col(c.CUSTOMER) == customer, pl.col(h.DIMENSION).is_in(list(affinity.WEIGHTS)))
        .select(h.DIMENSION, h.VALUE, h.TIMES)
        .collect()
    )
    if not own.height:
        return []
    usual = _shares.get(run, lambda: affinity.shares(frame))
    goods = table.filter(*(pl.col(name) == value for name, value in (labels or {}).items()))
    goods = goods.filter(
        ~pl.col(c.PRODUCT).is_in(sorted(_hidden(platform) | _had(platform, customer, table)))
    )
    found = affinity.wanted(goods, own, usual, labels=list(affinity.WEIGHTS), most=most)
    values = (
        table.filter(pl.col(c.PRODUCT).is_in(found[c.PRODUCT].implode()))
        .select(c.PRODUCT, *affinity.WEIGHTS)
        .collect()
    )
    by_product = {row[c.PRODUCT]: row for row in values.iter_rows(named=True)}
    return [
        {
            "product": row[c.PRODUCT],
            "score": row[affinity.SCORE],
            "reasons": _reasons(row, by_product[row[c.PRODUCT]]),
        }
        for row in found.iter_rows(named=True)
    ]


def _hidden(platform: Platform) -> set[int]:
    """Return the products that are not to be shown. One query."""
    shown = Product.objects.filter(platform=platform)
    unsold = shown.exclude(active=True, in_stock=True, listed=True, same_as__isnull=True)
    return set(unsold.order_by().values_list("pk", flat=True))


def _had(platform: Platform, customer: int, table: pl.LazyFrame) -> set[int]:
    """Return the products that the customer bought and that nobody needs twice. Two queries."""
    people = list(
        Identity.objects.filter(customer_id=customer, platform=platform).values_list("pk", flat=True)
    )
    rows = OrderLine.objects.filter(order__identity__in=people, quantity__gt=0).order_by()
    bought = {same or own for own, same in rows.values_list("product_id", "product__same_as_id").distinct()}
    again = table.filter(pl.col(c.PRODUCT).is_in(sorted(bought)), pl.col("repeatable")).select(c.PRODUCT)
    return bought - set(again.collect()[c.PRODUCT])


def _reasons(row: Mapping[str, Any], values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what speaks for and against, the strongest first: label, value, evidence, lift, and a sentence."""
    reasons = []
    for name, weight in affinity.WEIGHTS.items():
        evidence, value = row.get(name), values.get(name)
        if value is None or evidence is None:
            continue
        lift = math.exp(evidence / weight)
        if 1 / LEAST_LIFT < lift < LEAST_LIFT:
            continue
        often = (
            f"{lift:.1f} times as often as everyone"
            if lift > 1
            else f"only {lift:.2f} times as often as everyone"
        )
        reasons.append(
            {
                "label": name,
                "value": value,
                "evidence": evidence,
                "lift": lift,
                "text": f"buys goods with {TITLES[name]} “{value}” {often}",
            }
        )
    return sorted(reasons, key=lambda reason: -abs(reason["evidence"]))
