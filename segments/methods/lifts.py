"""How a group of customers differs from everyone: shares, their ratio (lift) with its interval, differences of means.

Everything comes from sums that group-bys give; nothing loops over people. The group is a part of everyone, and the
intervals know that.
"""

from collections.abc import Sequence
from typing import Final

import polars as pl

from precision.shop import columns as c
from segments.methods.habits import DIMENSION, VALUE

GROUP: Final = "group"  # Int64, people of the group with the value
EVERYONE: Final = "everyone"  # Int64, people of all with the value
GROUP_SIZE: Final = "group_size"  # Int64, people of the group of whom it is known
EVERYONE_SIZE: Final = "everyone_size"  # Int64, people of all of whom it is known
GROUP_SHARE: Final = "group_share"  # Float64 0..1
EVERYONE_SHARE: Final = "everyone_share"  # Float64 0..1
LIFT: Final = "lift"  # Float64, group share / everyone's; null where everyone's is 0
LOW: Final = "low"  # Float64, lower end of the 95 % interval of LIFT; null where there is none
HIGH: Final = "high"  # Float64, its upper end
DISTINCT: Final = (
    "distinct"  # Float64 >= 0, |ln| of the end of the interval nearer to 1; 0 where it contains 1
)
LEAST_PEOPLE: Final = 10
"""People that a group must have before an interval says anything."""
Z: Final = 1.959963984540054
_FLAG: Final = "_in_group"


def shares_of_people(values: pl.LazyFrame, *, by: Sequence[str]) -> pl.DataFrame:
    """Return for each combination of the columns `by` how large a part of the group and of everyone has it.

    `values` has GROUP and EVERYONE, the people counted, and GROUP_SIZE and EVERYONE_SIZE, of how many, beside `by`. The
    lift is

        r = p / P,  with p = GROUP / GROUP_SIZE and P = EVERYONE / EVERYONE_SIZE.

    Its interval comes from that of the ratio of the group to the others, RR = p / q: the closed form of A. Donner and
    G. Zou (Statistical Methods in Medical Research 21, 2012) over Wilson's intervals of p and q, sound for zeros too.
    Since P mixes p and q, r = RR / (w RR + 1 − w) with w = n / N; it grows with RR, so the ends carry over. No interval
    (null) for groups of fewer than LEAST_PEOPLE, and for everyone, whose lift is 1 by definition.
    """
    size, everyone = pl.col(GROUP_SIZE), pl.col(EVERYONE_SIZE)
    rest = everyone - size
    p, low_p, high_p = _wilson(pl.col(GROUP), size)
    q, low_q, high_q = _wilson(pl.col(EVERYONE) - pl.col(GROUP), rest)
    product = p * q
    low = (low_p * (2 * p - low_p)) / (
        product + (product**2 - low_p * high_q * (2 * p - low_p) * (2 * q - high_q)).sqrt()
    )
    bottom = low_q * (2 * q - low_q)
    high = (product + (product**2 - high_p * low_q * (2 * p - high_p) * (2 * q - low_q)).sqrt()) / bottom
    weight = size / everyone

    def of_everyone(ratio: pl.Expr) -> pl.Expr:
        return ratio / (weight * ratio + 1 - weight)

    sound = (size >= LEAST_PEOPLE) & (rest > 0) & (pl.col(EVERYONE) > 0)
    found = (
        values.with_columns(
            pl.when(size > 0).then(pl.col(GROUP) / size).alias(GROUP_SHARE),
            pl.when(everyone > 0).then(pl.col(EVERYONE) / everyone).alias(EVERYONE_SHARE),
        )
        .with_columns(_ratio().alias(LIFT))
        .with_columns(
            pl.when(~sound)
            .then(None)
            .when(pl.col(GROUP) == 0)
            .then(0.0)
            .otherwise(of_everyone(low))
            .alias(LOW),
            # Where none of the others has it, the ratio to them knows no bound, and that to everyone this one.
            pl.when(~sound)
            .then(None)
            .when(bottom <= 0)
            .then(1 / weight)
            .otherwise(of_everyone(high))
            .alias(HIGH),
        )
    )
    return _ranked(found, by)


def sums(habits: pl.LazyFrame, *, measure: str) -> pl.DataFrame:
    """Return what `shares_of_sums` needs to know of some customers: sums that add up, a row a DIMENSION and VALUE.

    `habits` has CUSTOMER, DIMENSION, VALUE and `measure` (below 0 counts as 0; one row for each three of the first).
    Columns: `people` (who have anything of the value), `x`, `xx`, `xy`; of the whole dimension `y`, `yy`, `n` (people).
    """
    amount = pl.col(measure).cast(pl.Float64).clip(lower_bound=0)
    rows = habits.select(c.CUSTOMER, DIMENSION, VALUE, amount.alias("x"))
    people = rows.group_by(c.CUSTOMER, DIMENSION).agg(pl.col("x").sum().alias("y")).filter(pl.col("y") > 0)
    totals = people.group_by(DIMENSION).agg(
        pl.col("y").sum(), (pl.col("y") ** 2).sum().alias("yy"), pl.len().cast(pl.Int64).alias("n")
    )
    x = pl.col("x")
    return (
        rows.join(people, on=[c.CUSTOMER, DIMENSION])
        .group_by(DIMENSION, VALUE)
        .agg(
            (x > 0).sum().cast(pl.Int64).alias("people"),
            x.sum(),
            (x**2).sum().alias("xx"),
            (x * pl.col("y")).sum().alias("xy"),
        )
        .join(totals, on=DIMENSION)
        .collect()
    )


