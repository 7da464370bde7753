"""One customer's own facts, and names of what facts point to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import narwhals as nw
import polars as pl

from precision.engine.reading import read_frame
from precision.shop import columns as c
from precision.shop.models import Identity, Product
from precision.shop.scopes import Scope
from segments.conditions import LabelType
from segments.labels.registry import Definition, Kind

EPOCH = date(1970, 1, 1)
NUMBER, TEXT, YES_NO = LabelType.NUMBER, LabelType.TEXT, LabelType.BOOLEAN


def fact(key: str, title: str, type: LabelType, unit: str, formula: str, **more: Any) -> Definition:
    """Return the definition of a label that is counted from facts."""
    return Definition(key=key, title=title, kind=Kind.FACT, type=type, unit=unit, formula=formula, **more)


def facts_of(
    scope: Scope, table: str, as_of: date, customer: int, *, days: int | None = None
) -> "nw.LazyFrame[pl.LazyFrame]":
    """Return the rows of `Scope.scan` about one customer, computed."""
    named = Identity.objects.filter(customer_id=customer, platform__in=scope.platforms)
    # By identity: that is a column of the files, so the engine reads few of their rows.
    rows = scope.scan(table, as_of, days=days).filter(
        nw.col(c.IDENTITY).is_in(list(named.values_list("pk", flat=True)))
    )
    return rows.filter(nw.col(c.CUSTOMER) == customer).collect("polars").lazy()


def shop_ids(scope: Scope, products: Iterable[int]) -> dict[int, str]:
    """Return the shop's own ids of products by our numbers, over several shops after the shop's key. One query."""
    rows = Product.objects.filter(pk__in=list(products)).values_list("pk", "platform__key", "external_id")
    return {
        number: external if scope.platform is not None else f"{shop}: {external}"
        for number, shop, external in rows
    }


def iso(day: int | None) -> str | None:
    """Return a day of the frames as a date."""
    return None if day is None else (EPOCH + timedelta(days=day)).isoformat()


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the numbers in facts are called."""

    categories: pl.DataFrame
    """CATEGORY and `name`, the path from the root."""
    brands: pl.DataFrame
    """PRODUCT and `name`, the brand of those that have one."""
    stores: pl.DataFrame
    """STORE and `name`, that of the store or else the shop's own number."""


def names(scope: Scope) -> Names:
    """Return the names of the scope's categories, brands and stores. Three queries."""
    return Names(
        categories=categories(scope),
        brands=_names(
            scope,
            c.PRODUCT,
            "SELECT id, brand AS name FROM precision_shop_product WHERE brand <> '' AND platform_id IN ({})",
        ),
        stores=_names(
            scope,
            c.STORE,
            "SELECT id, coalesce(nullif(name, ''), external_id) AS name FROM precision_shop_store "
            "WHERE platform_id IN ({})",
        ),
    )


def categories(scope: Scope) -> pl.DataFrame:
    """Return CATEGORY and `name`, the path from the root. One query."""
    return _names(
        scope,
        c.CATEGORY,
        "SELECT id, array_to_string(path, ' / ') AS name FROM precision_shop_category WHERE platform_id IN ({})",
    )


def platform_ids(scope: Scope) -> str:
    """Return our numbers of the scope's platforms, as SQL lists them."""
    return ", ".join(f"{platform.pk:d}" for platform in scope.platforms)


def once(frame: "nw.LazyFrame[pl.LazyFrame]") -> "nw.LazyFrame[pl.LazyFrame]":
    """Return the frame computed and lazy again: for what is read more than once."""
    return frame.collect("polars").lazy()


def eager(frame: "nw.LazyFrame[Any]") -> pl.DataFrame:
    """Return the frame computed."""
    computed: pl.DataFrame = frame.collect("polars").to_native()
    return computed


def _names(scope: Scope, key: str, query: str) -> pl.DataFrame:
    rows = read_frame(query.format(platform_ids(scope)))
    return rows.select(pl.col("id").cast(pl.Int64).alias(key), pl.col("name").cast(pl.String))
