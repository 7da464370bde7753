"""Facts of two shops small enough that a benchmark of recommendations runs in seconds."""

import json
from pathlib import Path

import numpy as np
import polars as pl

from precision.shop import columns as c
from tests.recommender.lines import frame

DAY, LASTS = 1_000, 400
"""The first day that nothing is known of, and of how many days before it something is known."""
CUSTOMERS, PRODUCTS = 60, 40


def lines(*, seed: int, customers: int = CUSTOMERS, orders: int = 25) -> pl.DataFrame:
    """People of two tastes who come back to six products of theirs and try a seventh; some orders are of guests."""
    rng = np.random.default_rng(seed)
    rows, number = [], 0
    for customer in range(customers):
        taste = np.arange(customer % 2, PRODUCTS, 2)
        usual = rng.choice(taste, size=6, replace=False)
        for day in DAY - LASTS + np.sort(rng.choice(LASTS, size=orders, replace=False)):
            for product in {*rng.choice(usual, size=2, replace=False).tolist(), int(rng.choice(taste))}:
                rows.append((None if customer % 20 == 19 else customer, number, product, int(day), 1))
            number += 1
    return frame(*rows).with_columns(pl.lit(None, dtype=pl.Int64).alias(c.STORE))


def write(folder: Path, *, customers: int = CUSTOMERS) -> Path:
    """Write the facts of both shops as `benchmarks.quality_shops` keeps them; return the folder."""
    titles = pl.DataFrame(
        {
            c.PRODUCT: range(PRODUCTS),
            "title": [f"{'red' if each % 2 else 'blue'} thing {each % 5}" for each in range(PRODUCTS)],
            "brand": [None if each % 3 else "Ours" for each in range(PRODUCTS)],
        },
        schema_overrides={c.PRODUCT: pl.Int64, "brand": pl.String},
    )
    products = titles.select(
        c.PRODUCT,
        pl.lit(None, dtype=pl.Int64).alias(c.CATEGORY),
        pl.lit(None, dtype=pl.Int64).alias(c.PRICE_E4),
        pl.lit(True).alias(c.IN_STOCK),
        pl.lit(True).alias(c.ACTIVE),
    )
    for seed, key in enumerate(("gifts", "grocer")):
        (folder / key).mkdir(parents=True)
        lines(seed=seed, customers=customers).write_parquet(folder / key / "lines.parquet")
        products.write_parquet(folder / key / "products.parquet")
        titles.write_parquet(folder / key / "titles.parquet")
        told = {"day": DAY, "currency": "GBP", "timezone": "Europe/London"}
        (folder / key / "facts.json").write_text(json.dumps(told), encoding="utf-8")
    return folder
