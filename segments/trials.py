"""Reads the test activities of a scope: who was offered what price or discount, and who answered."""

from datetime import date

import narwhals as nw
import polars as pl

from precision.engine.reading import read_frame
from precision.engine.windows import Window
from precision.shop import columns as c
from precision.shop.scopes import Scope
from segments.methods import price_tests
from segments.methods.price_tests import ANSWERS, KIND, SCHEMA, TRIALS

ANSWERING_KINDS = ("clicked", "answered", "converted", "redeemed", "bought")
"""Kinds of responses that answer an offer; what was only delivered or opened does not."""
# A campaign is a trial once for each person and kind, however many messages it sent.
CAMPAIGNS = """
    WITH offered AS (
        SELECT platform_id, campaign, identity_id, at,
               CASE arm WHEN 'price:high' THEN 'high_price' WHEN 'price:low' THEN 'low_price'
                    ELSE 'discount' END AS kind
        FROM precision_shop_assignment WHERE platform_id = {platform:d} AND arm ~ '{arm}'
        UNION ALL
        SELECT platform_id, campaign, identity_id, at,
               CASE properties->>'price_tier' WHEN 'high' THEN 'high_price' WHEN 'low' THEN 'low_price'
                    ELSE CASE WHEN properties->>'discount' ~ '^[1-9][0-9]?$' THEN 'discount' ELSE 'coupon' END END
        FROM precision_shop_send
        WHERE platform_id = {platform:d} AND (properties->>'price_tier' IN ('high', 'low')
              OR properties ? 'coupon' OR properties->>'discount' ~ '^[1-9][0-9]?$')
    ), trials AS (
        SELECT i.customer_id, o.campaign, o.kind, min(o.at) AS at
        FROM offered o JOIN precision_shop_identity i ON i.id = o.identity_id
        WHERE o.at >= to_timestamp({start:d}) AND o.at < to_timestamp({end:d}) AND i.customer_id IS NOT NULL
        GROUP BY 1, 2, 3
    ), answers AS (
        SELECT i.customer_id, r.campaign, max(r.at) AS at
        FROM precision_shop_response r JOIN precision_shop_identity i ON i.id = r.identity_id
        WHERE r.platform_id = {platform:d} AND r.kind IN ({kinds}) AND r.campaign <> ''
              AND r.at >= to_timestamp({start:d}) AND r.at < to_timestamp({end:d})
        GROUP BY 1, 2
    )
    SELECT t.customer_id AS {customer}, t.kind AS {kind}, count(*) AS {trials},
           count(*) FILTER (WHERE a.at >= t.at) AS {answers}
    FROM trials t LEFT JOIN answers a USING (customer_id, campaign)
    GROUP BY 1, 2
"""


def trials(scope: Scope, as_of: date, *, days: int) -> "nw.DataFrame[pl.DataFrame]":
    """Return one row per customer and kind of test in the `days` before `as_of`: CUSTOMER, KIND, TRIALS, ANSWERS.

    From campaigns (assignments and sends with their responses), from slots (exposures with the events that name the
    same recommendation) and from coupons used at checkouts. One query per platform.
    """
    campaigns = pl.concat(
        [_campaigns(platform.pk, platform.timezone, as_of, days) for platform in scope.platforms]
    )
    events = scope.scan("events", as_of, days=days)
    found = price_tests.added(
        [
            nw.from_native(campaigns.lazy()),
            price_tests.slot_trials(scope.scan("exposures", as_of, days=days), events),
            price_tests.coupon_trials(events),
        ]
    )
    return found.collect("polars")


def _campaigns(platform: int, timezone: str, as_of: date, days: int) -> pl.DataFrame:
    window = Window.before(as_of, days=days, timezone=timezone)
    frame = read_frame(
        CAMPAIGNS.format(
            platform=platform, arm=price_tests.ARM, start=window.start, end=window.end,
            kinds=", ".join(f"'{kind}'" for kind in ANSWERING_KINDS),
            customer=c.CUSTOMER, kind=KIND, trials=TRIALS, answers=ANSWERS,
        )
    )  # fmt: skip
    types = (pl.Int64, pl.String, pl.Int64, pl.Int64)
    return frame.select(pl.col(name).cast(kind) for name, kind in zip(SCHEMA, types, strict=True))
