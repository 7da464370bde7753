"""When people registered, as their profiles tell."""

import polars as pl

from precision.engine.reading import read_frame
from precision.shop import columns as c
from precision.shop.scopes import Scope


def registrations(scope: Scope) -> pl.DataFrame:
    """Return CUSTOMER and DAY, the local day of the registration, for everybody who told one. A query a platform."""
    frames = []
    for platform in scope.platforms:
        told = read_frame(f"""
            SELECT i.customer_id AS "{c.CUSTOMER}", extract(epoch FROM p.registered_at)::bigint AS "{c.SECONDS}"
            FROM precision_shop_profile p JOIN precision_shop_identity i ON i.id = p.identity_id
            WHERE i.platform_id = {platform.pk:d} AND p.registered_at IS NOT NULL
        """)
        local = pl.from_epoch(c.SECONDS).dt.replace_time_zone("UTC").dt.convert_time_zone(platform.timezone)
        frames.append(told.select(c.CUSTOMER, local.dt.date().cast(pl.Int32).cast(pl.Int64).alias(c.DAY)))
    return pl.concat(frames)
