"""Tables of a chain of stores: by star and orientation, by type, by region and by star.

Definitions, for a span of whole months:

- A store's *monthly displays* are the mean of its displays over the months in which it tells them; *monthly sales*
  (units) and *monthly value* likewise. A store that never tells them has none, which is not 0.
- Its *orientation* is retail when more than 60 % of its sales of the span are retail, industry when more than 60 % are
  industry, else mixed. Sales are `SALES_E4` where given, else retail and industry together. It is not given (null) when
  the split is not given, or when there were no sales.
- Of a group of stores: *stores* and their *share* of all stores; *mean displays* and *mean sales* are the means of the
  stores' monthly figures over those stores of the group that have them; *stores per display* is the number of those
  stores divided by the sum of their monthly displays, and *stores per sale* the same with units sold: one display per
  2.4 stores is 2.4. Both are null where the divisor is not above 0.
- The *implied star* of a store: the stores that have a star and sales are put in the order of their monthly sales and
  cut where the given stars would cut them, so that as many stores get each star as have it. Equal sales get equal
  stars (by their mid-rank); a store without a star is placed among the others.
"""

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

# One row a store
STORE = "store"  # Int64
TYPE = "type"  # String, null: not given
REGION = "region"  # String, null: not given
STAR = "star"  # Int64 1..5, null: not given
ORIENTATION = "orientation"  # String: RETAIL, INDUSTRY or MIXED, null: not given
IMPLIED_STAR = "implied_star"  # Int64 1..5, null: no sales known, or no store has a star
DISPLAYS = "displays"  # Float64: of a month in the input, the mean month of a store in the figures
UNITS = "units"  # Float64 units sold, likewise
VALUE_E4 = "value_e4"  # Float64 mean month, in 1/10,000 of the currency unit

# One row a store and month
MONTH = "month"  # Int64, any number that tells months apart
UNITS_E3 = "units_e3"  # Int64, 1/1,000 of a unit
SALES_E4 = "sales_e4"  # Int64
RETAIL_E4 = "retail_e4"  # Int64
INDUSTRY_E4 = "industry_e4"  # Int64
MONTH_SUMS = (DISPLAYS, UNITS_E3, SALES_E4, RETAIL_E4, INDUSTRY_E4)
SPLIT = (SALES_E4, RETAIL_E4, INDUSTRY_E4)

# One row a group of stores
STORES = "stores"  # Int64
SHARE = "share"  # Float64 0..1
STORES_WITH_DISPLAYS = "stores_with_displays"  # Int64, stores that tell their displays
STORES_WITH_SALES = "stores_with_sales"  # Int64, stores that tell their units
MEAN_DISPLAYS = "mean_displays"  # Float64 a store and month, null: nobody tells
MEAN_UNITS = "mean_units"  # Float64
MEAN_VALUE_E4 = "mean_value_e4"  # Float64
STORES_PER_DISPLAY = "stores_per_display"  # Float64, null: no displays
STORES_PER_SALE = "stores_per_sale"  # Float64, null: no sales

RETAIL, INDUSTRY, MIXED = "retail", "industry", "mixed"
TABLES = {"star_orientation": (STAR, ORIENTATION), "type": (TYPE,), "region": (REGION,), "star": (STAR,)}
"""The four tables: what their rows are grouped by."""
UNIT_PARTS = 1_000

Frame = nw.LazyFrame[Any]


def store_figures(stores: Frame, months: Frame) -> Frame:
    """Return `stores` (STORE, TYPE, REGION, STAR) with ORIENTATION, DISPLAYS, UNITS and VALUE_E4 of a mean month.

    `months` has one row a STORE and MONTH with MONTH_SUMS; null: not told. For IMPLIED_STAR see `implied_stars`.
    """
    told = months.group_by(STORE).agg(
        nw.col(DISPLAYS).mean(),
        nw.col(UNITS_E3).mean(),
        nw.col(SALES_E4).mean().alias(VALUE_E4),
        *(nw.col(name).sum() for name in SPLIT),
        *(nw.col(name).count().alias(f"_{name}") for name in SPLIT),
    )
    told = told.with_columns(
        (nw.col(UNITS_E3) / UNIT_PARTS).alias(UNITS),
        # A sum over nothing is 0, and nothing told is not 0.
        *(nw.when(nw.col(f"_{name}") > 0).then(nw.col(name)).alias(name) for name in SPLIT),
    )
    told = told.with_columns(_orientation().alias(ORIENTATION))
    return stores.join(told.select(STORE, ORIENTATION, DISPLAYS, UNITS, VALUE_E4), on=STORE, how="left")


