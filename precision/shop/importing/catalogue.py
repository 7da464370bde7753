"""Products, their categories, and stores into their tables."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl
from psycopg import sql

from precision.shop import bulk
from precision.shop.mapping import RecordMapping
from precision.shop.methods import word_categories
from precision.shop.models import Category, Platform, Product, Store

UNLISTED_TITLE = "Product "
PRODUCT_DEFAULTS: Mapping[str, Any] = {
    "brand": "", "url": "", "image_url": "", "in_stock": True, "active": True, "labels": "{}", "traits": "{}",
    "aliases": "{}",
}  # fmt: skip
STORE_DEFAULTS: Mapping[str, Any] = {"name": "", "type": "", "region": "", "province": "", "traits": "{}"}


def load_products(
    platform: Platform, made: pl.DataFrame, record: RecordMapping, *, now: datetime
) -> pl.DataFrame:
    """Add or update the products of a file; return `product_id` and the outcome of each."""
    derived = "category" in record.fields and record.fields["category"].words
    if derived and "category" in made.columns:
        made = made.with_columns(_derive(platform, made).alias("category"))
    return write_products(platform, made.drop("__row", "__file"), derived=derived, now=now)


def write_products(
    platform: Platform, made: pl.DataFrame, *, derived: bool = False, replace: bool = False, now: datetime
) -> pl.DataFrame:
    """Add or update the products; return `product_id` and the outcome of each.

    `derived`: the categories were found from titles. `replace`: what is null is emptied, not kept.
    """
    if "category" in made.columns:
        ids = _categories(platform, made.get_column("category"), derived=derived)
        made = made.join(ids, on="category", how="left", maintain_order="left").drop("category")
    frame = made.rename({"product_id": "external_id"}).with_columns(listed=pl.lit(value=True))
    outcome = bulk.upsert(
        Product,
        frame,
        key="external_id",
        within={"platform_id": platform.pk},
        touched="updated_at",
        now=now,
        replace=replace,
        defaults={"currency": platform.currency, **PRODUCT_DEFAULTS},
    )
    return outcome.rename({"external_id": "product_id"})


def add_unlisted(platform: Platform, product_ids: pl.Series, *, now: datetime) -> None:
    """Add a product that is never shown for each id; none of them may be there."""
    frame = pl.DataFrame({"external_id": product_ids}).with_columns(
        title=pl.concat_str(pl.lit(UNLISTED_TITLE), pl.col("external_id")), listed=pl.lit(value=False)
    )
    bulk.upsert(
        Product,
        frame,
        key="external_id",
        within={"platform_id": platform.pk},
        touched="updated_at",
        now=now,
        defaults={"currency": platform.currency, **PRODUCT_DEFAULTS},
    )


def product_numbers(platform: Platform, product_ids: pl.Series) -> pl.DataFrame:
    """Return `product_id` and our inner number (`product`) of those products that are there."""
    found = bulk.lookup(
        Product,
        pl.DataFrame({"external_id": product_ids}),
        within={"platform_id": platform.pk},
        columns={"id": pl.Int64},
    )
    return found.rename({"external_id": "product_id", "id": "product"})


def numbers_of_products(
    platform: Platform, product_ids: pl.Series, *, now: datetime
) -> tuple[pl.DataFrame, pl.Series]:
    """Return `product_id` and our number (`product`) of each product, and those ids that had to be added for it.

    `product_ids` are distinct.
    """
    numbers = product_numbers(platform, product_ids)
    unknown = product_ids.filter(~product_ids.is_in(numbers.get_column("product_id").implode()))
    if len(unknown):
        add_unlisted(platform, unknown.sort(), now=now)
        numbers = product_numbers(platform, product_ids)
    return numbers, unknown


def load_stores(
    platform: Platform, made: pl.DataFrame, *, replace: bool = False, now: datetime
) -> pl.DataFrame:
    """Add or update the stores; return `store_id` and the outcome of each. `replace`: what is null is emptied."""
    frame = made.drop("__row", "__file", strict=False).rename({"store_id": "external_id"})
    outcome = bulk.upsert(
        Store,
        frame,
        key="external_id",
        within={"platform_id": platform.pk},
        defaults=STORE_DEFAULTS,
        replace=replace,
        now=now,
    )
    return outcome.rename({"external_id": "store_id"})


def known_stores(platform: Platform, store_ids: pl.Series) -> pl.DataFrame:
    """Return `store_id` and our inner number (`store`) of those stores that are there."""
    found = bulk.lookup(
        Store,
        pl.DataFrame({"external_id": store_ids}),
        within={"platform_id": platform.pk},
        columns={"id": pl.Int64},
    )
    return found.rename({"external_id": "store_id", "id": "store"})


def store_numbers(platform: Platform, store_ids: pl.Series, *, now: datetime) -> pl.DataFrame:
    """Return `store_id` and our inner number (`store`) of each store, adding those that are new."""
    keys = pl.DataFrame({"external_id": store_ids})
    within = {"platform_id": platform.pk}
    bulk.upsert(Store, keys, key="external_id", within=within, defaults=STORE_DEFAULTS, now=now)
    return known_stores(platform, store_ids)


def _derive(platform: Platform, made: pl.DataFrame) -> pl.Series:
    """Return the category path of each product from its title, by the words of the platform's whole
    catalogue.
    """
    query = sql.SQL(
        "SELECT external_id, title FROM precision_shop_product WHERE platform_id = {} AND listed"
    ).format(sql.Literal(platform.pk))
    before = bulk.fetch(query, {"product_id": pl.String, "category": pl.String})
    others = before.join(made.select("product_id"), on="product_id", how="anti")
    titles = [*made.get_column("category").to_list(), *others.get_column("category").to_list()]
    words = word_categories.categories(titles)[: made.height]
    return pl.Series(
        "category", [None if word is None else [word] for word in words], dtype=pl.List(pl.String)
    )


def _categories(platform: Platform, paths: pl.Series, *, derived: bool) -> pl.DataFrame:
    """Return `category` (path) and `category_id` of each distinct path, adding it and all above it where
    new.
    """
    column = (
        paths if paths.dtype == pl.List(pl.String) else pl.Series([[one] if one else None for one in paths])
    )
    distinct = [tuple(path) for path in column.drop_nulls().unique().to_list()]
    wanted = {path[:depth] for path in distinct for depth in range(1, len(path) + 1)}
    known = {
        tuple(path): number
        for number, path in Category.objects.filter(platform=platform).values_list("pk", "path")
    }
    fresh = Category.objects.bulk_create(
        [
            Category(platform=platform, path=list(path), derived=derived)
            for path in sorted(wanted - set(known))
        ],
        batch_size=1_000,
    )
    known |= {tuple(category.path): category.pk for category in fresh}
    return pl.DataFrame(
        {"category": [list(path) for path in distinct], "category_id": [known[path] for path in distinct]},
        schema={"category": pl.List(pl.String), "category_id": pl.Int64},
    )