def shares_of_sums(group: pl.DataFrame, everyone: pl.DataFrame) -> pl.DataFrame:
    """Return for each DIMENSION and VALUE its share of the sum over the dimension, of the group and of everyone.

    Both frames come from `sums`, the group being a part of everyone. With x what a person has of the value and y of the
    whole dimension, the shares are R = Σx / Σy, of the group (g) and of everyone (e). People are the units that were
    sampled, so

        Var ln(Rg / Re) = Σ u²,  u = [in g] (x − Rg y) / (Rg Yg) − (x − Re y) / (Re Ye)

    (linearisation of a ratio of ratio estimators: W. G. Cochran, Sampling Techniques, 3rd ed., 6.13), written out as
    sums of x, x², xy and y². No interval where fewer than LEAST_PEOPLE of the group, or of the others, have the value:
    a handful says nothing about the rest, however alike they are.
    """
    part = group.lazy().rename({name: f"g{name}" for name in ("people", "x", "xx", "xy", "y", "yy", "n")})
    of_dimension = part.select(DIMENSION, "gy", "gyy", "gn").unique(DIMENSION)
    of_value = part.select(DIMENSION, VALUE, "gpeople", "gx", "gxx", "gxy")
    own, all_ = pl.col(GROUP_SHARE), pl.col(EVERYONE_SHARE)
    within = pl.col("gxx") - 2 * own * pl.col("gxy") + own**2 * pl.col("gyy")
    overall = pl.col("xx") - 2 * all_ * pl.col("xy") + all_**2 * pl.col("yy")
    both = pl.col("gxx") - (own + all_) * pl.col("gxy") + own * all_ * pl.col("gyy")
    top, bottom = own * pl.col("gy"), all_ * pl.col("y")
    variance = within / top**2 + overall / bottom**2 - 2 * both / (top * bottom)
    others = pl.col("people") - pl.col("gpeople")
    sound = (pl.col("gpeople") >= LEAST_PEOPLE) & (others >= LEAST_PEOPLE)
    spread = variance.clip(lower_bound=0).sqrt() * Z
    found = (
        everyone.lazy()
        .join(of_dimension, on=DIMENSION, how="left")
        .join(of_value, on=[DIMENSION, VALUE], how="left")
        .with_columns(pl.col("gpeople", "gx", "gxx", "gxy", "gy", "gyy", "gn").fill_null(0))
        .with_columns(
            pl.when(pl.col("gy") > 0).then(pl.col("gx") / pl.col("gy")).alias(GROUP_SHARE),
            (pl.col("x") / pl.col("y")).alias(EVERYONE_SHARE),
        )
        .with_columns(_ratio().alias(LIFT))
        .with_columns(
            pl.when(sound).then(pl.col(LIFT) * (-spread).exp()).alias(LOW),
            pl.when(sound).then(pl.col(LIFT) * spread.exp()).alias(HIGH),
        )
        .select(
            DIMENSION,
            VALUE,
            pl.col("gpeople").alias(GROUP),
            pl.col("people").alias(EVERYONE),
            GROUP_SHARE,
            EVERYONE_SHARE,
            LIFT,
            LOW,
            HIGH,
        )
    )
    return _ranked(found, [DIMENSION, VALUE])


