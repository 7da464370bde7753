"""What `segments_labels` measures; a module of its own, because it needs Django to be set up."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import narwhals as nw
import polars as pl

from precision.engine.windows import epoch_day
from precision.shop import columns as c
from segments.jobs.labels import label_rows
from segments.labels import (
    from_activity,
    from_bands,
    from_campaigns,
    from_context,
    from_interests,
    from_orders,
    from_profiles,
    from_visits,
    own,
)
from segments.methods import rfm


def all_labels(folder: Path, as_of: date) -> pl.DataFrame:
    """Return CUSTOMER and a column a label, as the nightly job makes them; its JSON rows are made and dropped."""
    today = epoch_day(as_of)
    lines, events = _scan(folder / "lines"), _scan(folder / "events")
    year = lines.filter(nw.col(c.DAY) >= today - 365)
    events = events.filter(nw.col(c.DAY) >= today - 365)
    products = pl.read_parquet(folder / "products.parquet")
    numbers = pl.DataFrame({c.CATEGORY: pl.int_range(200, eager=True)})
    names = own.Names(
        categories=numbers.with_columns(name=pl.format("Goods / category {}", c.CATEGORY)),
        brands=products.select(c.PRODUCT, "name"),
        stores=numbers.select(
            pl.col(c.CATEGORY).alias(c.STORE), pl.format("store {}", c.CATEGORY).alias("name")
        ),
    )
    positions = nw.from_native(products.select(c.PRODUCT, "price_position").lazy())
    scores = rfm.scored(own.once(rfm.recency_frequency_money(lines, as_of=today)))
    parts: tuple[Callable[[], pl.DataFrame], ...] = (
        lambda: from_activity.labels(lines, events, today=today),
        lambda: from_orders.labels(lines, year, names, today=today),
        lambda: from_visits.labels(events, year, names, today=today),
        lambda: from_bands.labels(year, positions),
        lambda: from_context.labels(pl.read_parquet(folder / "ways.parquet")),
        lambda: from_profiles.labels(pl.read_parquet(folder / "profiles.parquet"), as_of),
        lambda: from_interests.labels(pl.read_parquet(folder / "interests.parquet")),
        lambda: from_campaigns.labels(pl.read_parquet(folder / "campaigns.parquet"), as_of),
        lambda: own.eager(scores),
    )
    everybody = pl.DataFrame(schema={c.CUSTOMER: pl.Int64})
    for part in parts:
        everybody = everybody.join(part(), on=c.CUSTOMER, how="full", coalesce=True)
    everybody = everybody.sort(c.CUSTOMER)
    run: Any = SimpleNamespace(pk=1)
    label_rows(run, everybody, days=from_activity.ACTIVE_DAYS)
    everybody.write_parquet(folder / "labels.parquet", compression="zstd")
    return everybody


def _scan(folder: Path) -> "nw.LazyFrame[pl.LazyFrame]":
    return nw.from_native(pl.scan_parquet(folder / "*.parquet"))
