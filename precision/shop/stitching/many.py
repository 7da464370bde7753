"""Evidence of a whole file: stored at once, joined right after the commit in short steps."""

from collections.abc import Sequence
from functools import partial

import polars as pl
from django.db import transaction
from psycopg import sql

from precision.engine.copying import copy_table
from precision.shop import bulk
from precision.shop.methods.people import CLAIMED, RULE_VERSION
from precision.shop.stitching import locking
from precision.shop.stitching.closure import quoted
from precision.shop.stitching.linking import SAME_VALUE, STAFF
from precision.shop.stitching.nightly import stitch
from precision.shop.stitching.writing import Cause, recompute

AT_ONCE = 1_000
"""Identities that are recomputed under one lock, which others wait for."""
EVERYBODY = 200_000
"""Identities from which on the whole organisation is recomputed, which is quicker then."""
TOLD = {
    "first": pl.Int64,
    "second": pl.Int64,
    "origin": pl.String,
    "verified": pl.Boolean,
    "at": pl.Datetime("us", "UTC"),
}
_CREATE = """
CREATE TEMPORARY TABLE telling (first bigint, second bigint, origin text, verified bool, at timestamptz) ON COMMIT DROP
"""
_ADD = f"""
INSERT INTO precision_shop_identitylink
    (organisation_id, first_id, second_id, origin, verified, status, held, evidence, rule_version, at)
SELECT {{organisation}}, t.first, t.second, t.origin, t.verified,
    CASE WHEN EXISTS (
        SELECT FROM precision_shop_identitylink l
        WHERE l.first_id = t.first AND l.second_id = t.second AND l.status IN ('refused', 'undone')
          AND l.origin <> '{STAFF}') THEN 'refused' ELSE 'active' END,
    '', '{{{{}}}}', {RULE_VERSION}, t.at
FROM telling t ORDER BY t.first, t.second, t.origin
ON CONFLICT (first_id, second_id, origin) DO UPDATE
SET verified = precision_shop_identitylink.verified OR excluded.verified,
    at = least(precision_shop_identitylink.at, excluded.at), position = pg_current_xact_id()::text::bigint
WHERE precision_shop_identitylink.status IN ('active', 'proposed')
  AND (excluded.verified AND NOT precision_shop_identitylink.verified
       OR excluded.at < precision_shop_identitylink.at)
RETURNING first_id, second_id
"""
_ADD_EQUALS = f"""
INSERT INTO precision_shop_identitylink
    (organisation_id, first_id, second_id, origin, verified, status, held, evidence, rule_version, at)
SELECT {{organisation}}, min(other.id), told.id, '{SAME_VALUE}', true, 'active', '', '{{{{}}}}', {RULE_VERSION},
       max(other.created_at) FILTER (WHERE other.id <= told.id)
FROM (SELECT first AS id FROM telling WHERE verified UNION SELECT second FROM telling WHERE verified) AS vouched
JOIN precision_shop_identity told ON told.id = vouched.id AND told.kind IN ({quoted(CLAIMED)})
JOIN precision_shop_platform shop ON shop.organisation_id = {{organisation}}
JOIN precision_shop_identity other
    ON other.platform_id = shop.id AND other.kind = told.kind AND other.value = told.value
GROUP BY told.id HAVING min(other.id) < told.id
ON CONFLICT (first_id, second_id, origin) DO NOTHING
RETURNING first_id, second_id
"""


@transaction.atomic
def link_many(organisation_id: int, told: pl.DataFrame) -> int:
    """Store links between identities of one organisation; return how many are new or say more than before.

    `told` has the columns of TOLD, like `Link`; all identities must exist and be of the organisation, and none may be
    a name or an address. The people follow when the transaction has ended, before control comes back from it; if that
    is cut short, by night.
    """
    low, high = pl.min_horizontal("first", "second"), pl.max_horizontal("first", "second")
    frame = (
        told.filter(pl.col("first") != pl.col("second"))
        .select(first=low, second=high, origin="origin", verified="verified", at="at")
        .group_by("first", "second", "origin")
        .agg(pl.col("verified").any(), pl.col("at").min())
        .sort("first", "second", "origin")
    )
    if not frame.height:
        return 0
    bulk.execute(sql.SQL("DROP TABLE IF EXISTS telling"))
    bulk.execute(sql.SQL(_CREATE))
    copy_table("telling", frame)
    bulk.execute(sql.SQL("ANALYZE telling"))
    organisation = sql.Literal(organisation_id)
    ends = {"first": pl.Int64, "second": pl.Int64}
    made = pl.concat(
        bulk.fetch(sql.SQL(statement).format(organisation=organisation), ends)
        for statement in (_ADD, _ADD_EQUALS)
    )
    if made.height:
        touched = pl.concat([made.get_column("first"), made.get_column("second")]).unique().sort().to_list()
        transaction.on_commit(partial(settle, organisation_id, touched), robust=True)
    return made.height


def settle(organisation_id: int, touched: Sequence[int]) -> None:
    """Make people what their links say around many identities, a part of them under each lock."""
    if len(touched) >= EVERYBODY:
        stitch(organisation_id)
        return
    for start in range(0, len(touched), AT_ONCE):
        with transaction.atomic():
            locking.alone(organisation_id)
            recompute(organisation_id, touched[start : start + AT_ONCE], Cause())
