"""What stores displayed and sold in each month into their table."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import polars as pl

from precision.shop import bulk
from precision.shop.models import Platform, StoreMonth

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
