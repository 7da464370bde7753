"""Labels from the orders of the last year: how often, how much, what, when and where somebody buys."""

from datetime import date
from typing import Any

import narwhals as nw
import polars as pl

from precision.engine.windows import epoch_day
from precision.shop import columns as c
from precision.shop.scopes import Scope
from segments.labels import own
from segments.labels.own import NUMBER, TEXT, Names, fact
from segments.labels.registry import Definition, Evidence, Source, register
from segments.methods import buying as b
from segments.methods import favourites as f

TOP_CATEGORY, TOP_BRAND, STORE = "top_category", "top_brand", "favourite_store"
HOUR, WEEKDAY = "favourite_hour", "favourite_weekday"
SHARES = {TOP_CATEGORY: "top_category_share", TOP_BRAND: "top_brand_share", STORE: "favourite_store_share"}
FAVOURITE_OF = {**{share: label for label, share in SHARES.items()}, **{name: name for name in SHARES}}
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NAME = "name"
YEAR = f"of the last {b.WINDOW_DAYS} days"
SHRUNK = (
    f"(x + {f.PRIOR_TIMES} s) / (n + {f.PRIOR_TIMES}), x of n {{}} being there, s its share among everyone's."
)

DEFINITIONS: tuple[Definition, ...] = (
    fact(
        b.FIRST_ORDER_DAYS,
        "Days since the first order",
        NUMBER,
        "days",
        "Date − day of the first order with a sold line.",
    ),
    fact(
        b.ORDERS_30,
        "Orders in 30 days",
        NUMBER,
        "orders",
        "Orders with a sold line in the 30 days before the date.",
    ),
    fact(
        b.ORDERS_90,
        "Orders in 90 days",
        NUMBER,
        "orders",
        "Orders with a sold line in the 90 days before the date.",
    ),
    fact(
        b.ORDERS_365,
        "Orders in a year",
        NUMBER,
        "orders",
        "Orders with a sold line in the 365 days before the date.",
    ),
    fact(
        b.SPEND_365,
        "Spend in a year",
        NUMBER,
        "currency of the shop",
        f"Sum of the amounts of order lines {YEAR}, what came back being negative.",
    ),
    fact(
        b.AVERAGE_ORDER,
        "Average order value",
        NUMBER,
        "currency of the shop",
        f"Sum of the amounts of sold lines {YEAR} / orders.",
    ),
    fact(
        b.LARGEST_ORDER,
        "Largest order",
        NUMBER,
        "currency of the shop",
        f"Largest sum of the amounts of the sold lines of an order {YEAR}.",
    ),
    fact(b.LINES_PER_ORDER, "Items per order", NUMBER, "lines an order", f"Sold lines {YEAR} / orders."),
    fact(b.PRODUCTS, "Distinct products", NUMBER, "products", f"Different products of sold lines {YEAR}."),
    fact(
        b.CATEGORIES,
        "Distinct categories",
        NUMBER,
        "categories",
        f"Different categories of sold lines {YEAR}.",
    ),
    fact(
        TOP_CATEGORY,
        "Favourite category",
        TEXT,
        "path from the root",
        f"The category of most sold lines {YEAR}; of several the one that is longest known.",
    ),
    fact(
        SHARES[TOP_CATEGORY],
        "Share of the favourite category",
        NUMBER,
        "share of lines",
        SHRUNK.format("lines with a category"),
    ),
    fact(
        TOP_BRAND,
        "Favourite brand",
        TEXT,
        "",
        f"The brand of most sold lines {YEAR}; of several the first by name.",
    ),
    fact(
        SHARES[TOP_BRAND],
        "Share of the favourite brand",
        NUMBER,
        "share of lines",
        SHRUNK.format("lines with a brand"),
    ),
    fact(
        HOUR,
        "Favourite hour of orders",
        NUMBER,
        "hour 0 to 23, local",
        f"The hour of most orders {YEAR}; of several the earliest.",
    ),
    fact(
        WEEKDAY,
        "Favourite weekday of orders",
        TEXT,
        "",
        f"The weekday of most orders {YEAR}; of several the earliest from Monday on.",
        values=WEEKDAYS,
    ),
    fact(
        b.WEEKEND_SHARE,
        "Weekend share",
        NUMBER,
        "share of orders",
        f"Orders on Saturday or Sunday / orders, {YEAR}.",
    ),
    fact(
        STORE,
        "Favourite store",
        TEXT,
        "",
        f"The store of most orders {YEAR}; of several the one that is longest known.",
    ),
    fact(
        SHARES[STORE],
        "Share of the favourite store",
        NUMBER,
        "share of orders",
        SHRUNK.format("orders with a store"),
    ),
    fact(
        b.RETURN_SHARE,
        "Return share",
        NUMBER,
        "share of value",
        f"Value of what came back / amounts of sold lines, {YEAR}, at most 1.",
    ),
)

