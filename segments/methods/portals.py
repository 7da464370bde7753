"""Whether a customer of a portal (a store, a platform) comes back: what is known of the pair, and how well it is told.

A *trip* is a day on which a customer bought at a portal. Asked about as of a day is every pair with a trip in the last
WINDOW_DAYS; the answer is yes when there is another one in the HORIZON_DAYS from that day on. `features` sees nothing
of the day or later. `judge` counts right answers of each portal beside the base rate: what always giving the answer
that turned out commoner there would have got right, a guess that no model could make beforehand.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from types import MappingProxyType
from typing import Any, Final

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from precision.shop import columns as c

PORTAL: Final = "portal"  # Int64
RESPONSE: Final = "response"  # Boolean, whether there was a trip within the horizon

WINDOW_DAYS: Final = 84
HORIZON_DAYS: Final = 28
SPANS: Final = (7, 14, 28, 56, 84, 182, 364)
BLOCK_DAYS: Final = 28
BLOCKS: Final = 6
HALF_LIVES: Final = (10, 30, 90)
GRID: Final = np.round(np.arange(0.30, 0.7001, 0.02), 2)
"""Thresholds to choose from."""
POOLED_ROWS: Final = 10_000.0
"""All portals together weigh as much as so many rows of the portal itself when its threshold is chosen.

