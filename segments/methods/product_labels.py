"""Labels of products: what they are, what they cost beside their kind, who buys them, when and how often.

All frames are narwhals LazyFrames in the dialect of `precision.shop.columns`; nothing on or after the day `as_of` is
used. Definitions in words: docs/portraits.md.
"""

from typing import Any, Final

import narwhals as nw

from precision.shop import columns as c
from segments.methods.price_classes import PRICE_CLASS
from segments.methods.prices import DISCOUNT_SHARE, PRICE_POSITION, USUAL_PRICE_E4, sold_lines

PRICE_TIER: Final = "price_tier"  # String: low, middle, high
REBUY_SHARE: Final = "rebuy_share"  # Float64 0..1, part of the buyers who bought it on several days
REPEATABLE: Final = "repeatable"  # Boolean
SEASON: Final = "season"  # String, a month by name, or "all year"
SEASONALITY: Final = (
    "seasonality"  # Float64 >= 0, the month's sales over what the shop's own year lets expect
)
BUYERS_CLASS: Final = "buyers_class"  # String A, B or C
BUYERS_CLASS_LIFT: Final = (
    "buyers_class_lift"  # Float64, its share among the buyers over that among all buyers
)
DAYPART: Final = "daypart"  # String: night, morning, afternoon, evening
TYPICAL_HOUR: Final = "typical_hour"  # Int64 0..23, the start of the three hours in which it sells most
NOVELTY: Final = "novelty"  # String: new, established, fading
FIRST_DAY: Final = "first_day"  # Int64, day of the first sale or event
LAST_DAY: Final = "last_day"  # Int64, day of the last sale
LINES: Final = "lines"  # Int64, lines sold to anybody
BUYERS: Final = "buyers"  # Int64, customers who bought it

LOW_TIER, HIGH_TIER = 1 / 3, 2 / 3
LEAST_LINES: Final = 20  # sold lines, before hour and season are named
LEAST_BUYERS: Final = 10  # before class of buyers and rebuying are named
REBUY_FROM: Final = 0.1  # part of the buyers who came back, from which a product counts as bought again
SEASON_FROM: Final = 1.5  # times what is expected, from which a month is a season
SEASON_ERRORS: Final = (
    3.0  # standard errors above what is expected: the best of twelve months is often chance
)
CLASS_FROM: Final = 1.1  # times the usual share, from which the buyers have a class
CLASS_ERRORS: Final = 2.0  # standard errors above the usual share
SHRINK_LINES: Final = 20.0  # lines of everyone's, added to a product's own before months are compared
YEAR_DAYS: Final = 365
NEW_DAYS: Final = 30
FADING_DAYS: Final = 90
DAYPARTS: Final = ("night", "morning", "afternoon", "evening")  # six hours each, from midnight
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
ALL_YEAR: Final = "all year"

_MONTH = "_month"
_SHARE = "_share"


