"""What stores displayed and sold in each month into their table."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import polars as pl

from precision.shop import bulk
from precision.shop.bulk import OUTCOME
from precision.shop.importing.catalogue import numbers_of_products, store_numbers
from precision.shop.importing.run import Run
from precision.shop.importing.summary import Outcomes
from precision.shop.mapping import RecordMapping
from precision.shop.models import Platform, Source, StoreMonth

KEY: Final = ("store_id", "month", "product_id")
FIGURES: Final = ("displays", "sales_value", "sales_units", "retail_value", "industry_value")
DEFAULTS: Final[Mapping[str, Any]] = {"traits": "{}"}


def load_store_months(
    platform: Platform, frame: pl.DataFrame, *, replace: bool = False, now: datetime
) -> pl.DataFrame:
    """Add or update months of stores; return the columns of KEY and the outcome of each.

    `store_id` and `product_id` (null: all products) are our numbers, `month` its first day; any of FIGURES and `traits`
    (JSON text) beside them. Each month of a store and product stands there once. `replace`: what is null is emptied.
    """
    return bulk.upsert(
        StoreMonth,
        frame,
        key=KEY,
        within={"platform_id": platform.pk},
        defaults=DEFAULTS,
        replace=replace,
        now=now,
    )


def load_month_rows(run: Run, made: pl.DataFrame, record: RecordMapping, source: Source) -> Outcomes:
    """Load months of stores from rows, any day standing for its month; return what became of the rows.

    Of several rows of one month, store and product the last value given counts, the others are duplicates. Stores and
    products that nobody described are added.
    """
    made = made.with_columns(pl.col("month").dt.truncate("1mo"))
    stores = store_numbers(run.platform, made.get_column("store_id").unique().drop_nulls(), now=run.now)
    if "product_id" not in made.columns:
        made = made.with_columns(product_id=pl.lit(None, pl.String))
    products, unknown = numbers_of_products(
        run.platform, made.get_column("product_id").unique().drop_nulls(), now=run.now
    )
    run.summary.unknown_products += len(unknown)
    numbered = (
        made.join(stores, on="store_id", how="left", maintain_order="left")
        .join(products, on="product_id", how="left", maintain_order="left")
        .drop("store_id", "product_id")
        .rename({"store": "store_id", "product": "product_id"})
    )
    told = [name for name in (*FIGURES, "traits") if name in numbered.columns]
    once = numbered.group_by(KEY, maintain_order=True).agg(pl.col(name).drop_nulls().last() for name in told)
    outcome = load_store_months(run.platform, once, now=run.now).get_column(OUTCOME)
    counts = {name: int((outcome == name).sum()) for name in (bulk.ACCEPTED, bulk.UPDATED)}
    return Outcomes(**counts, duplicate=made.height - sum(counts.values()))
