"""How long a customer usually waits until the next order: own gaps, shrunk to those of the categories bought.

Log-normal empirical Bayes. A gap is the number of days between two successive days with an order; y = ln(gap).
The gaps of one customer vary by σ² (`within`) around an own mean θ, and the means vary by τ² (`between`) around what is
usual after buying in the same categories, m:

    y | θ ~ N(θ, σ²),   θ ~ N(m, τ²)

After n gaps with sum S the own mean is known with precision w = n/σ² + 1/τ²:

    CENTRE  = (S/σ² + m/τ²) / w                SPREAD² = σ² + 1/w
    limit of a share q of the gaps = exp(CENTRE + z(q) · SPREAD)

m is the mean of `GapModel.categories` over all lines that the customer bought so far, and n and S take the gaps that
ended by then: what holds after an order uses nothing behind it. A category's mean is taken over the gaps that follow
an order with lines of it (each by its share of the lines, a customer with n gaps weighing as much as n/(1 + nτ²/σ²))
and is shrunk to the mean of all by CATEGORY_GAPS such gaps. σ² and τ² are the moment estimates of the unbalanced
one-way random-effects analysis of variance (Searle, Casella, McCulloch, “Variance Components”, 1992, ch. 3).

The last gap of everybody is still open and takes no part, so the gaps of a short history read somewhat short.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from precision.shop import columns as c

LINES = "lines"  # Int64, order lines
NEXT_DAY = "next_day"  # Int64, DAY of the next order; null: not yet
ORDERS = "orders"  # Int64, days with an order so far, this one too
PRIOR = "prior"  # Float64, m: ln(days) usual after buying in the categories so far
CENTRE = "centre"  # Float64, ln(days)
SPREAD = "spread"  # Float64, standard deviation of the next ln(gap)

CATEGORY_GAPS: Final = 20.0
LEAST_GAPS: Final = 30
"""Below it nothing is learnt: the model is the assumed one."""
LEAST_VARIANCE: Final = 1e-4
DECIMALS: Final = 9
NO_CATEGORY: Final = -1
MOST_DAYS: Final = 3650
"""No gap is told longer than ten years."""

Floats = NDArray[np.float64]
Frame = nw.LazyFrame[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class GapModel:
    """How long people wait, in logarithms of days."""

    mean: float
    within: float
    between: float
    categories: dict[int, float]
    """Mean by category; one that is not in it has `mean`."""
    gaps: int
    customers: int
    """With a gap at least."""
    assumed: bool = False
    """Whether there were too few gaps, and the figures are only taken for granted."""


def assumed(days: float, *, gaps: int = 0, customers: int = 0) -> GapModel:
    """Return the model of a shop that has too few gaps: a median of `days`, σ = 1, τ = ½."""
    return GapModel(
        mean=float(np.log(days)), within=1.0, between=0.25, categories={}, gaps=gaps, customers=customers,
        assumed=True,
    )  # fmt: skip


def visits(lines: Frame, *, as_of: int) -> Frame:
    """Return what was bought on which day before `as_of`: CUSTOMER, CATEGORY, DAY, LINES; returns do not count.

    Lines of a product without a category have CATEGORY NO_CATEGORY; guests are left out.
    """
    sold = lines.filter(
        (nw.col(c.DAY) < as_of) & ~nw.col(c.CUSTOMER).is_null() & ~nw.col(c.RETURNED)
    ).with_columns(nw.col(c.CATEGORY).fill_null(NO_CATEGORY))
    return sold.group_by(c.CUSTOMER, c.CATEGORY, c.DAY).agg(nw.len().cast(nw.Int64).alias(LINES))


def fit(bought: Frame, *, by: Sequence[str] = (c.CUSTOMER,), fallback_days: float = 90.0) -> GapModel:
    """Return the model of the gaps between the days of `visits`; `by` CUSTOMER and CATEGORY those within a category.

    Where there are fewer than LEAST_GAPS gaps, the `assumed` one of `fallback_days`.
    """
    gaps = _gaps(bought, by=by)
    sums = _sums(gaps, by=by, of=nw.col("_y"))
    count = int(sums["n"].sum())
    if count < LEAST_GAPS:
        return assumed(fallback_days, gaps=count, customers=len(sums["n"]))
    # Everybody counts once here: who comes often must not make the shop look hasty.
    mean = float((sums["s"] / sums["n"]).mean())
    within, between = _variances(sums)
    means = _category_means(bought, gaps, by=by, mean=mean, ratio=between / within)
    first = _model(sums, mean=mean, variances=(within, between), categories=means)
    expected = _with_prior(bought, first, by=by).select(*by, c.DAY, PRIOR)
    residuals = gaps.join(expected, on=[*by, c.DAY], how="inner")
    variances = _variances(_sums(residuals, by=by, of=nw.col("_y") - nw.col(PRIOR)))
    return _model(sums, mean=mean, variances=variances, categories=means)


def _model(
    sums: dict[str, Floats], *, mean: float, variances: tuple[float, float], categories: dict[int, float]
) -> GapModel:
    """Return the model, rounded: engines add up in any order, and a rerun must give the same."""
    within, between = variances
    return GapModel(
        mean=round(mean, DECIMALS), within=round(within, DECIMALS), between=round(between, DECIMALS),
        categories={key: round(value, DECIMALS) for key, value in sorted(categories.items())},
        gaps=int(sums["n"].sum()), customers=len(sums["n"]),
    )  # fmt: skip


def expectations(bought: Frame, model: GapModel, *, by: Sequence[str] = (c.CUSTOMER,)) -> Frame:
    """Return what was expected after each day of `visits`: `by`, DAY, NEXT_DAY, ORDERS, CENTRE, SPREAD; once a day."""
    days = _with_prior(bought, model, by=by).with_columns(
        _last=nw.col(c.DAY).shift(1).over(*by, order_by=c.DAY), _one=nw.lit(1, nw.Int64)
    )
    gap = (nw.col(c.DAY) - nw.col("_last")).cast(nw.Float64)
    days = days.with_columns(_y=nw.when(~nw.col("_last").is_null()).then(gap.log()).otherwise(nw.lit(0.0)))
    days = days.with_columns(
        nw.col("_one").cum_sum().over(*by, order_by=c.DAY).alias(ORDERS),
        nw.col(c.DAY).shift(-1).over(*by, order_by=c.DAY).alias(NEXT_DAY),
        _s=nw.col("_y").cum_sum().over(*by, order_by=c.DAY),
    )
    precision = (nw.col(ORDERS) - 1).cast(nw.Float64) / model.within + 1 / model.between
    centre = (nw.col("_s") / model.within + nw.col(PRIOR) / model.between) / precision
    spread = (1 / precision + model.within).sqrt()
    return days.select(*by, c.DAY, NEXT_DAY, ORDERS, PRIOR, centre.alias(CENTRE), spread.alias(SPREAD))


def limit(share: float, *, least: int, most: int) -> nw.Expr:
    """Return the whole days within which a share of the gaps ends, from CENTRE and SPREAD, between `least` and `most`.

    Rounded down: a gap is past the limit when it is longer than the quantile.
    """
    days = (nw.col(CENTRE) + nw.col(SPREAD) * float(ndtri(share))).exp()
    return days.clip(float(least), float(most)).cast(nw.Int64)


def remaining(centre: Floats, spread: Floats, silent: Floats, share: float) -> Floats:
    """Return the days from the last order within which a share of those ordered who were `silent` so many days already.

    Shape of the three; at most MOST_DAYS. The quantile of the log-normal gap given that it is longer than `silent`.
    """
    with np.errstate(divide="ignore"):
        past = np.where(silent > 0, ndtr((centre - np.log(np.maximum(silent, 0))) / spread), 1.0)
    # −z of the upper tail: keeps its digits where nearly everybody would have ordered by now.
    exponent = centre - spread * ndtri(np.maximum((1 - share) * past, 1e-300))
    days = np.exp(np.minimum(exponent, np.log(MOST_DAYS)))
    return np.asarray(np.clip(days, np.minimum(silent, MOST_DAYS), MOST_DAYS))


def _gaps(bought: Frame, *, by: Sequence[str]) -> Frame:
    """Return the ended gaps: `by`, DAY on which each began, and `_y`, the logarithm of its days."""
    days = bought.group_by(*by, c.DAY).agg(nw.col(LINES).sum())
    after = nw.col(c.DAY).shift(-1).over(*by, order_by=c.DAY)
    gap = (nw.col("_next") - nw.col(c.DAY)).cast(nw.Float64)
    return (
        days.with_columns(_next=after)
        .filter(~nw.col("_next").is_null())
        .select(*by, c.DAY, gap.log().alias("_y"))
    )


def _sums(gaps: Frame, *, by: Sequence[str], of: nw.Expr) -> dict[str, Floats]:
    """Return number, sum and sum of squares of each customer's values, shape (customers with a gap,)."""
    each = gaps.select(*by, of.alias("_v")).with_columns(_squared=nw.col("_v") * nw.col("_v"))
    found = (
        each.group_by(*by)
        .agg(n=nw.len().cast(nw.Float64), s=nw.col("_v").sum(), s2=nw.col("_squared").sum())
        .select("n", "s", "s2")
        .collect()
    )
    return {name: np.asarray(found[name].to_numpy(), dtype=np.float64) for name in ("n", "s", "s2")}


