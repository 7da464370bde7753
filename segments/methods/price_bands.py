"""The band of price positions within which somebody buys: shrunk quantiles of the positions of what they bought.

A price position says where a product's usual price stands in its category, 0 the cheapest and 1 the dearest
(`prices.product_prices`); the band is about goods, it is no price of anybody's own. Positions are counted in BINS equal
bins, b = 0 …, with n_b lines of somebody's n, and p_b the part of everyone's lines in the bin:

    w_b = n_b + k p_b,   W = Σ w_b = n + k,   k = PRIOR_LINES
    quantile(q) = 1/BINS × Σ_b clip((q W − Σ_{a<b} w_a) / w_b, 0, 1)

the q-quantile of the mixture of own and everyone's lines, even within a bin. In the favourite category the prior is
not everyone but the customer's own overall mixture, w_b / W.
"""

from functools import reduce
from operator import add
from typing import Any, Final

import narwhals as nw

from precision.shop import columns as c
from segments.methods.favourites import TIMES
from segments.methods.prices import PRICE_POSITION

BINS: Final = 20
PRIOR_LINES: Final = 10
LOW_QUANTILE: Final = 0.1
HIGH_QUANTILE: Final = 0.9

LOW: Final = "price_band_low"
HIGH: Final = "price_band_high"
CATEGORY_LOW: Final = "category_price_band_low"
CATEGORY_HIGH: Final = "category_price_band_high"

BIN: Final = "bin"  # Int64, 0 .. BINS - 1
_OWN = [f"_own_{b}" for b in range(BINS)]
_ALL = [f"_all_{b}" for b in range(BINS)]


def binned(lines: nw.LazyFrame[Any], positions: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return CUSTOMER, CATEGORY, BIN and TIMES: sold lines of known customers by the position of their products.

    `positions` has PRODUCT and PRICE_POSITION; products without one count nothing.
    """
    sold = ~nw.col(c.RETURNED) & (nw.col(c.QUANTITY_E3) > 0) & ~nw.col(c.CUSTOMER).is_null()
    place = (nw.col(PRICE_POSITION) * BINS).cast(nw.Int64)
    return (
        lines.filter(sold)
        .select(c.CUSTOMER, c.PRODUCT, c.CATEGORY)
        .join(positions.filter(~nw.col(PRICE_POSITION).is_null()), on=c.PRODUCT, how="inner")
        .with_columns(
            nw.when(place >= BINS).then(nw.lit(BINS - 1)).otherwise(place).cast(nw.Int64).alias(BIN)
        )
        .group_by(c.CUSTOMER, c.CATEGORY, BIN)
        .agg(nw.len().cast(nw.Int64).alias(TIMES))
    )


def bands(counts: nw.LazyFrame[Any], favourite: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return CUSTOMER, LOW, HIGH, CATEGORY_LOW and CATEGORY_HIGH from the rows of `binned`.

    `favourite` has CUSTOMER and CATEGORY, the favourite one; without a position in it there is no band there.
    """
    own = _wide(counts, _OWN)
    everyone = _wide(counts.with_columns(nw.lit(0, dtype=nw.Int64).alias(c.CUSTOMER)), _ALL)
    total = reduce(add, (nw.col(name) for name in _ALL))
    shares = everyone.select((nw.col(name) / total).alias(name) for name in _ALL)
    mixed = own.join(shares, how="cross").select(
        c.CUSTOMER, *((nw.col(n) + PRIOR_LINES * nw.col(p)).alias(n) for n, p in zip(_OWN, _ALL, strict=True))
    )
    inside = _wide(counts.join(favourite, on=[c.CUSTOMER, c.CATEGORY], how="inner"), _ALL)
    mass = reduce(add, (nw.col(name) for name in _OWN))
    narrowed = inside.join(mixed, on=c.CUSTOMER, how="inner").select(
        c.CUSTOMER,
        *((nw.col(n) + PRIOR_LINES * nw.col(p) / mass).alias(n) for n, p in zip(_ALL, _OWN, strict=True)),
    )
    overall = mixed.select(
        c.CUSTOMER, _quantile(_OWN, LOW_QUANTILE).alias(LOW), _quantile(_OWN, HIGH_QUANTILE).alias(HIGH)
    )
    within = narrowed.select(
        c.CUSTOMER,
        _quantile(_ALL, LOW_QUANTILE).alias(CATEGORY_LOW),
        _quantile(_ALL, HIGH_QUANTILE).alias(CATEGORY_HIGH),
    )
    return overall.join(within, on=c.CUSTOMER, how="left")


def _wide(counts: nw.LazyFrame[Any], names: list[str]) -> nw.LazyFrame[Any]:
    """Return CUSTOMER and a column a bin, the lines in it."""
    marked = counts.select(
        c.CUSTOMER,
        *(
            nw.when(nw.col(BIN) == b).then(nw.col(TIMES)).otherwise(0).cast(nw.Int64).alias(name)
            for b, name in enumerate(names)
        ),
    )
    return marked.group_by(c.CUSTOMER).agg(nw.col(name).sum() for name in names)


def _quantile(names: list[str], q: float) -> nw.Expr:
    """Return the q-quantile of the weights, a column a bin; see the module."""
    target = q * reduce(add, (nw.col(name) for name in names))
    below: nw.Expr = nw.lit(0.0)
    parts: list[nw.Expr] = []
    for name in names:
        weight = nw.col(name)
        part = (target - below) / weight
        # An empty bin is passed where there is weight behind it.
        parts.append(
            nw.when((weight > 0) & (part < 1))
            .then(nw.when(part > 0).then(part).otherwise(nw.lit(0.0)))
            .otherwise(nw.when(target > below).then(nw.lit(1.0)).otherwise(nw.lit(0.0)))
        )
        below = below + weight
    return reduce(add, parts) / BINS