def groups(figures: Frame, by: Sequence[str]) -> Frame:
    """Return one row a combination of `by` (null: not given) with STORES … STORES_PER_SALE, unordered.

    `figures` is one row a store as `store_figures` gives it. With no name in `by` the one row is of all stores.
    """
    everybody = figures.select(nw.len().cast(nw.Int64).alias("_all"))
    measures = [
        nw.len().cast(nw.Int64).alias(STORES),
        nw.col(DISPLAYS).count().cast(nw.Int64).alias(STORES_WITH_DISPLAYS),
        nw.col(UNITS).count().cast(nw.Int64).alias(STORES_WITH_SALES),
        nw.col(DISPLAYS).sum().alias("_displays"),
        nw.col(UNITS).sum().alias("_units"),
        nw.col(VALUE_E4).mean().alias(MEAN_VALUE_E4),
    ]
    grouped = figures.group_by(*by).agg(*measures) if by else figures.select(*measures)
    return grouped.join(everybody, how="cross").select(
        *by,
        STORES,
        _ratio(STORES, "_all").alias(SHARE),
        STORES_WITH_DISPLAYS,
        STORES_WITH_SALES,
        _ratio("_displays", STORES_WITH_DISPLAYS).alias(MEAN_DISPLAYS),
        _ratio("_units", STORES_WITH_SALES).alias(MEAN_UNITS),
        MEAN_VALUE_E4,
        _ratio(STORES_WITH_DISPLAYS, "_displays").alias(STORES_PER_DISPLAY),
        _ratio(STORES_WITH_SALES, "_units").alias(STORES_PER_SALE),
    )


def implied_stars(stars: NDArray[np.int64], units: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the star, 1 to 5, that the monthly sales of each store imply; 0 where they imply none.

    `stars` (stores,) holds 1 to 5, or 0 where no star is given; `units` (stores,) monthly units, nan where unknown.
    """
    known = ~np.isnan(units)
    basis = np.sort(units[known & (stars > 0)])
    if not len(basis):
        return np.zeros(len(stars), dtype=np.int64)
    borders = np.cumsum(np.bincount(stars[known & (stars > 0)], minlength=6)[1:6])
    # Twice the mid-rank of a store among those with stars, against twice the number of stores up to each star.
    rank = np.searchsorted(basis, units, side="left") + np.searchsorted(basis, units, side="right")
    implied = np.searchsorted(2 * borders, rank, side="left") + 1
    # A store without a star that sells less, or more, than all the others gets the lowest, or highest, star given.
    given = stars[known & (stars > 0)]
    return np.where(known, np.clip(implied, given.min(), given.max()), 0).astype(np.int64)


def star_matrix(stars: NDArray[np.int64], implied: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return counts (6, 6): row the given star, column the implied one, 0 where there is none."""
    counts = np.bincount(stars * 6 + implied, minlength=36)
    return counts.reshape(6, 6).astype(np.int64)


def _orientation() -> nw.Expr:
    """RETAIL, INDUSTRY, MIXED or null; compared in whole numbers, so that exactly 60 % is mixed."""
    retail, industry, sales = nw.col(RETAIL_E4), nw.col(INDUSTRY_E4), nw.col(SALES_E4)
    total = nw.when(~sales.is_null()).then(sales).otherwise(retail + industry)
    both = ~retail.is_null() & ~industry.is_null()
    return (
        nw.when((total > 0) & (retail * 5 > total * 3))
        .then(nw.lit(RETAIL))
        .otherwise(
            nw.when((total > 0) & (industry * 5 > total * 3))
            .then(nw.lit(INDUSTRY))
            .otherwise(nw.when((total > 0) & both).then(nw.lit(MIXED)))
        )
    )


def _ratio(above: str, below: str) -> nw.Expr:
    """One column over the other as Float64; null where the divisor is not above 0."""
    return nw.when(nw.col(below) > 0).then(nw.col(above).cast(nw.Float64) / nw.col(below).cast(nw.Float64))
