"""Scores by equal parts of the customers, ties settled by mid-rank, so that equal values always get equal scores."""

from typing import Any

import narwhals as nw


def scores(
    customers: nw.LazyFrame[Any], value: str, score: str, *, parts: int, better_when_small: bool = False
) -> nw.LazyFrame[Any]:
    """Return `value` (each distinct one once) and `score`, Int64 from 1 to `parts`, `parts` the best.

    score = 1 + ⌊parts × (share of customers who are worse + half the share of those who are equal)⌋, so a value that
    most customers have gets one score rather than several. A group-by and a running sum, which every engine has.
    """
    counted = customers.group_by(value).agg(nw.len().cast(nw.Int64).alias("_equal"))
    order = -nw.col(value) if better_when_small else nw.col(value)
    everybody = customers.select(nw.len().cast(nw.Int64).alias("_everybody"))
    return (
        counted.with_columns(order.alias("_order"))
        .with_columns(nw.col("_equal").cum_sum().over(order_by="_order").alias("_up_to"))
        .join(everybody, how="cross")
        .select(
            value,
            # Twice the mid-rank over twice the customers keeps to whole numbers, exact on every engine.
            (1 + (2 * nw.col("_up_to") - nw.col("_equal")) * parts // (2 * nw.col("_everybody")))
            .cast(nw.Int64)
            .alias(score),
        )
    )
