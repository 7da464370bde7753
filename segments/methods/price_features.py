"""What a customer's orders say about price: the features of the price classes, and how exactly they are known.

Formulas and choices: docs/methods/price-classes.md. Lazy narwhals frames in the dialect of `precision.shop.columns`.
"""

from typing import Any

import narwhals as nw

from precision.shop import columns as col
from segments.methods.prices import (
    DISCOUNT_SHARE,
    LINES,
    LIST_VALUE_E7,
    PRICE_POSITION,
    SAVED_VALUE_E7,
)

ORDERS = "orders"  # Int64, orders in the window
POSITIONED_LINES = "positioned_lines"  # Int64, lines whose product has a price position
SPEND_E4 = "spend_e4"  # Int64, paid for the sold lines of the window
SAVED_E4 = "saved_e4"  # Int64, saved against the reference prices on those lines
LIST_VALUE_E4 = "list_value_e4"  # Int64, what those lines cost at their reference prices
PRICE_SPREAD = "price_spread"  # Float64, standard deviation of the lines' positions, null below two
BUYER_POSITION = "buyer_position"  # Float64, price position of the other buyers of what the customer buys

MEASURES = (PRICE_POSITION, BUYER_POSITION, DISCOUNT_SHARE)
"""What the rule is made of, in the order of the rows and columns of `measurement_noise`."""
PAIRS = tuple((i, j) for i in range(3) for j in range(i, 3))

_LINE_BUYERS = "_line_buyers"


def customer_features(
    priced: nw.LazyFrame[Any],
    products: nw.LazyFrame[Any],
    *,
    as_of: int,
    window_days: int,
    shrink_lines: float,
) -> nw.LazyFrame[Any]:
    """Return one row per known customer with a sold line in [as_of - window_days, as_of), Int64 days.

    `priced` comes from `prices.priced_lines`, `products` from `prices.product_prices`. Columns: CUSTOMER,
    ORDERS, LINES, POSITIONED_LINES, SPEND_E4, SAVED_E4, LIST_VALUE_E4, PRICE_POSITION (mean over lines),
    BUYER_POSITION, PRICE_SPREAD and DISCOUNT_SHARE (of the list value). The mean and the share are shrunk to
    the platform's by `shrink_lines` average lines; a position is null where no line has one.

    BUYER_POSITION is, averaged over the customer's lines, the mean PRICE_POSITION of the other buyers of that
    product: one step of reciprocal averaging. It borrows strength where package sizes blur a product's own
    position.
    """
    window = _window(priced, products, as_of=as_of, window_days=window_days)
    customers = _customers(window, shrink_lines)
    buyers = (
        _line_buyers(window, customers, shrink_lines)
        .group_by(col.CUSTOMER)
        .agg((nw.col(_LINE_BUYERS) * nw.col("_times")).sum().alias("_weighted"), nw.col("_times").sum())
        .select(col.CUSTOMER, (nw.col("_weighted") / nw.col("_times")).alias(BUYER_POSITION))
    )
    return customers.join(buyers, on=col.CUSTOMER, how="left").select(
        col.CUSTOMER,
        ORDERS,
        LINES,
        POSITIONED_LINES,
        SPEND_E4,
        (nw.col(SAVED_VALUE_E7) / col.QUANTITY).cast(nw.Int64).alias(SAVED_E4),
        (nw.col(LIST_VALUE_E7) / col.QUANTITY).cast(nw.Int64).alias(LIST_VALUE_E4),
        PRICE_POSITION,
        BUYER_POSITION,
        PRICE_SPREAD,
        DISCOUNT_SHARE,
    )


def measurement_noise(
    priced: nw.LazyFrame[Any],
    products: nw.LazyFrame[Any],
    *,
    as_of: int,
    window_days: int,
    shrink_lines: float,
) -> nw.LazyFrame[Any]:
    """Return one row: how far chance moves the three MEASURES of a customer, per line.

    Columns `noise_i_j` (i ≤ j, of PAIRS): with n lines the error of measures i and j has the covariance
    noise_i_j / n. Lines of one order are bought together, so deviations from the customer's own means are added up
    within each order first (cluster-robust variance of a mean, of a ratio for DISCOUNT_SHARE; Cochran, Sampling
    Techniques, 1977, ch. 6 and 9A), pooled over the customers with two orders or more:

        noise_ij = Σ over customers of m/(m-1) Σ over their m orders of e_i e_j  /  Σ lines of these customers

    Null when no customer has two orders.
    """
    window = _window(priced, products, as_of=as_of, window_days=window_days)
    customers = _customers(window, shrink_lines)
    sums = (LINES, "_position", "_buyers", "_saved", "_list")
    orders = (
        window.filter(~nw.col(PRICE_POSITION).is_null())
        .join(
            _line_buyers(window, customers, shrink_lines).drop("_times"),
            on=[col.CUSTOMER, col.PRODUCT],
            how="left",
        )
        .group_by(col.CUSTOMER, col.ORDER)
        .agg(
            nw.len().cast(nw.Int64).alias(LINES),
            nw.col(PRICE_POSITION).sum().alias("_position"),
            nw.col(_LINE_BUYERS).sum().alias("_buyers"),
            nw.col(SAVED_VALUE_E7).sum().alias("_saved"),
            nw.col(LIST_VALUE_E7).sum().alias("_list"),
        )
    )
    totals = (
        orders.group_by(col.CUSTOMER)
        .agg(
            nw.len().cast(nw.Int64).alias(ORDERS), *(nw.col(name).sum().alias(f"{name}_all") for name in sums)
        )
        .filter(nw.col(ORDERS) >= 2)
    )
    lines, all_lines = nw.col(LINES), nw.col(f"{LINES}_all")
    share = nw.col("_saved_all") / nw.col("_list_all")
    errors = orders.join(totals, on=col.CUSTOMER, how="inner").with_columns(
        (nw.col("_position") - nw.col("_position_all") / all_lines * lines).alias("_e0"),
        (nw.col("_buyers") - nw.col("_buyers_all") / all_lines * lines).alias("_e1"),
        ((nw.col("_saved") - share * nw.col("_list")) / (nw.col("_list_all") / all_lines)).alias("_e2"),
        (nw.col(ORDERS) / (nw.col(ORDERS) - 1)).alias("_correction"),
    )
    return errors.select(
        *(
            (nw.col(f"_e{i}") * nw.col(f"_e{j}") * nw.col("_correction")).sum().alias(f"noise_{i}_{j}")
            for i, j in PAIRS
        ),
        lines.sum().alias(LINES),
    ).select(
        nw.when(nw.col(LINES) > 0).then(nw.col(f"noise_{i}_{j}") / nw.col(LINES)).alias(f"noise_{i}_{j}")
        for i, j in PAIRS
    )


