"""Reference prices of order lines, and the price position and discount share of products.

Method and its limits: docs/methods/price-classes.md. All frames are narwhals LazyFrames in the dialect of
`precision.shop.columns`; everything here is lazy, so that any engine can run it. Nothing on or after the day
`as_of` is ever used.
"""

from typing import Any

import narwhals as nw

from precision.shop import columns as col

REFERENCE_E4 = "reference_e4"  # Int64, the price of one unit that the paid price is compared with
SAVING_E4 = "saving_e4"  # Int64, max(0, reference - paid) of one unit
LIST_VALUE_E7 = "list_value_e7"  # Int64, reference × quantity (1/10,000 of money × 1/1,000 of a unit)
SAVED_VALUE_E7 = "saved_value_e7"  # Int64, saving × quantity, the same unit

USUAL_PRICE_E4 = "usual_price_e4"  # Int64, median reference price of the product
PRICE_POSITION = "price_position"  # Float64 0..1, null without a category
DISCOUNT_SHARE = "discount_share"  # Float64 0..1, null where nothing was sold
LINES = "lines"  # Int64, sold lines

_PERIOD = "_period"
_OVERALL = "_overall"
_ANYBODY = "_anybody"


def sold_lines(lines: nw.LazyFrame[Any], *, as_of: int, window_days: int | None = None) -> nw.LazyFrame[Any]:
    """Return the lines that were sold (not returned, quantity above zero) in [as_of - window_days, as_of).

    `as_of` is an Int64 day; without `window_days` everything before `as_of` is taken.
    """
    sold = (nw.col(col.DAY) < as_of) & ~nw.col(col.RETURNED) & (nw.col(col.QUANTITY_E3) > 0)
    if window_days is not None:
        sold &= nw.col(col.DAY) >= as_of - window_days
    return lines.filter(sold)