def means(labels: pl.LazyFrame, names: Sequence[str], members: pl.Series) -> pl.DataFrame:
    """Return how the means of number labels differ: one row a label.

    Columns: `label`; `group`, `everyone` (people with a value); `group_mean`, `everyone_mean`, `group_median`,
    `everyone_median`; `difference` = (group mean − everyone's) / everyone's standard deviation; LOW and HIGH, its 95 %
    interval; DISTINCT, half the square of its end nearer to 0. With w = n / N the difference is 1 − w times that to the
    others, whose variance is s²/n + s₀²/(N − n), s and s₀ being the standard deviations of the two parts. Null where
    a part has no value or everyone the same; no interval for fewer than LEAST_PEOPLE on either side.
    """
    flag = pl.col(c.CUSTOMER).is_in(members.implode())
    frame = labels.select(flag.alias(_FLAG), *(pl.col(name).cast(pl.Float64) for name in names))
    long = frame.unpivot(index=_FLAG, on=list(names), variable_name="label", value_name="v").drop_nulls("v")
    inside, outside, v = pl.col(_FLAG), ~pl.col(_FLAG), pl.col("v")
    found = long.group_by("label").agg(
        inside.sum().cast(pl.Int64).alias(GROUP),
        pl.len().cast(pl.Int64).alias(EVERYONE),
        v.filter(inside).mean().alias("group_mean"),
        v.mean().alias("everyone_mean"),
        v.filter(inside).median().alias("group_median"),
        v.median().alias("everyone_median"),
        v.std().alias("_sd"),
        v.filter(inside).var().alias("_inside"),
        v.filter(outside).var().alias("_outside"),
    )
    rest = pl.col(EVERYONE) - pl.col(GROUP)
    sound = (pl.col(GROUP) >= LEAST_PEOPLE) & (rest >= LEAST_PEOPLE) & (pl.col("_sd") > 0)
    difference = pl.when(pl.col("_sd") > 0).then(
        (pl.col("group_mean") - pl.col("everyone_mean")) / pl.col("_sd")
    )
    error = (pl.col("_inside") / pl.col(GROUP) + pl.col("_outside") / rest).sqrt()
    spread = Z * error * (rest / pl.col(EVERYONE)) / pl.col("_sd")
    return (
        found.with_columns(difference.alias("difference"))
        .with_columns(
            pl.when(sound).then(pl.col("difference") - spread).alias(LOW),
            pl.when(sound).then(pl.col("difference") + spread).alias(HIGH),
        )
        .with_columns(
            # The divergence of two normal distributions of one spread.
            pl.when(pl.col(LOW) > 0).then(pl.col(LOW) ** 2 / 2).when(pl.col(HIGH) < 0).then(pl.col(HIGH) ** 2 / 2)
            .otherwise(0.0).alias(DISTINCT)
        )
        .drop("_sd", "_inside", "_outside")
        .sort([DISTINCT, "label"], descending=[True, False])
        .collect()
    )  # fmt: skip


def in_words(lift: float | None, low: float | None, high: float | None) -> str:
    """Return a lift in words: how the group's share stands to everyone's, and whether that is more than chance."""
    if lift is None:
        return "nobody has it"
    if low is None or high is None:
        return f"{_times(lift)} everyone's share; too few people to say more"
    if low <= 1 <= high:
        return f"about everyone's share ({low:.2f} to {high:.2f} times)"
    return f"{_times(lift)} everyone's share ({low:.2f} to {high:.2f})"


def _wilson(count: pl.Expr, size: pl.Expr) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Return the share of a count, and the ends of its Wilson interval (95 %)."""
    n = pl.max_horizontal(size, 1).cast(pl.Float64)
    share = count.cast(pl.Float64) / n
    middle = share + Z**2 / (2 * n)
    spread = (share * (1 - share) / n + Z**2 / (4 * n**2)).sqrt() * Z
    scale = 1 + Z**2 / n
    # At 0 and at 1 the end is exact, and rounding must not put it beyond.
    low = pl.when(count == 0).then(0.0).otherwise((middle - spread) / scale)
    high = pl.when(count == n).then(1.0).otherwise((middle + spread) / scale)
    return share, low, high


def _times(lift: float) -> str:
    return f"{lift:.1f} times" if lift >= 1.05 else f"{lift:.2f} times"


def _ratio() -> pl.Expr:
    return pl.when(pl.col(EVERYONE_SHARE) > 0).then(pl.col(GROUP_SHARE) / pl.col(EVERYONE_SHARE))


def _ranked(found: pl.LazyFrame, by: Sequence[str]) -> pl.DataFrame:
    """Return the rows with DISTINCT, the most distinctive first, then the most frequent.

    DISTINCT is the Kullback–Leibler divergence of having the value or not, p ln(p / q) + (1 − p) ln((1 − p) / (1 − q)),
    with q everyone's share and p = q × the end of the interval that lies nearer to 1: what is surely so, and a large
    lift of what hardly anybody has counts little. 0 where the interval contains 1, or where there is none.
    """
    nearer = pl.when(pl.col(LOW) > 1).then(pl.col(LOW)).when(pl.col(HIGH) < 1).then(pl.col(HIGH))
    q = pl.col(EVERYONE_SHARE)
    p = (q * nearer).clip(0, 1)

    def part(own: pl.Expr, usual: pl.Expr) -> pl.Expr:
        return pl.when((own > 0) & (usual > 0)).then(own * (own / usual).log()).otherwise(0.0)

    distinct = pl.when(nearer.is_not_null()).then(part(p, q) + part(1 - p, 1 - q)).otherwise(0.0)
    return (
        found.with_columns(distinct.clip(lower_bound=0).alias(DISTINCT))
        .sort([DISTINCT, EVERYONE, *by], descending=[True, True, *([False] * len(by))])
        .collect()
    )