The scores are chances already, so that a threshold far from one half mostly follows the luck of a portal's few rows.
"""

FEATURES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "recency_days": "days since the last trip",
        "tenure_days": "days since the first trip, at most two years",
        **{f"trips_{days}": f"trips in {days} days" for days in SPANS},
        **{f"decayed_{days}": f"trips, each halved every {days} days" for days in HALF_LIVES},
        "blocks": f"share of the last {BLOCKS} times {BLOCK_DAYS} days with a trip",
        "gap_mean": "mean days between trips",
        "gap_spread": "standard deviation of the days between trips",
        "gap_longest": "longest gap in days",
        "overdue": "days since the last trip, in mean gaps",
        "overdue_longest": "days since the last trip, in longest gaps",
        "money": "money spent here",
        "money_per_trip": "money spent on a trip",
        "all_recency_days": "days since the last trip to any portal",
        **{f"all_trips_{days}": f"trips to all portals in {days} days" for days in (28, 84)},
        **{f"share_{days}": f"share of the trips of {days} days that led here" for days in (28, 84, 364)},
        **{f"decayed_share_{days}": f"share of the trips, halved every {days} days" for days in HALF_LIVES},
        "portals_28": "portals visited in 28 days",
        "portals_84": "portals visited in 84 days",
        "own_return": "share of the portals visited before that were visited again in the last 28 days",
        "portal_return": "share of the portal's customers who came again in the last 28 days",
        "portal_trend": "share of the portal's trips of 84 days that fell into the last 28",
    }
)
"""Columns of `features` in their order, in words."""

Frame = nw.LazyFrame[Any]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalResult:
    """How well a model told for one portal who comes back."""

    portal: int
    customers: int
    """Different ones that were asked about."""
    rows: int
    """Questions: a customer counts once a date."""
    positive_rate: float
    """Share that came back."""
    base_accuracy: float
    """Share of right answers of always giving the answer that turned out commoner."""
    accuracy: float
    threshold: float
    auc: float | None
    """None where all or none came back."""

    @property
    def lift(self) -> float:
        """How much more is right than by the base rate."""
        return self.accuracy - self.base_accuracy


def trips(lines: Frame) -> Frame:
    """Return CUSTOMER, PORTAL, DAY and AMOUNT_E4, once a day, of order lines with PORTAL; no guests, no returns."""
    sold = lines.filter(~nw.col(c.CUSTOMER).is_null(), ~nw.col(PORTAL).is_null(), ~nw.col(c.RETURNED))
    return sold.group_by(c.CUSTOMER, PORTAL, c.DAY).agg(nw.col(c.AMOUNT_E4).sum())


def features(made: Frame, *, as_of: int) -> Frame:
    """Return CUSTOMER, PORTAL and FEATURES (Float64) of every pair with a trip in the last WINDOW_DAYS before `as_of`.

    `made` are `trips`; those of the day or later are not looked at. What is not defined is null.
    """
    age = nw.col("_age")
    before = made.filter(nw.col(c.DAY) < as_of).with_columns(_age=as_of - nw.col(c.DAY))
    before = before.with_columns(
        _gap=(nw.col(c.DAY) - nw.col(c.DAY).shift(1).over(c.CUSTOMER, PORTAL, order_by=c.DAY)).cast(
            nw.Float64
        )
    )
    before = before.with_columns(_squared=nw.col("_gap") * nw.col("_gap"))
    pairs = before.group_by(c.CUSTOMER, PORTAL).agg(
        age.min().alias("recency_days"),
        age.max().alias("_first"),
        *(_count(age <= days).alias(f"trips_{days}") for days in SPANS),
        *((age.cast(nw.Float64) * (-log(2) / days)).exp().sum().alias(f"decayed_{days}") for days in HALF_LIVES),
        *(
            nw.when((age > BLOCK_DAYS * block) & (age <= BLOCK_DAYS * (block + 1)))
            .then(nw.lit(1)).otherwise(nw.lit(0)).max().alias(f"_block_{block}")
            for block in range(BLOCKS)
        ),
        nw.col("_gap").mean().alias("gap_mean"),
        nw.col("_squared").mean().alias("_squares"),
        nw.col("_gap").max().alias("gap_longest"),
        nw.col(c.AMOUNT_E4).sum().alias("_paid"),
        nw.len().cast(nw.Int64).alias("_trips"),
        _count((age > HORIZON_DAYS) & (age <= HORIZON_DAYS + WINDOW_DAYS)).alias("_asked"),
    )  # fmt: skip
    # Who was asked about one horizon ago, and what came of it: known by now.
    asked = nw.when(nw.col("_asked") > 0).then(nw.lit(1)).otherwise(nw.lit(0))
    pairs = pairs.with_columns(_was=asked, _here=_yes("trips_28"), _lately=_yes("trips_84"))
    pairs = pairs.with_columns(_came=nw.col("_was") * nw.col("_here"))
    people = pairs.group_by(c.CUSTOMER).agg(
        nw.col("recency_days").min().alias("all_recency_days"),
        *(nw.col(f"trips_{days}").sum().alias(f"all_trips_{days}") for days in (28, 84, 364)),
        *(nw.col(f"decayed_{days}").sum().alias(f"_decayed_{days}") for days in HALF_LIVES),
        nw.col("_here").sum().alias("portals_28"),
        nw.col("_lately").sum().alias("portals_84"),
        nw.col("_came").sum().alias("_own_came"),
        nw.col("_was").sum().alias("_own_was"),
    )
    portals = pairs.group_by(PORTAL).agg(
        nw.col("_came").sum().alias("_portal_came"),
        nw.col("_was").sum().alias("_portal_was"),
        *(nw.col(f"trips_{days}").sum().alias(f"_portal_{days}") for days in (28, 84)),
    )
    joined = (
        pairs.filter(nw.col("recency_days") <= WINDOW_DAYS)
        .join(people, on=c.CUSTOMER, how="inner")
        .join(portals, on=PORTAL, how="inner")
    )
    return _shaped(joined)


def _shaped(joined: Frame) -> Frame:
    """Return CUSTOMER, PORTAL and FEATURES of pairs with the sums of their customer and of their portal beside them."""
    blocks = sum((nw.col(f"_block_{block}") for block in range(BLOCKS)), start=nw.lit(0))
    lived = (nw.col("_first").cast(nw.Float64) / BLOCK_DAYS).clip(1.0, float(BLOCKS))
    mean, recency = nw.col("gap_mean"), nw.col("recency_days")
    # Differences of squares may fall a hair below nought.
    variance = (nw.col("_squares") - mean * mean).clip(0.0, None)
    made = joined.with_columns(
        tenure_days=nw.col("_first").clip(None, 730),
        blocks=blocks.cast(nw.Float64) / lived,
        gap_spread=variance.sqrt(),
        overdue=_ratio(recency, mean),
        overdue_longest=_ratio(recency, nw.col("gap_longest")),
        money=nw.col("_paid").cast(nw.Float64) / c.MONEY,
        money_per_trip=_ratio(nw.col("_paid"), nw.col("_trips")) / c.MONEY,
        own_return=_ratio(nw.col("_own_came"), nw.col("_own_was")),
        portal_return=_ratio(nw.col("_portal_came"), nw.col("_portal_was")),
        portal_trend=_ratio(nw.col("_portal_28"), nw.col("_portal_84")),
        **{f"share_{days}": _ratio(nw.col(f"trips_{days}"), nw.col(f"all_trips_{days}")) for days in (28, 84, 364)},
        **{
            f"decayed_share_{days}": _ratio(nw.col(f"decayed_{days}"), nw.col(f"_decayed_{days}"))
            for days in HALF_LIVES
        },
    )  # fmt: skip
    return made.select(c.CUSTOMER, PORTAL, *(nw.col(name).cast(nw.Float64) for name in FEATURES))


def responses(made: Frame, *, as_of: int) -> Frame:
    """Return CUSTOMER, PORTAL and RESPONSE (true) of the pairs with a trip in the HORIZON_DAYS from `as_of` on."""
    after = made.filter(nw.col(c.DAY) >= as_of, nw.col(c.DAY) < as_of + HORIZON_DAYS)
    return after.select(c.CUSTOMER, PORTAL).unique([c.CUSTOMER, PORTAL]).with_columns(
        nw.lit(value=True).alias(RESPONSE)
    )  # fmt: skip


def largest(made: Frame, *, as_of: int, most: int) -> list[int]:
    """Return the portals with the most trips before `as_of`, the largest first, the lower number where they tie."""
    counted = (
        made.filter(nw.col(c.DAY) < as_of)
        .group_by(PORTAL)
        .agg(nw.len().cast(nw.Int64).alias("_trips"))
        .collect()
    )
    order = np.lexsort((counted[PORTAL].to_numpy(), -counted["_trips"].to_numpy()))
    return [int(each) for each in counted[PORTAL].to_numpy()[order][:most]]


def thresholds(portals: Numbers, scores: Floats, answers: Flags) -> tuple[dict[int, float], float]:
    """Return the threshold of each portal, and the one of a portal with no rows; arrays of shape (rows,).

    The one of GRID with the most right answers on these rows, where all portals together count as POOLED_ROWS rows of
    the portal: a few customers do not move it far. The middle one of those that tie.
    """
    right = (scores[:, None] >= GRID) == answers[:, None]
    pooled = right.mean(axis=0) if len(scores) else np.ones(len(GRID))
    found = {}
    for portal in np.unique(portals):
        own = right[portals == portal]
        found[int(portal)] = _middle(own.sum(axis=0) + POOLED_ROWS * pooled)
    return found, _middle(pooled)


def judge(
    customers: Numbers, portals: Numbers, scores: Floats, answers: Flags, limits: Floats
) -> list[PortalResult]:
    """Return the results of the portals by number; arrays of shape (rows,), `limits` the threshold of each row."""
    found = []
    right = (scores >= limits) == answers
    for portal in np.unique(portals):
        rows = portals == portal
        rate = float(answers[rows].mean())
        found.append(
            PortalResult(
                portal=int(portal), customers=len(np.unique(customers[rows])), rows=int(rows.sum()),
                positive_rate=rate, base_accuracy=max(rate, 1 - rate), accuracy=float(right[rows].mean()),
                threshold=float(limits[rows].mean()), auc=area(scores[rows], answers[rows]),
            )
        )  # fmt: skip
    return found


def area(scores: Floats, answers: Flags) -> float | None:
    """Return the area under the ROC curve; None where all answers are alike."""
    return float(roc_auc_score(answers, scores)) if 0 < answers.sum() < len(answers) else None


def _middle(right: Floats) -> float:
    best = np.flatnonzero(right >= right.max() - 1e-9)
    return float(GRID[best[len(best) // 2]])


def _count(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0)).sum()


def _yes(name: str) -> nw.Expr:
    return nw.when(nw.col(name) > 0).then(nw.lit(1)).otherwise(nw.lit(0))


def _ratio(part: nw.Expr, whole: nw.Expr) -> nw.Expr:
    """Return part / whole as Float64, null where the whole is 0 or unknown."""
    divisor = nw.when(whole != 0).then(whole.cast(nw.Float64)).otherwise(None)
    return part.cast(nw.Float64) / divisor
