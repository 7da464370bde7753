"""Whom campaigns reached, and when each was answered first."""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from precision.engine.reading import read_frame
from precision.shop import columns as c
from precision.shop.scopes import Scope
from segments.lifecycle.features import ANSWERED_DAY
from segments.lifecycle.targets import REACH_DAYS
from segments.lifecycle.training import Sample
from segments.trials import ANSWERING_KINDS

CAMPAIGN = "campaign"
UNTREATED = ("control", "holdout", "hold-out", "hold_out", "none")
"""Arms whose people were left alone: they had nothing to answer."""
MOST = 50
"""Campaigns that are told of, the largest first."""


def campaigns(scope: Scope) -> pl.DataFrame:
    """Return CUSTOMER, CAMPAIGN, DAY and ANSWERED_DAY, local days, once a person and campaign. A query a platform."""
    frames = []
    untreated = ", ".join(f"'{arm}'" for arm in UNTREATED)
    kinds = ", ".join(f"'{kind}'" for kind in ANSWERING_KINDS)
    for platform in scope.platforms:
        told = read_frame(f"""
            WITH had AS (
                SELECT i.customer_id, h.campaign, min(h.at) AS at FROM (
                    SELECT identity_id, campaign, at FROM precision_shop_assignment
                    WHERE platform_id = {platform.pk:d} AND lower(arm) NOT IN ({untreated})
                    UNION ALL
                    SELECT identity_id, campaign, at FROM precision_shop_send
                    WHERE platform_id = {platform.pk:d}
                ) h JOIN precision_shop_identity i ON i.id = h.identity_id GROUP BY 1, 2
            )
            SELECT h.customer_id AS "{c.CUSTOMER}", h.campaign AS "{CAMPAIGN}",
                   extract(epoch FROM h.at)::bigint AS "{c.DAY}",
                   extract(epoch FROM min(r.at))::bigint AS "{ANSWERED_DAY}"
            FROM had h LEFT JOIN (
                SELECT i.customer_id, r.campaign, r.at
                FROM precision_shop_response r JOIN precision_shop_identity i ON i.id = r.identity_id
                WHERE r.platform_id = {platform.pk:d} AND r.kind IN ({kinds}) AND r.campaign <> ''
            ) r ON r.customer_id = h.customer_id AND r.campaign = h.campaign AND r.at >= h.at
            GROUP BY h.customer_id, h.campaign, h.at
        """)
        frames.append(
            told.select(
                pl.col(c.CUSTOMER).cast(pl.Int64),
                pl.format(f"{platform.key}:{{}}" if scope.overall else "{}", CAMPAIGN).alias(CAMPAIGN),
                *(_local_day(name, platform.timezone) for name in (c.DAY, ANSWERED_DAY)),
            )
        )
    return pl.concat(frames)


def by_campaign(told: pl.DataFrame, judged: Sample, chances: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Return for each campaign after the judged date whom it reached, who answered, and how many were expected.

    JSON values; the campaigns that reached most first, at most MOST of them.
    """
    people = pl.DataFrame({c.CUSTOMER: judged.customers, "chance": chances})
    within = (pl.col(c.DAY) >= judged.day) & (pl.col(c.DAY) < judged.day + REACH_DAYS)
    found = told.filter(within).join(people, on=c.CUSTOMER).group_by(CAMPAIGN)
    rows = found.agg(
        pl.len().alias("reached"),
        pl.col(ANSWERED_DAY).count().alias("answered"),
        pl.col("chance").sum().alias("expected"),
        pl.col("chance").filter(pl.col(ANSWERED_DAY).is_not_null()).mean().alias("chance_of_answerers"),
        pl.col("chance").filter(pl.col(ANSWERED_DAY).is_null()).mean().alias("chance_of_others"),
    )
    return rows.sort("reached", CAMPAIGN, descending=[True, False]).head(MOST).to_dicts()


def _local_day(name: str, timezone: str) -> pl.Expr:
    local = pl.from_epoch(name).dt.replace_time_zone("UTC").dt.convert_time_zone(timezone)
    return local.dt.date().cast(pl.Int32).cast(pl.Int64).alias(name)