ORDER_FIGURES = {
    b.ORDERS_30: (), b.ORDERS_90: (), b.ORDERS_365: (), b.SPEND_365: (b.NET,), b.AVERAGE_ORDER: (b.AMOUNT,),
    b.LARGEST_ORDER: (b.AMOUNT,), b.LINES_PER_ORDER: (b.LINES,), HOUR: (c.HOUR,), WEEKDAY: (c.WEEKDAY,),
    b.WEEKEND_SHARE: (c.WEEKDAY,), b.RETURN_SHARE: (b.AMOUNT, b.BACK),
}  # fmt: skip
"""Labels that add up orders, and the columns of `per_order` that they add up beside the day."""
WITH_RETURNS = {b.SPEND_365, b.RETURN_SHARE}
DAYS = {b.ORDERS_30: 30, b.ORDERS_90: 90}


def frame(scope: Scope, as_of: date) -> pl.DataFrame:
    """Return the labels of everybody who ever ordered; see `Source`."""
    year = scope.scan("order_lines", as_of, days=b.WINDOW_DAYS)
    return labels(scope.scan("order_lines", as_of), year, own.names(scope), today=epoch_day(as_of))


def labels(
    lines: "nw.LazyFrame[Any]", year: "nw.LazyFrame[Any]", names: Names, *, today: int
) -> pl.DataFrame:
    """Return the labels from all order lines before the day, and from those of the year before it."""
    orders, products = own.once(b.per_order(year)), own.once(b.per_product(year))
    ever = (
        own.eager(b.first_orders(lines))
        .select(c.CUSTOMER, (today - pl.col("first_day")).alias(b.FIRST_ORDER_DAYS))
        .join(own.eager(b.habits(orders, as_of=today)), on=c.CUSTOMER, how="left")
        .with_columns(pl.col(b.ORDERS_30, b.ORDERS_90, b.ORDERS_365, b.SPEND_365).fill_null(0))
    )
    parts = [own.eager(b.variety(products)), _hours(orders), _weekdays(orders)]
    parts += [_favourites(names, label, orders, products) for label in SHARES]
    for part in parts:
        ever = ever.join(part, on=c.CUSTOMER, how="left")
    return ever.select(c.CUSTOMER, *(each.key for each in DEFINITIONS))


def evidence(scope: Scope, as_of: date, customer: int, key: str) -> Evidence | None:
    """Return the orders or lines behind a label of a customer; None for somebody who never ordered."""
    ever = own.facts_of(scope, "order_lines", as_of, customer)
    first = own.eager(b.first_orders(ever))
    if not first.height:
        return None
    today = epoch_day(as_of)
    if key == b.FIRST_ORDER_DAYS:
        return {"as_of": as_of.isoformat(), "first_order": own.iso(first["first_day"].item())}
    days = DAYS.get(key, b.WINDOW_DAYS)
    lines = ever.filter(nw.col(c.DAY) >= today - days)
    told: dict[str, Any] = {"from": own.iso(today - days), "until": as_of.isoformat()}
    if key in ORDER_FIGURES:
        told["orders"] = _orders(lines, ORDER_FIGURES[key], with_returns=key in WITH_RETURNS)
        return told if told["orders"] or key in (*DAYS, b.ORDERS_365, b.SPEND_365) else None
    products = b.per_product(lines)
    if key in (b.PRODUCTS, b.CATEGORIES):
        wanted = c.PRODUCT if key == b.PRODUCTS else c.CATEGORY
        found = set(own.eager(products)[wanted].drop_nulls().to_list())
        if key == b.PRODUCTS:
            named = own.shop_ids(scope, found)
        else:
            every = own.categories(scope).filter(pl.col(c.CATEGORY).is_in(found))
            named = dict(every.select(c.CATEGORY, NAME).iter_rows())
        return {**told, wanted: sorted(named.values())} if found else None
    return _favourite_evidence(scope, as_of, FAVOURITE_OF[key], b.per_order(lines), products, told)


