"""Value, range and demand: who brings the revenue, how much of the range people buy, and what is wanted when.

*Value* is the money of a window, net of returns. *Big customers* are the fewest who together bring a given share of it;
all others are one group. *Range* is the number of different categories bought. *Demand* is counted by category and week
(from Monday) or month, of everybody, guests included.
"""

from typing import Any, Final

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from precision.shop import columns as c
from segments.methods import mid_ranks

SPEND_E4: Final = "spend_e4"  # Int64, net of returns; may be negative
ORDERS: Final = "orders"  # Int64, orders with a sold line
CATEGORIES: Final = "categories"  # Int64, different categories of sold lines
PRODUCTS: Final = "products"  # Int64, different products of sold lines
VALUE_DECILE: Final = "value_decile"  # Int64 1..10, 10 the tenth that spent most
BIG: Final = "big"  # Boolean
PERIOD: Final = "period"  # Int64, first day of the week or month
CUSTOMERS: Final = "customers"  # Int64, how many; guests are not counted
LEAST_E4, MOST_E4 = "least_e4", "most_e4"
DECILES: Final = 10
RANGES: Final = (1, 2, 3, 4, 5, 10, 20, 50)
"""Where each class of range begins; it ends before the next."""
WEEK, MONTH = "week", "month"
PERIODS: Final = (WEEK, MONTH)


def spending(lines: nw.LazyFrame[Any], *, as_of: int, window_days: int) -> nw.LazyFrame[Any]:
    """Return CUSTOMER, SPEND_E4, ORDERS, CATEGORIES and PRODUCTS of who ordered in [as_of − window_days, as_of).

    Guests, and customers who only returned goods, have no row.
    """
    known = lines.filter(
        nw.col(c.DAY) < as_of, nw.col(c.DAY) >= as_of - window_days, ~nw.col(c.CUSTOMER).is_null()
    )
    sold = known.filter(~nw.col(c.RETURNED))
    found = known.group_by(c.CUSTOMER).agg(nw.col(c.AMOUNT_E4).sum().alias(SPEND_E4))
    orders = sold.select(c.CUSTOMER, c.ORDER).unique([c.CUSTOMER, c.ORDER])
    found = found.join(
        orders.group_by(c.CUSTOMER).agg(nw.len().cast(nw.Int64).alias(ORDERS)), on=c.CUSTOMER, how="inner"
    )
    for name, column in ((CATEGORIES, c.CATEGORY), (PRODUCTS, c.PRODUCT)):
        pairs = sold.filter(~nw.col(column).is_null()).select(c.CUSTOMER, column).unique([c.CUSTOMER, column])
        counted = pairs.group_by(c.CUSTOMER).agg(nw.len().cast(nw.Int64).alias(name))
        found = found.join(counted, on=c.CUSTOMER, how="left")
    return found.with_columns(nw.col(CATEGORIES, PRODUCTS).fill_null(0))


def screened(customers: nw.LazyFrame[Any], *, big_share: float) -> nw.LazyFrame[Any]:
    """Return the customers of `spending` with VALUE_DECILE (`mid_ranks`) and BIG added.

    BIG are those before whom, from the highest spend down, less than `big_share` of all positive spend is reached;
    equal ones are all big or all small. Raises ValueError for a share that is not above 0 and at most 1.
    """
    if not 0 < big_share <= 1:
        raise ValueError(f"A share of {big_share} was given; it must be above 0 and at most 1.")
    deciles = mid_ranks.scores(customers, SPEND_E4, VALUE_DECILE, parts=DECILES)
    paid = customers.filter(nw.col(SPEND_E4) > 0)
    total = paid.select(nw.col(SPEND_E4).sum().alias("_total"))
    reached = (
        paid.group_by(SPEND_E4)
        .agg(nw.len().cast(nw.Int64).alias("_equal"))
        .with_columns(
            (nw.col("_equal") * nw.col(SPEND_E4)).alias("_own"), (-nw.col(SPEND_E4)).alias("_order")
        )
        .with_columns(nw.col("_own").cum_sum().over(order_by="_order").alias("_up_to"))
        .join(total, how="cross")
        .select(
            SPEND_E4,
            (
                (nw.col("_up_to") - nw.col("_own")).cast(nw.Float64)
                < nw.col("_total").cast(nw.Float64) * big_share
            ).alias(BIG),
        )
    )
    return (
        customers.join(deciles, on=SPEND_E4, how="left")
        .join(reached, on=SPEND_E4, how="left")
        .with_columns(nw.col(BIG).fill_null(False))
    )