def priced_lines(
    lines: nw.LazyFrame[Any],
    *,
    as_of: int,
    window_days: int | None = None,
    period_days: int = 28,
    least_lines: int = 5,
) -> nw.LazyFrame[Any]:
    """Return the sold lines with REFERENCE_E4, SAVING_E4, LIST_VALUE_E7 and SAVED_VALUE_E7 added.

    The reference price of a line is the first of these that exists:

    1. the list price that the shop gave for the line;
    2. the median price that known customers paid for this product in the same period (day // period_days),
       if at least `least_lines` lines say so;
    3. the median price that known customers paid for this product over the window;
    4. the median price that anybody paid for it.

    Guests do not set the reference while known customers bought the product, because shops may keep another
    price list for them (in Online Retail II guests pay twice the account price). Buying at a quantity break
    counts as a saving. A promotion that lasts for most of a period becomes the usual price of that period.
    Lines whose reference is zero (gifts, samples) are left out: nothing can be saved on them.
    """
    sold = sold_lines(lines, as_of=as_of, window_days=window_days).with_columns(
        (nw.col(col.DAY) // period_days).alias(_PERIOD)
    )
    paid = nw.col(col.UNIT_PRICE_E4)
    known = sold.filter(~nw.col(col.CUSTOMER).is_null(), paid > 0)
    in_period = (
        known.group_by(col.PRODUCT, _PERIOD)
        .agg(paid.median().alias(REFERENCE_E4), nw.len().alias(LINES))
        .filter(nw.col(LINES) >= least_lines)
        .drop(LINES)
    )
    overall = known.group_by(col.PRODUCT).agg(paid.median().alias(_OVERALL))
    anybody = sold.filter(paid > 0).group_by(col.PRODUCT).agg(paid.median().alias(_ANYBODY))
    listed = nw.when(nw.col(col.LIST_PRICE_E4) > 0).then(nw.col(col.LIST_PRICE_E4).cast(nw.Float64))
    reference = nw.coalesce(listed, nw.col(REFERENCE_E4), nw.col(_OVERALL), nw.col(_ANYBODY))
    priced = (
        sold.join(in_period, on=[col.PRODUCT, _PERIOD], how="left")
        .join(overall, on=col.PRODUCT, how="left")
        .join(anybody, on=col.PRODUCT, how="left")
        # A median of two prices may end in a half; the cast drops it, 1/20,000 of the currency unit.
        .with_columns(reference.cast(nw.Int64).alias(REFERENCE_E4))
        .filter(nw.col(REFERENCE_E4) > 0)
        .drop(_PERIOD, _OVERALL, _ANYBODY)
    )
    # A coupon worth more than the goods makes the paid price negative: no more than all of it is saved.
    saving = nw.max_horizontal(nw.lit(0), nw.col(REFERENCE_E4) - nw.max_horizontal(paid, nw.lit(0)))
    quantity = nw.col(col.QUANTITY_E3)
    return priced.with_columns(saving.cast(nw.Int64).alias(SAVING_E4)).with_columns(
        (nw.col(REFERENCE_E4) * quantity).alias(LIST_VALUE_E7),
        (nw.col(SAVING_E4) * quantity).alias(SAVED_VALUE_E7),
    )


def product_prices(
    priced: nw.LazyFrame[Any],
    *,
    as_of: int,
    discount_days: int = 56,
    shrink_products: float = 10.0,
) -> nw.LazyFrame[Any]:
    """Return one row per product of `priced_lines`: what it costs, and where that stands in its category.

    Columns: PRODUCT, CATEGORY, USUAL_PRICE_E4 (median reference price), PRICE_POSITION, DISCOUNT_SHARE (share
    of the list value of the last `discount_days` days that was saved; null if nothing was sold then), LINES.

    PRICE_POSITION is the mid-rank of the usual price within the category, weighted by lines and shrunk to the
    middle where a category has few products:

        position = ½ + ((L< + ½ L=) / L - ½) × n / (n + shrink_products)

    with n products and L lines in the category, L< lines of cheaper and L= lines of equally dear products
    (its own included). 0 is the cheapest, 1 the dearest. Sizes of packages are not known, so a large package
    counts as dear although its content may be cheap; without a category there is nothing to compare: null.
    """
    products = priced.group_by(col.PRODUCT).agg(
        nw.col(col.CATEGORY).max(),
        nw.col(REFERENCE_E4).median().cast(nw.Int64).alias(USUAL_PRICE_E4),
        nw.len().cast(nw.Int64).alias(LINES),
    )
    recent = (
        priced.filter(nw.col(col.DAY) >= as_of - discount_days)
        .group_by(col.PRODUCT)
        .agg(nw.col(SAVED_VALUE_E7).sum(), nw.col(LIST_VALUE_E7).sum())
        .select(col.PRODUCT, (nw.col(SAVED_VALUE_E7) / nw.col(LIST_VALUE_E7)).alias(DISCOUNT_SHARE))
    )
    return (
        products.join(_positions(products, shrink_products), on=[col.CATEGORY, USUAL_PRICE_E4], how="left")
        .join(recent, on=col.PRODUCT, how="left")
        .select(col.PRODUCT, col.CATEGORY, USUAL_PRICE_E4, PRICE_POSITION, DISCOUNT_SHARE, LINES)
    )


def _positions(products: nw.LazyFrame[Any], shrink_products: float) -> nw.LazyFrame[Any]:
    """One row per category and usual price, with its PRICE_POSITION."""
    steps = (
        products.filter(~nw.col(col.CATEGORY).is_null())
        .group_by(col.CATEGORY, USUAL_PRICE_E4)
        .agg(nw.col(LINES).sum(), nw.len().cast(nw.Int64).alias("_products"))
        .with_columns(
            nw.col(LINES).cum_sum().over(col.CATEGORY, order_by=USUAL_PRICE_E4).alias("_up_to"),
            nw.col(LINES).sum().over(col.CATEGORY).alias("_all"),
            nw.col("_products").sum().over(col.CATEGORY).alias("_products"),
        )
    )
    middle = (nw.col("_up_to") - nw.col(LINES) / 2) / nw.col("_all")
    trust = nw.col("_products") / (nw.col("_products") + shrink_products)
    return steps.select(col.CATEGORY, USUAL_PRICE_E4, (0.5 + (middle - 0.5) * trust).alias(PRICE_POSITION))
