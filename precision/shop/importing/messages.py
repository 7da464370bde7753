"""The digests by which events are told apart, whole columns at once, and which of them the platform has already."""

import hashlib
from datetime import datetime, timedelta
from typing import Final

import polars as pl
from psycopg import sql

from precision.engine.copying import copy_table
from precision.shop import bulk
from precision.shop.models import Platform

MESSAGE: Final = "message"
"""Digest as bytea text."""
SLACK: Final = timedelta(days=2)
"""How much the time of an event that is told twice may differ between the two."""
_KNOWN = """
SELECT t.place FROM incoming_messages t
JOIN precision_shop_event e ON e.platform_id = {platform} AND e.message = t.message
WHERE e.received_at >= {earliest}
"""


def messages(frame: pl.DataFrame, content: list[str]) -> pl.Series:
    """Return the 16-byte digest of each event as bytea text: of its `event_id`, else of its columns `content`.

    It is the BLAKE2b digest that the event dialect makes of a message id, so that an event is one whatever its route.
    """
    texts = frame.get_column("event_id")
    if texts.has_nulls():
        # The unit separator keeps ids and contents apart: an id cannot begin with a control character of ours.
        whole = frame.select(pl.concat_str(pl.lit("\x1f"), pl.struct(content).struct.json_encode()))
        texts = frame.select(pl.coalesce(pl.lit(texts), pl.lit(whole.to_series()))).to_series()
    blake = hashlib.blake2b
    digests = ["\\x" + blake(text.encode(), digest_size=16).hexdigest() for text in texts]
    return pl.Series(MESSAGE, digests, dtype=pl.String)


def known(platform: Platform, told: pl.Series, *, since: datetime | None) -> pl.Series:
    """Return for each digest whether the platform has an event of it, in whatever month that was received.

    `since` is the earliest time of the events: months that were over by then cannot hold them, and are not looked
    through. None: nothing is known of their times.
    """
    if not len(told):
        return pl.Series("known", [], dtype=pl.Boolean)
    bulk.execute(sql.SQL("DROP TABLE IF EXISTS incoming_messages"))
    bulk.execute(
        sql.SQL("CREATE TEMPORARY TABLE incoming_messages (place integer, message bytea) ON COMMIT DROP")
    )
    copy_table("incoming_messages", told.alias(MESSAGE).to_frame().with_row_index("place"))
    bulk.execute(sql.SQL("ANALYZE incoming_messages"))
    earliest = sql.SQL("'-infinity'") if since is None else sql.Literal(since - SLACK)
    query = sql.SQL(_KNOWN).format(platform=sql.Literal(platform.pk), earliest=earliest)
    places = bulk.fetch_numbers(query.as_string(), {"place": pl.Int64}).get_column("place")
    return pl.int_range(len(told), eager=True).is_in(places.implode()).alias("known")