def by_decile(customers: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return VALUE_DECILE, CUSTOMERS, ORDERS, SPEND_E4, LEAST_E4, MOST_E4; a decile that ties emptied has no row."""
    return customers.group_by(VALUE_DECILE).agg(*_sums(), *_bounds())


def by_size(customers: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return BIG, CUSTOMERS, ORDERS, SPEND_E4, LEAST_E4 and MOST_E4: the big ones, and all small ones as one group."""
    return customers.group_by(BIG).agg(*_sums(), *_bounds())


def by_range(customers: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return CATEGORIES (the beginning of a class of RANGES; 0: none known), CUSTOMERS, ORDERS and SPEND_E4."""
    begins: nw.Expr = nw.lit(0)
    for first in RANGES:
        begins = nw.when(nw.col(CATEGORIES) >= first).then(nw.lit(first)).otherwise(begins)
    classed = customers.with_columns(begins.cast(nw.Int64).alias(CATEGORIES))
    return classed.group_by(CATEGORIES).agg(*_sums())


def gini(values: NDArray[np.float64]) -> float | None:
    """Return the Gini coefficient of values, negative ones counted as 0; None where nothing is above 0.

    0: all have the same; (n − 1) / n: one has all. G = Σ (2 i − n − 1) x_i / (n Σ x_i), x in rising order.
    """
    rising = np.sort(np.clip(np.asarray(values, dtype=np.float64), 0, None))
    total = rising.sum()
    if not total > 0:
        return None
    count = len(rising)
    weights = 2 * np.arange(1, count + 1) - count - 1
    return float((weights * rising).sum() / (count * total))


def demand(lines: nw.LazyFrame[Any], *, as_of: int, window_days: int, period: str) -> nw.LazyFrame[Any]:
    """Return PERIOD, CATEGORY, ORDERS, CUSTOMERS, QUANTITY_E3 and AMOUNT_E4 of whole periods within the window.

    A row for each category in which anything was sold or came back; CATEGORY is null for products without one. The
    period that `as_of` cuts is there as far as it goes; the first one is there only if it began in the window.
    Quantities and amounts are net of returns. Raises ValueError for a period that is none of PERIODS.
    """
    begins = {WEEK: nw.col(c.DAY) - (nw.col(c.WEEKDAY) - 1), MONTH: nw.col(c.DAY) - _day_of_month(c.DAY)}
    if period not in begins:
        raise ValueError(f"There is no period {period!r}; there are {', '.join(PERIODS)}.")
    seen = lines.filter(nw.col(c.DAY) < as_of, nw.col(c.DAY) >= as_of - window_days)
    seen = seen.with_columns(begins[period].cast(nw.Int64).alias(PERIOD)).filter(
        nw.col(PERIOD) >= as_of - window_days
    )
    # Joins leave out null keys, so products without a category get a number of their own until the end.
    seen = seen.with_columns(nw.col(c.CATEGORY).fill_null(-1).alias(c.CATEGORY))
    keys = [PERIOD, c.CATEGORY]
    found = seen.group_by(*keys).agg(nw.col(c.QUANTITY_E3).sum(), nw.col(c.AMOUNT_E4).sum())
    sold = seen.filter(~nw.col(c.RETURNED))
    for name, column in ((ORDERS, c.ORDER), (CUSTOMERS, c.CUSTOMER)):
        distinct = sold.filter(~nw.col(column).is_null()).select(*keys, column).unique([*keys, column])
        counted = distinct.group_by(*keys).agg(nw.len().cast(nw.Int64).alias(name))
        found = found.join(counted, on=keys, how="left")
    return found.select(
        PERIOD,
        nw.when(nw.col(c.CATEGORY) >= 0).then(nw.col(c.CATEGORY)).otherwise(None).alias(c.CATEGORY),
        nw.col(ORDERS).fill_null(0),
        nw.col(CUSTOMERS).fill_null(0),
        c.QUANTITY_E3,
        c.AMOUNT_E4,
    )


def _sums() -> list[nw.Expr]:
    return [nw.len().cast(nw.Int64).alias(CUSTOMERS), nw.col(ORDERS).sum(), nw.col(SPEND_E4).sum()]


def _bounds() -> list[nw.Expr]:
    return [nw.col(SPEND_E4).min().alias(LEAST_E4), nw.col(SPEND_E4).max().alias(MOST_E4)]


def _day_of_month(day: str) -> nw.Expr:
    """Return the day of the month less one, from days since 1970-01-01, in whole numbers alone.

    After H. Hinnant, “chrono-compatible low-level date algorithms”, civil_from_days: years that begin in March make the
    leap day the last one.
    """
    days = nw.col(day) + 719_468  # since 1 March of the year 0
    of_era = days - days // 146_097 * 146_097  # within 400 years
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    return of_year - (153 * month + 2) // 5
