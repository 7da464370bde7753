"""The grocery chain's displays: which of its stores displayed how much in which month, beside what they sold.

The source tells for each week which product stood where in which store (21 million rows). Kept is one row a store and
month:

- *displays*: products on display in a week of that month, on average (`display_location` other than 0, which is “not on
  display”). A week belongs to the month that its Thursday lies in. Only 112 of the stores tell their promotions; the
  others have no figure, which is not 0.
- *sales*: units and value of the orders that were loaded, which are those of a sample of 2,469 households and not all
  that a store sold. Fuel counts in gallons.

The data tell no star, type or region of a store, and do not part retail from industry.
"""

from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
from django.utils import timezone
from psycopg import sql

from precision.shop import bulk, sources
from precision.shop.models import Platform, Source, StoreMonth
from precision.shop.recording import record

FIRST_MONDAY: Final = date(2017, 1, 2)
"""Of week 2; week 1 is the Sunday before it."""
NOT_ON_DISPLAY: Final = "0"
AT_ONCE: Final = 5_000
SALES = """
SELECT s.external_id, date_trunc('month', o.placed_at AT TIME ZONE {zone})::date,
       (sum(l.quantity) / 1000.0)::double precision, round(sum(l.quantity * l.unit_price) / 1e7, 4)::text
FROM precision_shop_order o
JOIN precision_shop_orderline l ON l.order_id = o.id
JOIN precision_shop_store s ON s.id = o.store_id
WHERE o.platform_id = {platform} AND o.status <> 'cancelled'
GROUP BY 1, 2
"""


def load(platform: Platform, promotions: Path) -> int:
    """Load the months of the stores of the platform; return how many there are now. Done before: nothing happens."""
    if not StoreMonth.objects.filter(platform=platform).exists():
        source = sources.default(
            platform, Source.Kind.FILES
        )  # its licence came with the mapping of the other files
        rows = _records(monthly_displays(promotions), _sales(platform))
        for first in range(0, len(rows), AT_ONCE):
            record(
                platform,
                "store-month",
                rows[first : first + AT_ONCE],
                replace=False,
                source=source,
                now=timezone.now(),
            )
    return StoreMonth.objects.filter(platform=platform).count()


def monthly_displays(promotions: Path) -> pl.DataFrame:
    """Return store_id, month (its first day) and displays: products on display in a week, on average."""
    weeks = pl.scan_parquet(promotions).select("store_id", "week", "display_location")
    month = (pl.lit(FIRST_MONDAY) + pl.duration(days=(pl.col("week") - 2) * 7) + timedelta(days=3)).clip(
        lower_bound=FIRST_MONDAY - timedelta(days=1)
    )
    shown = (
        weeks.filter(pl.col("display_location") != NOT_ON_DISPLAY)
        .group_by("store_id", "week")
        .len("shown")
        .collect(engine="streaming")
    )
    # A store tells a week when the week names any product of it, on display or not.
    told = weeks.select("store_id", "week").unique().collect(engine="streaming")
    return (
        told.join(shown, on=["store_id", "week"], how="left")
        .with_columns(month=month.dt.truncate("1mo"), shown=pl.col("shown").fill_null(0))
        .group_by("store_id", "month")
        .agg(pl.col("shown").mean().alias("displays"))
        .with_columns(pl.col("store_id").cast(pl.String), pl.col("month").cast(pl.Date))
        .sort("store_id", "month")
    )


def _sales(platform: Platform) -> pl.DataFrame:
    """Return store_id, month, units and value of the orders of stores."""
    query = sql.SQL(SALES).format(zone=sql.Literal(platform.timezone), platform=sql.Literal(platform.pk))
    return bulk.fetch(
        query, {"store_id": pl.String, "month": pl.Date, "units": pl.Float64, "value": pl.String}
    )


def _records(displays: pl.DataFrame, sales: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as the API takes them; what is not known is left out."""
    months = displays.join(sales, on=["store_id", "month"], how="full", coalesce=True).sort(
        "store_id", "month"
    )
    records = []
    for row in months.iter_rows(named=True):
        made: dict[str, Any] = {"store_id": row["store_id"], "month": row["month"].isoformat()}
        if row["displays"] is not None:
            made["displays"] = round(row["displays"], 4)
        if row["units"]:
            made |= {"sales_units": round(row["units"], 3), "sales_value": row["value"]}
        records.append(made)
    return records
