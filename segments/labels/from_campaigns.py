"""How somebody answers campaigns."""

from datetime import date
from typing import Any

import polars as pl

from precision.engine.reading import read_frame
from precision.engine.windows import Window
from precision.shop import columns as c
from precision.shop.scopes import Scope
from segments.labels.own import NUMBER, fact
from segments.labels.registry import Evidence, Source, register
from segments.methods.buying import WINDOW_DAYS
from segments.methods.favourites import PRIOR_TIMES
from segments.trials import ANSWERING_KINDS

CAMPAIGNS, RESPONSE_SHARE, LAST_ANSWER_DAYS = "campaigns_365", "campaign_response_share", "last_answer_days"
UNTREATED = ("control", "holdout", "hold-out", "hold_out", "none")
"""Arms whose people were left alone: they had nothing to answer."""
KINDS = ", ".join(ANSWERING_KINDS)
DEFINITIONS = (
    fact(
        CAMPAIGNS,
        "Campaigns in a year",
        NUMBER,
        "campaigns",
        "Campaigns that somebody was sent a message of, or was put into an arm of other than the control, in the 365 "
        "days before the date.",
    ),
    fact(
        RESPONSE_SHARE,
        "Campaign response",
        NUMBER,
        "share of campaigns",
        f"(answered + {PRIOR_TIMES} r) / (campaigns + {PRIOR_TIMES}), r the share that everyone answered; answers are: "
        f"{KINDS}.",
    ),
    fact(
        LAST_ANSWER_DAYS,
        "Days since the last answer",
        NUMBER,
        "days",
        "Date − day (UTC) of the last answer to these campaigns.",
    ),
)
ANSWERED = "answered_on"  # Date, null: not answered


def frame(scope: Scope, as_of: date) -> pl.DataFrame:
    """Return the labels of everybody who had a campaign in the last year; see `Source`."""
    return labels(_campaigns(scope, as_of), as_of)


def labels(campaigns: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return the labels from rows of CUSTOMER, `campaign` and ANSWERED, once per pair."""
    everyone = campaigns[ANSWERED].count() / max(1, campaigns.height)
    answered = pl.col(ANSWERED).count()
    return campaigns.group_by(c.CUSTOMER).agg(
        pl.len().cast(pl.Int64).alias(CAMPAIGNS),
        ((answered + PRIOR_TIMES * everyone) / (pl.len() + PRIOR_TIMES)).alias(RESPONSE_SHARE),
        (pl.lit(as_of) - pl.col(ANSWERED).max()).dt.total_days().alias(LAST_ANSWER_DAYS),
    )


def evidence(scope: Scope, as_of: date, customer: int, key: str) -> Evidence | None:
    """Return the campaigns of a customer and when each was answered; None where there was none."""
    mine = _campaigns(scope, as_of, customer=customer)
    if not mine.height or (key == LAST_ANSWER_DAYS and mine[ANSWERED].count() == 0):
        return None
    told: dict[str, Any] = {
        "as_of": as_of.isoformat(),
        "campaigns": {
            name: day.isoformat() if day else None
            for name, day in mine.select("campaign", ANSWERED).sort("campaign").iter_rows()
        },
    }
    if key == RESPONSE_SHARE:
        everyone = _campaigns(scope, as_of)
        told |= {"everyone_answered": everyone[ANSWERED].count(), "of": everyone.height, "prior": PRIOR_TIMES}
    return told


def _campaigns(scope: Scope, as_of: date, *, customer: int | None = None) -> pl.DataFrame:
    """Return CUSTOMER, `campaign` and ANSWERED, once a person and campaign. One query per platform."""
    frames = []
    untreated = ", ".join(f"'{arm}'" for arm in UNTREATED)
    kinds = ", ".join(f"'{kind}'" for kind in ANSWERING_KINDS)
    own_only = "" if customer is None else f"AND i.customer_id = {customer:d}"
    for platform in scope.platforms:
        window = Window.before(as_of, days=WINDOW_DAYS, timezone=platform.timezone)
        within = f">= to_timestamp({window.start or 0:d}) AND {{0}} < to_timestamp({window.end:d})"
        frames.append(
            read_frame(f"""
                WITH had AS (
                    SELECT i.customer_id, h.campaign, min(h.at) AS at FROM (
                        SELECT identity_id, campaign, at FROM precision_shop_assignment
                        WHERE platform_id = {platform.pk:d} AND lower(arm) NOT IN ({untreated})
                              AND at {within.format("at")}
                        UNION ALL
                        SELECT identity_id, campaign, at FROM precision_shop_send
                        WHERE platform_id = {platform.pk:d} AND at {within.format("at")}
                    ) h JOIN precision_shop_identity i ON i.id = h.identity_id
                    WHERE true {own_only} GROUP BY 1, 2
                ), answers AS (
                    SELECT i.customer_id, r.campaign, max(r.at) AS at
                    FROM precision_shop_response r JOIN precision_shop_identity i ON i.id = r.identity_id
                    WHERE r.platform_id = {platform.pk:d} AND r.kind IN ({kinds}) AND r.campaign <> ''
                          AND r.at {within.format("r.at")} {own_only}
                    GROUP BY 1, 2
                )
                SELECT h.customer_id AS {c.CUSTOMER}, '{platform.pk:d}:' || h.campaign AS campaign,
                       CASE WHEN a.at >= h.at THEN (a.at AT TIME ZONE 'UTC')::date END AS {ANSWERED}
                FROM had h LEFT JOIN answers a USING (customer_id, campaign)
            """)
        )
    types = {c.CUSTOMER: pl.Int64, "campaign": pl.String, ANSWERED: pl.Date}
    return pl.concat([each.select(pl.col(n).cast(t) for n, t in types.items()) for each in frames])


register(Source(name="campaigns", definitions=DEFINITIONS, frame=frame, evidence=evidence))