def prices(figures: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return PRODUCT, USUAL_PRICE_E4, PRICE_POSITION, DISCOUNT_SHARE and PRICE_TIER of `prices.product_prices`.

    The tier is low below a position of ⅓, high from ⅔ on; null without a position.
    """
    position = nw.col(PRICE_POSITION)
    tier = (
        nw.when(position < LOW_TIER).then(nw.lit("low"))
        .otherwise(nw.when(position < HIGH_TIER).then(nw.lit("middle")).otherwise(nw.lit("high")))
    )  # fmt: skip
    return figures.select(
        c.PRODUCT,
        USUAL_PRICE_E4,
        PRICE_POSITION,
        DISCOUNT_SHARE,
        nw.when(~position.is_null()).then(tier).alias(PRICE_TIER),
    )


def sales(lines: nw.LazyFrame[Any], *, as_of: int) -> nw.LazyFrame[Any]:
    """Return PRODUCT, LINES, BUYERS, REBUY_SHARE, FIRST_DAY and LAST_DAY of the products that were sold.

    REBUY_SHARE is the part of the customers who bought it on two days or more; null for fewer than LEAST_BUYERS.
    """
    sold = sold_lines(lines, as_of=as_of)
    counts = sold.group_by(c.PRODUCT).agg(
        nw.len().cast(nw.Int64).alias(LINES),
        nw.col(c.DAY).min().alias(FIRST_DAY),
        nw.col(c.DAY).max().alias(LAST_DAY),
    )
    buyers = (
        sold.filter(~nw.col(c.CUSTOMER).is_null())
        .group_by(c.PRODUCT, c.CUSTOMER)
        .agg(nw.col(c.DAY).min().alias("_first"), nw.col(c.DAY).max().alias("_last"))
        .with_columns((nw.col("_last") > nw.col("_first")).cast(nw.Int64).alias("_again"))
        .group_by(c.PRODUCT)
        .agg(nw.len().cast(nw.Int64).alias(BUYERS), nw.col("_again").sum().alias("_again"))
    )
    share = nw.col("_again") / nw.col(BUYERS)
    return (
        counts.join(buyers, on=c.PRODUCT, how="left")
        .with_columns(
            nw.col(BUYERS).fill_null(0),
            nw.when(nw.col(BUYERS) >= LEAST_BUYERS).then(share).alias(REBUY_SHARE),
        )
        .drop("_again")
    )


def seasons(lines: nw.LazyFrame[Any], *, as_of: int) -> nw.LazyFrame[Any]:
    """Return PRODUCT, SEASON and SEASONALITY of the products with LEAST_LINES sold in the last YEAR_DAYS.

    With n lines of the product in a month of the year, N in the year, s the shop's own share of lines in that month and
    k = SHRINK_LINES: r = (n + k s) / ((N + k) s). SEASONALITY is the largest r, SEASON its month where r ≥ SEASON_FROM
    and n is SEASON_ERRORS binomial standard errors above N s, else "all year". The shop's own Christmas makes no season
    of a product. Nothing without a year of history.
    """
    sold = sold_lines(lines, as_of=as_of, window_days=YEAR_DAYS).with_columns(
        _month(nw.col(c.DAY)).alias(_MONTH)
    )
    everyone = sold.group_by(_MONTH).agg(nw.len().cast(nw.Int64).alias("_all")).with_columns(
        nw.lit(1, dtype=nw.Int64).alias("_one")
    )  # fmt: skip
    total = everyone.group_by("_one").agg(
        nw.col("_all").sum().alias("_sum"), nw.len().cast(nw.Int64).alias("_months")
    )
    # Eleven months and more of sales: a year with one month without any is a year still.
    shares = (
        everyone.join(total, on="_one", how="inner")
        .filter(nw.col("_months") >= 11)
        .select(_MONTH, (nw.col("_all") / nw.col("_sum")).alias(_SHARE))
    )
    own = sold.group_by(c.PRODUCT, _MONTH).agg(nw.len().cast(nw.Int64).alias("_n"))
    sums = own.group_by(c.PRODUCT).agg(nw.col("_n").sum().alias("_N")).filter(nw.col("_N") >= LEAST_LINES)
    ratio = (nw.col("_n") + SHRINK_LINES * nw.col(_SHARE)) / ((nw.col("_N") + SHRINK_LINES) * nw.col(_SHARE))
    ratios = (
        own.join(sums, on=c.PRODUCT, how="inner")
        .join(shares, on=_MONTH, how="inner")
        .select(
            c.PRODUCT,
            _MONTH,
            ratio.alias(SEASONALITY),
            _errors(nw.col("_n"), nw.col("_N"), nw.col(_SHARE)).alias("_errors"),
        )
    )
    best = ratios.group_by(c.PRODUCT).agg(nw.col(SEASONALITY).max())
    # Two months may tie to the last bit: the earlier one counts.
    month = (
        ratios.join(best.with_columns(nw.col(SEASONALITY).alias("_best")).drop(SEASONALITY), on=c.PRODUCT)
        .filter(nw.col(SEASONALITY) >= nw.col("_best"))
        .group_by(c.PRODUCT)
        .agg(nw.col(_MONTH).min(), nw.col(SEASONALITY).max(), nw.col("_errors").max())
    )
    name = _named(nw.col(_MONTH), dict(enumerate(MONTHS)))
    return month.select(
        c.PRODUCT,
        nw.when((nw.col(SEASONALITY) >= SEASON_FROM) & (nw.col("_errors") >= SEASON_ERRORS))
        .then(name)
        .otherwise(nw.lit(ALL_YEAR))
        .alias(SEASON),
        SEASONALITY,
    )


def hours(lines: nw.LazyFrame[Any], *, as_of: int) -> nw.LazyFrame[Any]:
    """Return PRODUCT, TYPICAL_HOUR and DAYPART of the products with LEAST_LINES sold.

    TYPICAL_HOUR is the first of the three hours (around midnight too) with most lines, the earliest at a tie; DAYPART
    the quarter of the day that the middle one lies in.
    """
    sold = sold_lines(lines, as_of=as_of)
    by_hour = sold.group_by(c.PRODUCT, c.HOUR).agg(nw.len().cast(nw.Int64).alias("_n"))
    enough = (
        sold.group_by(c.PRODUCT).agg(nw.len().cast(nw.Int64).alias("_N")).filter(nw.col("_N") >= LEAST_LINES)
    )
    # A line counts for the three windows that its hour is part of.
    spread = nw.concat(
        [by_hour.with_columns(((nw.col(c.HOUR) - back + 24) % 24).alias("_start")) for back in (0, 1, 2)]
    )
    windows = spread.group_by(c.PRODUCT, "_start").agg(nw.col("_n").sum().alias("_n"))
    most = windows.group_by(c.PRODUCT).agg(nw.col("_n").max().alias("_most"))
    typical = (
        windows.join(most, on=c.PRODUCT, how="inner")
        .filter(nw.col("_n") == nw.col("_most"))
        .group_by(c.PRODUCT)
        .agg(nw.col("_start").min().cast(nw.Int64).alias(TYPICAL_HOUR))
        .join(enough, on=c.PRODUCT, how="inner")
    )
    quarter = ((nw.col(TYPICAL_HOUR) + 1) % 24) // 6
    return typical.select(c.PRODUCT, TYPICAL_HOUR, _named(quarter, dict(enumerate(DAYPARTS))).alias(DAYPART))


def buyers_classes(lines: nw.LazyFrame[Any], classes: nw.LazyFrame[Any], *, as_of: int) -> nw.LazyFrame[Any]:
    """Return PRODUCT, BUYERS_CLASS and BUYERS_CLASS_LIFT of the products with LEAST_BUYERS buyers of a class.

    `classes` has CUSTOMER and PRICE_CLASS. The lift of a class is its share among the product's buyers of class A, B or
    C over its share among all such buyers of anything; the class with the largest lift counts, from CLASS_FROM and
    CLASS_ERRORS binomial standard errors on.
    """
    known = classes.filter(nw.col(PRICE_CLASS).is_in(["A", "B", "C"])).select(c.CUSTOMER, PRICE_CLASS)
    bought = (
        sold_lines(lines, as_of=as_of)
        .filter(~nw.col(c.CUSTOMER).is_null())
        .group_by(c.PRODUCT, c.CUSTOMER)
        .agg(nw.len().alias("_lines"))
        .join(known, on=c.CUSTOMER, how="inner")
    )
    per_class = bought.group_by(c.PRODUCT, PRICE_CLASS).agg(nw.len().cast(nw.Int64).alias("_n"))
    per_product = per_class.group_by(c.PRODUCT).agg(nw.col("_n").sum().alias("_N"))
    people = bought.group_by(c.CUSTOMER, PRICE_CLASS).agg(nw.len().alias("_products"))
    of_all = people.group_by(PRICE_CLASS).agg(nw.len().cast(nw.Int64).alias("_m")).with_columns(
        nw.lit(1, dtype=nw.Int64).alias("_one")
    )  # fmt: skip
    all_ = of_all.group_by("_one").agg(nw.col("_m").sum().alias("_M"))
    usual = of_all.join(all_, on="_one", how="inner").select(
        PRICE_CLASS, (nw.col("_m") / nw.col("_M")).alias(_SHARE)
    )
    ratios = (
        per_class.join(per_product, on=c.PRODUCT, how="inner")
        .filter(nw.col("_N") >= LEAST_BUYERS)
        .join(usual, on=PRICE_CLASS, how="inner")
        .select(
            c.PRODUCT,
            nw.col(PRICE_CLASS).alias(BUYERS_CLASS),
            (nw.col("_n") / nw.col("_N") / nw.col(_SHARE)).alias(BUYERS_CLASS_LIFT),
            _errors(nw.col("_n"), nw.col("_N"), nw.col(_SHARE)).alias("_errors"),
        )
        .filter(nw.col(BUYERS_CLASS_LIFT) >= CLASS_FROM, nw.col("_errors") >= CLASS_ERRORS)
        .drop("_errors")
    )
    best = ratios.group_by(c.PRODUCT).agg(nw.col(BUYERS_CLASS_LIFT).max().alias("_best"))
    return (
        ratios.join(best, on=c.PRODUCT, how="inner")
        .filter(nw.col(BUYERS_CLASS_LIFT) >= nw.col("_best"))
        .group_by(c.PRODUCT)
        .agg(nw.col(BUYERS_CLASS).min(), nw.col(BUYERS_CLASS_LIFT).max())
    )


def labelled(
    goods: nw.LazyFrame[Any],
    figures: nw.LazyFrame[Any],
    lines: nw.LazyFrame[Any],
    events: nw.LazyFrame[Any],
    classes: nw.LazyFrame[Any],
    *,
    as_of: int,
) -> nw.LazyFrame[Any]:
    """Return one row for each product of `goods` with its columns and all labels of this module.

    `goods` has PRODUCT and REPEATABLE as the shop gave it (null: unknown), beside any labels of its own; `figures` is
    what `prices.product_prices` gives. REPEATABLE falls back on REBUY_SHARE ≥ REBUY_FROM. NOVELTY is "new" within
    NEW_DAYS of the first sale or event, "fading" without a sale for FADING_DAYS, else "established"; null for a product
    that nobody bought or looked at.
    """
    seen = (
        events.filter(~nw.col(c.PRODUCT).is_null(), nw.col(c.DAY) < as_of)
        .group_by(c.PRODUCT)
        .agg(nw.col(c.DAY).min().alias("_seen"))
    )
    found = goods
    for part in (
        prices(figures),
        sales(lines, as_of=as_of),
        seasons(lines, as_of=as_of),
        hours(lines, as_of=as_of),
        buyers_classes(lines, classes, as_of=as_of),
        seen,
    ):
        found = found.join(part, on=c.PRODUCT, how="left")
    first = nw.min_horizontal(nw.col(FIRST_DAY), nw.col("_seen"))
    novelty = (
        nw.when(first > as_of - 1 - NEW_DAYS).then(nw.lit("new"))
        .otherwise(
            nw.when(nw.col(LAST_DAY) <= as_of - 1 - FADING_DAYS).then(nw.lit("fading"))
            .otherwise(nw.lit("established"))
        )
    )  # fmt: skip
    return found.with_columns(
        first.alias(FIRST_DAY),
        nw.when(~first.is_null()).then(novelty).alias(NOVELTY),
        nw.coalesce(nw.col(REPEATABLE), nw.col(REBUY_SHARE) >= REBUY_FROM).alias(REPEATABLE),
        nw.col(LINES).fill_null(0),
        nw.col(BUYERS).fill_null(0),
    ).drop("_seen")


def _errors(count: nw.Expr, size: nw.Expr, share: nw.Expr) -> nw.Expr:
    """Return by how many binomial standard errors a count lies above what its share of the size lets expect."""
    return (count - size * share) / (size * share * (1 - share)).sqrt()


def _month(day: nw.Expr) -> nw.Expr:
    """Return the month (0 January .. 11) of a day since 1970-01-01, by the civil calendar.

    Howard Hinnant, “chrono-Compatible Low-Level Date Algorithms”: days are counted from March 1st of year 0, so that a
    leap day ends its year.
    """
    shifted = day + 719_468
    of_era = shifted % 146_097
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    return ((5 * of_year + 2) // 153 + 2) % 12


def _named(number: nw.Expr, names: dict[int, str]) -> nw.Expr:
    """Return the name of each number."""
    (first, text), *rest = sorted(names.items())
    if not rest:
        return nw.lit(text)
    return nw.when(number == first).then(nw.lit(text)).otherwise(_named(number, dict(rest)))
