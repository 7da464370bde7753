"""The same name at the same address: a digest in each profile, and pairs of accounts that are proposed as one person.

Neither a name nor an address is anybody's alone, so what they say is never more than a proposal.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import polars as pl

from precision.engine.reading import read_frame
from precision.shop import identity, pii, stitching

ORIGIN: Final = "home"
MOST: Final = 4
"""Accounts that may share a home; where there are more, it is a placeholder or an institution, and says nothing."""


def digest(organisation_id: int, personal: Mapping[str, Any]) -> str:
    """Return the digest of name and address of a profile; "" where it does not tell both."""
    told = identity.home(personal.get("name"), personal.get("address"))
    return "" if told is None else pii.match(pii.match_key(organisation_id), "home", told)


def propose(organisation_id: int, *, now: datetime) -> int:
    """Link the customer ids of an organisation whose profiles tell one home; return how many pairs are new.

    Nobody vouches for them and both are known accounts, so that the links wait for a person's yes. Pairs linked
    by their home already, in whatever state, are left alone, and so are those of one person.
    """
    pairs = read_frame(f"""
        WITH told AS (
            SELECT r.identity_id, r.home_match, i.customer_id,
                   count(*) OVER (PARTITION BY r.home_match) AS accounts
            FROM precision_shop_profile r
            JOIN precision_shop_identity i ON i.id = r.identity_id
            JOIN precision_shop_platform p ON p.id = i.platform_id AND p.organisation_id = {organisation_id:d}
            WHERE r.home_match <> ''
        )
        SELECT a.identity_id AS first, b.identity_id AS second FROM told a
        JOIN told b ON b.home_match = a.home_match AND b.identity_id > a.identity_id AND b.customer_id <> a.customer_id
        WHERE a.accounts BETWEEN 2 AND {MOST} AND NOT EXISTS (
            SELECT FROM precision_shop_identitylink l
            WHERE l.first_id = a.identity_id AND l.second_id = b.identity_id AND l.origin = '{ORIGIN}')
    """)
    if pairs.height:
        stitching.link_many(
            organisation_id,
            pairs.with_columns(
                origin=pl.lit(ORIGIN),
                verified=pl.lit(value=False),
                at=pl.lit(now).cast(pl.Datetime("us", "UTC")),
            ),
        )
    return pairs.height