def platform_averages(
    priced: nw.LazyFrame[Any], products: nw.LazyFrame[Any], *, as_of: int, window_days: int
) -> nw.LazyFrame[Any]:
    """Return one row: what a customer's own lines are shrunk to.

    `position`: mean price position of a line; `saved`, `list_value`: mean of a line, in currency units. All null
    without lines.
    """
    parts = col.MONEY * col.QUANTITY
    return _averages(_window(priced, products, as_of=as_of, window_days=window_days)).select(
        nw.col("_position_mean").alias("position"),
        (nw.col("_saved_line") / parts).alias("saved"),
        (nw.col("_list_line") / parts).alias("list_value"),
    )


def _averages(window: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    return window.select(
        nw.col(PRICE_POSITION).mean().alias("_position_mean"),
        nw.col(SAVED_VALUE_E7).mean().alias("_saved_line"),
        nw.col(LIST_VALUE_E7).mean().alias("_list_line"),
    )


def _window(
    priced: nw.LazyFrame[Any], products: nw.LazyFrame[Any], *, as_of: int, window_days: int
) -> nw.LazyFrame[Any]:
    """The lines of known customers in the window, with the PRICE_POSITION of their products."""
    return priced.filter(
        nw.col(col.DAY) < as_of,
        nw.col(col.DAY) >= as_of - window_days,
        ~nw.col(col.CUSTOMER).is_null(),
    ).join(products.select(col.PRODUCT, PRICE_POSITION), on=col.PRODUCT, how="left")


def _customers(window: nw.LazyFrame[Any], shrink: float) -> nw.LazyFrame[Any]:
    """One row per customer: sums, and the shrunk mean and share; the platform's mean beside them."""
    position = nw.col(PRICE_POSITION)
    averages = _averages(window)
    shrunk = (nw.col("_position_sum") + shrink * nw.col("_position_mean")) / (
        nw.col(POSITIONED_LINES) + shrink
    )
    return (
        window.group_by(col.CUSTOMER)
        .agg(
            nw.col(col.ORDER).n_unique().cast(nw.Int64).alias(ORDERS),
            nw.len().cast(nw.Int64).alias(LINES),
            position.count().cast(nw.Int64).alias(POSITIONED_LINES),
            nw.col(col.AMOUNT_E4).sum().alias(SPEND_E4),
            nw.col(SAVED_VALUE_E7).sum(),
            nw.col(LIST_VALUE_E7).sum(),
            position.sum().alias("_position_sum"),
            position.std().alias(PRICE_SPREAD),
        )
        .join(averages, how="cross")
        .with_columns(
            nw.when(nw.col(POSITIONED_LINES) > 0).then(shrunk).alias(PRICE_POSITION),
            (
                (nw.col(SAVED_VALUE_E7) + shrink * nw.col("_saved_line"))
                / (nw.col(LIST_VALUE_E7) + shrink * nw.col("_list_line"))
            ).alias(DISCOUNT_SHARE),
        )
    )


def _line_buyers(window: nw.LazyFrame[Any], customers: nw.LazyFrame[Any], shrink: float) -> nw.LazyFrame[Any]:
    """CUSTOMER, PRODUCT, `_times` bought, and the mean position of its other buyers: the own lines are taken out."""
    bought = (
        window.filter(~nw.col(PRICE_POSITION).is_null())
        .group_by(col.CUSTOMER, col.PRODUCT)
        .agg(nw.len().cast(nw.Int64).alias("_times"))
        .join(
            customers.select(col.CUSTOMER, nw.col(PRICE_POSITION).alias("_own"), "_position_mean"),
            on=col.CUSTOMER,
            how="left",
        )
    )
    buyers = bought.group_by(col.PRODUCT).agg(
        (nw.col("_own") * nw.col("_times")).sum().alias("_sum"), nw.col("_times").sum().alias("_all")
    )
    others = nw.col("_all") - nw.col("_times")
    of_others = (nw.col("_sum") - nw.col("_own") * nw.col("_times") + shrink * nw.col("_position_mean")) / (
        others + shrink
    )
    # With no shrinkage and no other buyer there is nobody to ask: the platform's mean.
    return bought.join(buyers, on=col.PRODUCT, how="left").select(
        col.CUSTOMER,
        col.PRODUCT,
        "_times",
        nw.when(others + shrink > 0).then(of_others).otherwise(nw.col("_position_mean")).alias(_LINE_BUYERS),
    )