def counts_of(
    names: Names, label: str, orders: "nw.LazyFrame[Any]", products: "nw.LazyFrame[Any]"
) -> tuple["nw.LazyFrame[Any]", str]:
    """Return what a favourite is the most frequent of, CUSTOMER, value and TIMES, and the name of the value."""
    if label == STORE:
        return b.times_of(orders, c.STORE), c.STORE
    if label == TOP_CATEGORY:
        return b.lines_of(products, c.CATEGORY), c.CATEGORY
    branded = products.join(nw.from_native(names.brands.lazy()), on=c.PRODUCT, how="inner")
    return b.lines_of(branded, NAME), NAME


def _favourites(
    names: Names, label: str, orders: "nw.LazyFrame[Any]", products: "nw.LazyFrame[Any]"
) -> pl.DataFrame:
    counts, value = counts_of(names, label, orders, products)
    found = own.eager(f.favourites(counts, value))
    if label != TOP_BRAND:
        found = found.join(_names(names, label), on=value, how="left")
    return found.select(c.CUSTOMER, pl.col(NAME).alias(label), pl.col(f.SHARE).alias(SHARES[label]))


def _favourite_evidence(
    scope: Scope,
    as_of: date,
    label: str,
    orders: "nw.LazyFrame[Any]",
    products: "nw.LazyFrame[Any]",
    told: dict[str, Any],
) -> Evidence | None:
    """Return how often each value came, in the order of their numbers, and what the favourite's share is shrunk to."""
    names = own.names(scope)
    counts, value = counts_of(names, label, orders, products)
    mine = own.eager(counts).drop_nulls(value).sort(value)
    best = own.eager(f.favourites(counts, value))
    if not best.height:
        return None
    lines = scope.scan("order_lines", as_of, days=b.WINDOW_DAYS)
    of_all, _ = counts_of(names, label, b.per_order(lines), b.per_product(lines))
    usual = f.everyones_shares(of_all, value)[best[value].item()]
    if label != TOP_BRAND:
        mine = mine.join(_names(names, label), on=value, how="left", maintain_order="left")
    return {
        **told,
        "times": dict(mine.select(NAME, f.TIMES).iter_rows()),
        "everyones_share": usual,
        "prior_times": f.PRIOR_TIMES,
    }


def _orders(
    lines: "nw.LazyFrame[Any]", figures: tuple[str, ...], *, with_returns: bool
) -> list[dict[str, Any]]:
    """Return the orders of somebody with these figures, amounts in currency units."""
    money = (b.AMOUNT, b.BACK, b.NET)
    rows = own.eager(b.per_order(lines)).sort(c.DAY, c.ORDER)
    rows = rows if with_returns else rows.filter(pl.col(b.LINES) > 0)
    return [
        {
            c.DAY: own.iso(row[c.DAY]),
            **{name: row[name] / c.MONEY if name in money else row[name] for name in figures},
        }
        for row in rows.iter_rows(named=True)
    ]


def _hours(orders: "nw.LazyFrame[Any]") -> pl.DataFrame:
    found = own.eager(f.favourites(b.times_of(orders, c.HOUR), c.HOUR))
    return found.select(c.CUSTOMER, pl.col(c.HOUR).alias(HOUR))


def _weekdays(orders: "nw.LazyFrame[Any]") -> pl.DataFrame:
    found = own.eager(f.favourites(b.times_of(orders, c.WEEKDAY), c.WEEKDAY))
    named = dict(enumerate(WEEKDAYS, start=1))
    return found.select(
        c.CUSTOMER, pl.col(c.WEEKDAY).replace_strict(named, return_dtype=pl.String).alias(WEEKDAY)
    )


def _names(names: Names, label: str) -> pl.DataFrame:
    return names.stores if label == STORE else names.categories


register(Source(name="orders", definitions=DEFINITIONS, frame=frame, evidence=evidence))