def _variances(sums: dict[str, Floats]) -> tuple[float, float]:
    """Return the variance within customers and between their means, each at least LEAST_VARIANCE."""
    n, s, s2 = sums["n"], sums["s"], sums["s2"]
    total, groups = float(n.sum()), len(n)
    own = float((s2 - s * s / n).sum())
    # With one gap each nothing tells the two apart: half of the spread is then put down to each.
    if total <= groups or groups < 2:
        half = max(float(np.var(s / n)) / 2, LEAST_VARIANCE)
        return half, half
    within = max(own / (total - groups), LEAST_VARIANCE)
    between_squares = float((s * s / n).sum() - s.sum() ** 2 / total)
    effective = total - float((n * n).sum()) / total
    return within, max((between_squares - (groups - 1) * within) / effective, LEAST_VARIANCE)


def _category_means(
    bought: Frame, gaps: Frame, *, by: Sequence[str], mean: float, ratio: float
) -> dict[int, float]:
    """Return the mean of ln(gap) after buying in each category, shrunk to the mean of all; `ratio` is τ²/σ²."""
    keys = list(dict.fromkeys([*by, c.CATEGORY, c.DAY]))
    lines = bought.select(*keys, LINES)
    baskets = bought.group_by(*by, c.DAY).agg(nw.col(LINES).sum().alias("_all"))
    counts = gaps.group_by(*by).agg(_n=nw.len().cast(nw.Float64))
    weight = nw.col(LINES) / nw.col("_all") / (1 + nw.col("_n") * ratio)
    sums = (
        lines.join(gaps, on=[*by, c.DAY], how="inner")
        .join(baskets, on=[*by, c.DAY], how="inner")
        .join(counts, on=list(by), how="inner")
        .with_columns(_w=weight)
        .with_columns(_wy=nw.col("_w") * nw.col("_y"))
        .group_by(c.CATEGORY)
        .agg(nw.col("_w").sum(), nw.col("_wy").sum())
        .collect()
    )
    weights, values = sums["_w"].to_numpy(), sums["_wy"].to_numpy()
    means = (values + CATEGORY_GAPS * mean) / (weights + CATEGORY_GAPS)
    return dict(zip(sums[c.CATEGORY].to_list(), means.tolist(), strict=True))


def _with_prior(bought: Frame, model: GapModel, *, by: Sequence[str]) -> Frame:
    """Return `by`, DAY and PRIOR, once a day."""
    # One condition a category would make a very deep expression; a join stays flat. It needs a row to have types.
    table = {c.CATEGORY: [NO_CATEGORY - 1, *model.categories], "_m": [0.0, *model.categories.values()]}
    known = nw.from_dict(table, backend=nw.get_native_namespace(bought)).lazy()
    valued = bought.join(known, on=c.CATEGORY, how="left").with_columns(
        _value=nw.col("_m").fill_null(model.mean) * nw.col(LINES)
    )
    days = valued.group_by(*by, c.DAY).agg(nw.col("_value").sum(), nw.col(LINES).sum())
    return days.with_columns(
        _value=nw.col("_value").cum_sum().over(*by, order_by=c.DAY),
        _lines=nw.col(LINES).cum_sum().over(*by, order_by=c.DAY),
    ).select(*by, c.DAY, (nw.col("_value") / nw.col("_lines")).alias(PRIOR))
