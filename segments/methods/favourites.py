"""The value that somebody has most often, and how large its share is when few observations are not taken at their word.

    share = (x + k s) / (n + k)

with x of somebody's n observations at the value, s its share among everyone's, and k = PRIOR_TIMES: the mean of a
Dirichlet distribution whose prior is everyone (A. Gelman et al., Bayesian Data Analysis, 3rd ed., ch. 3). Nobody's
share is 1 after a single order, and it comes to the plain share x / n as orders add up.
"""

from typing import Any, Final

import narwhals as nw

from precision.shop import columns as c

TIMES: Final = "times"  # Int64, observations of a customer at a value
ALL_TIMES: Final = "all_times"  # Int64, all observations of the customer
SHARE: Final = "share"  # Float64, see the module
PRIOR_TIMES: Final = 10

_MOST: Final = "_most"
EVERYONES: Final = "everyones"  # Float64, share of a value among everyone's observations
_OBSERVED: Final = "_observed"


def favourites(counts: nw.LazyFrame[Any], value: str) -> nw.LazyFrame[Any]:
    """Return CUSTOMER, `value`, TIMES, ALL_TIMES and SHARE: the value that each customer has most often.

    `counts` has CUSTOMER, `value` and TIMES, once per pair; a null value is no observation. Of values that come equally
    often, the smallest counts.
    """
    known = counts.filter(~nw.col(value).is_null(), ~nw.col(c.CUSTOMER).is_null())
    most = known.group_by(c.CUSTOMER).agg(
        nw.col(TIMES).max().alias(_MOST), nw.col(TIMES).sum().alias(ALL_TIMES)
    )
    best = (
        known.join(most, on=c.CUSTOMER, how="inner")
        .filter(nw.col(TIMES) == nw.col(_MOST))
        .group_by(c.CUSTOMER)
        .agg(nw.col(value).min(), nw.col(TIMES).min(), nw.col(ALL_TIMES).min())
    )
    return best.join(everyone(known, value), on=value, how="left").select(
        c.CUSTOMER, value, TIMES, ALL_TIMES, shrunk(nw.col(TIMES), nw.col(ALL_TIMES)).alias(SHARE)
    )


def everyone(counts: nw.LazyFrame[Any], value: str) -> nw.LazyFrame[Any]:
    """Return `value` and its share among everyone's observations, for `shrunk`."""
    known = counts.filter(~nw.col(value).is_null())
    total = known.select(nw.col(TIMES).sum().alias(_OBSERVED))
    return (
        known.group_by(value)
        .agg(nw.col(TIMES).sum())
        .join(total, how="cross")
        .select(value, (nw.col(TIMES) / nw.col(_OBSERVED)).alias(EVERYONES))
    )


def everyones_shares(counts: nw.LazyFrame[Any], value: str) -> dict[Any, float]:
    """Return the share of each value among everyone's observations; computed at once."""
    table = everyone(counts, value).collect("polars")
    return dict(zip(table[value].to_list(), table[EVERYONES].to_list(), strict=True))


def shrunk(times: nw.Expr, of: nw.Expr) -> nw.Expr:
    """Return the share of the module, beside the columns of `everyone`."""
    return (times + PRIOR_TIMES * nw.col(EVERYONES)) / (of + PRIOR_TIMES)
