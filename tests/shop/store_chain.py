"""A generated chain of 7,000 stores whose tables are known beforehand; generated, nothing real."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from precision.shop.methods import store_tables as t

STORES, MONTHS = 7_000, 12
STAR_SHARES = (0.44, 0.34, 0.13, 0.06, 0.03)  # 78 % with one or two stars
STORES_PER_DISPLAY, STORES_PER_SALE = 2.4, 2.3
DISPLAYS_AT_FOUR_AND_MORE = 1.33
TYPES = ("street", "IT mall", "mall")
REGIONS = ("North", "East", "South", "West")
UNIT_E4 = 300 * 10_000


@dataclass(frozen=True, slots=True)
class Chain:
    """`stores` (STORE, TYPE, REGION, STAR) and `months` (STORE, MONTH, MONTH_SUMS)."""

    stores: pl.DataFrame
    months: pl.DataFrame


def chain(rng: np.random.Generator) -> Chain:
    """Return the chain: whole displays and sales a month, adding up to the figures above by construction."""
    counts = np.round(np.array(STAR_SHARES) * STORES).astype(np.int64)
    star = rng.permutation(np.repeat(np.arange(1, 6), counts))
    high = star >= 4
    displays = np.zeros((STORES, MONTHS), dtype=np.int64)
    displays[high] = _spread(
        rng, round(DISPLAYS_AT_FOUR_AND_MORE * high.sum() * MONTHS), (high.sum(), MONTHS)
    )
    left = round(STORES / STORES_PER_DISPLAY * MONTHS) - int(displays.sum())
    displays[~high] = _spread(rng, left, ((~high).sum(), MONTHS))
    units = _spread(
        rng, round(STORES / STORES_PER_SALE * MONTHS), (STORES, MONTHS), weights=star.astype(float)
    )
    value = units * UNIT_E4
    retail = (value * rng.beta(0.8, 0.8, (STORES, 1))).astype(np.int64)
    store = np.repeat(np.arange(1, STORES + 1), MONTHS)
    return Chain(
        stores=pl.DataFrame(
            {
                t.STORE: np.arange(1, STORES + 1),
                t.TYPE: rng.choice(TYPES, STORES, p=(0.5, 0.2, 0.3)),
                t.REGION: rng.choice(REGIONS, STORES),
                t.STAR: star,
            }
        ),
        months=pl.DataFrame(
            {
                t.STORE: store,
                t.MONTH: np.tile(np.arange(MONTHS), STORES),
                t.DISPLAYS: displays.ravel().astype(np.float64),
                t.UNITS_E3: units.ravel() * t.UNIT_PARTS,
                t.SALES_E4: value.ravel(),
                t.RETAIL_E4: retail.ravel(),
                t.INDUSTRY_E4: (value - retail).ravel(),
            }
        ),
    )


def _spread(
    rng: np.random.Generator, total: int, shape: tuple[int, int], *, weights: np.ndarray | None = None
) -> np.ndarray:
    """Return whole numbers of the shape that add up to `total`, more where a row weighs more."""
    share = np.ones(shape[0]) if weights is None else weights
    cells = np.repeat(share / share.sum() / shape[1], shape[1])
    return rng.multinomial(total, cells).reshape(shape)
