"""The labels of a platform's customers as one wide frame, from the published runs."""

import polars as pl

from precision.engine import runs
from precision.engine.reading import read_frame
from precision.shop import columns as c
from precision.shop.models import Platform
from segments import builtin


def wide_frame(platform: Platform) -> pl.DataFrame:
    """Return one row per customer with a published RFM score: CUSTOMER and the columns of `builtin.LABELS`.

    A label that was not computed for somebody is null. Without a published RFM run the frame is empty.
    """
    published = runs.published_ids(platform.key)
    frame = read_frame(f"""
        SELECT r.customer_id AS {c.CUSTOMER}, k.letter AS price_class, k.price_position, k.discount_share,
               r.recency_days, r.frequency, r.money::double precision / {c.MONEY:d} AS money,
               r.recency_score, r.frequency_score, r.money_score, r."group" AS rfm_group
        FROM precision_segments_rfmscore r
        LEFT JOIN precision_segments_customerclass k
               ON k.customer_id = r.customer_id AND k.run_id = {published.get("price-classes", 0):d}
        WHERE r.run_id = {published.get("rfm", 0):d}
    """)
    return frame.select(c.CUSTOMER, *builtin.LABELS)
