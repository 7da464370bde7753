"""How much somebody's purchases point to goods with certain labels: simple, additive, explained label by label.

For a person with n order lines, of which x carry a value that has the share s among everyone's lines,

    evidence = weight × ln( ((x + k s) / (n + k)) / s ),  k = PRIOR_LINES,

the logarithm of how many times as often as everyone the person buys such goods, shrunk towards everyone by k lines. The
score of a product is the sum over its labels, exp(evidence / weight) the lift of one. It is a naive Bayes score: labels
are taken for independent, which they are not; the weights keep labels that say the same thing from counting twice.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from precision.shop import columns as c
from segments.methods.habits import DIMENSION, TIMES, VALUE

PRIOR_LINES: Final = 10.0
WEIGHTS: Final[Mapping[str, float]] = {
    "category": 1.0,
    "brand": 0.5,
    "price_tier": 0.5,
    "buyers_class": 0.25,
    "season": 0.25,
    "daypart": 0.25,
}
SCORE: Final = "score"  # Float64, sum of the evidence
LINES: Final = "n"  # Int64, all order lines of the person
SHARE: Final = "s"  # Float64, share of the value among everyone's lines


def shares(habits: pl.LazyFrame) -> pl.DataFrame:
    """Return DIMENSION, VALUE and SHARE: the part of everyone's labelled lines that carries the value."""
    known = habits.filter(pl.col(DIMENSION).is_in(list(WEIGHTS)))
    return (
        known.group_by(DIMENSION, VALUE)
        .agg(pl.col(TIMES).sum())
        .with_columns((pl.col(TIMES) / pl.col(TIMES).sum().over(DIMENSION)).alias(SHARE))
        .select(DIMENSION, VALUE, SHARE)
        .collect()
    )


def lines_of(habits: pl.LazyFrame) -> pl.LazyFrame:
    """Return CUSTOMER, DIMENSION and LINES: how many lines of a person carry a label of the dimension."""
    return (
        habits.filter(pl.col(DIMENSION).is_in(list(WEIGHTS)))
        .group_by(c.CUSTOMER, DIMENSION)
        .agg(pl.col(TIMES).sum().alias(LINES))
    )


def audience(habits: pl.LazyFrame, labels: Mapping[str, str], *, most: int) -> pl.DataFrame:
    """Return the people whom goods with these labels suit best: CUSTOMER, SCORE, then a column per label's evidence.

    `labels` gives a value for some of WEIGHTS. Who bought nothing of any of them is not there. Best first, at most
    `most`, ties by number; empty where nobody is or no label is known.
    """
    wanted = {name: value for name, value in labels.items() if name in WEIGHTS}
    schema = {c.CUSTOMER: pl.Int64, SCORE: pl.Float64, **dict.fromkeys(wanted, pl.Float64)}
    if not wanted:
        return pl.DataFrame(schema=schema)
    known = habits.filter(pl.col(DIMENSION).is_in(list(wanted)))
    totals = known.group_by(DIMENSION).agg(pl.col(TIMES).sum().alias("_all"))
    has = pl.any_horizontal(
        (pl.col(DIMENSION) == name) & (pl.col(VALUE) == value) for name, value in wanted.items()
    )
    of_value = (
        known.filter(has).group_by(DIMENSION).agg(pl.col(TIMES).sum().alias("_of_value"))
        .join(totals, on=DIMENSION).select(DIMENSION, (pl.col("_of_value") / pl.col("_all")).alias(SHARE))
    )  # fmt: skip
    people = (
        known.group_by(c.CUSTOMER, DIMENSION)
        .agg(pl.col(TIMES).sum().alias(LINES), pl.col(TIMES).filter(has).sum().alias("x"))
        .filter((pl.col("x") > 0).any().over(c.CUSTOMER))
        .join(of_value, on=DIMENSION)
        .with_columns(evidence(pl.col("x"), pl.col(LINES), pl.col(SHARE)).alias("_evidence"))
        .collect()
    )
    if not people.height:
        return pl.DataFrame(schema=schema)
    wide = people.pivot(DIMENSION, index=c.CUSTOMER, values="_evidence")
    missing = [pl.lit(0.0).alias(name) for name in wanted if name not in wide.columns]
    return (
        wide.with_columns(missing)
        .with_columns(pl.sum_horizontal(list(wanted)).alias(SCORE))
        .select(*schema)
        .sort([SCORE, c.CUSTOMER], descending=[True, False])
        .head(most)
    )


def wanted(
    goods: pl.LazyFrame, own: pl.DataFrame, usual: pl.DataFrame, *, labels: Sequence[str], most: int
) -> pl.DataFrame:
    """Return the goods that suit a person best: PRODUCT, SCORE, then a column per label's evidence.

    `goods` has PRODUCT and the label columns `labels`; `own` is the person's DIMENSION, VALUE and TIMES; `usual` what
    `shares` gives. A product without a label gets no evidence from it; neither does anybody who has no lines of it.
    Best first, at most `most`, ties by number.
    """
    names = [name for name in labels if name in WEIGHTS]
    totals = own.group_by(DIMENSION).agg(pl.col(TIMES).sum().alias(LINES))
    table = (
        usual.join(totals, on=DIMENSION)
        .join(own.select(DIMENSION, VALUE, pl.col(TIMES).alias("x")), on=[DIMENSION, VALUE], how="left")
        .with_columns(evidence(pl.col("x").fill_null(0), pl.col(LINES), pl.col(SHARE)).alias("_evidence"))
    )
    scored = goods
    for name in names:
        part = table.filter(pl.col(DIMENSION) == name).select(
            pl.col(VALUE).alias(name), pl.col("_evidence").alias(f"_{name}")
        )
        scored = scored.join(part.lazy(), on=name, how="left")
    return (
        scored.select(c.PRODUCT, *(pl.col(f"_{name}").fill_null(0.0).alias(name) for name in names))
        .with_columns(pl.sum_horizontal([pl.lit(0.0), *names]).alias(SCORE))
        .select(c.PRODUCT, SCORE, *names)
        .sort([SCORE, c.PRODUCT], descending=[True, False])
        .head(most)
        .collect()
    )


def evidence(x: pl.Expr, lines: pl.Expr, share: pl.Expr) -> pl.Expr:
    """Return the weighted evidence of a value: see the module."""
    weight = pl.col(DIMENSION).replace_strict(dict(WEIGHTS), return_dtype=pl.Float64)
    return weight * (((x + PRIOR_LINES * share) / (lines + PRIOR_LINES)) / share).log()
