"""The generated shop as frames of facts, with the truth behind it; nobody is joined wrongly, nothing comes late."""

from typing import Any

import numpy as np
import polars as pl

from demo.browse import people as folk
from demo.browse import shop
from demo.browse.events import DAY_S, STEP_S
from demo.browse.wire import CURRENCY, STORES
from precision.shop import columns as c

TIMEZONE = "Europe/London"
ORDER_STEP = 90
"""Steps after the beginning of a visit at which its order is placed."""
WEEK_DAYS = 7


def browse_frames() -> tuple[dict[str, pl.DataFrame], dict[str, Any]]:
    """Return the frames by name (as `quality_shops.Facts.frame` describes them, and `truth`), and what they are in.

    CUSTOMER and IDENTITY are the number of the visitor, ORDER and SESSION that of the visit, CATEGORY that of the
    kind of goods.
    """
    world = shop.make()
    visits = world.visits.with_columns(
        channel_name=pl.col("channel").replace_strict(dict(enumerate(folk.CHANNELS)), return_dtype=pl.String),
        **{
            c.STORE: pl.when(pl.col("channel") == folk.CHANNELS.index("store-kiosk")).then(
                pl.col("visitor") % STORES
            )
        },
    )
    kinds = world.catalogue.select("product", pl.col("kind").cast(pl.Int64).alias(c.CATEGORY))
    frames = {
        "lines": _lines(world, visits, kinds),
        "events": _events(world, visits, kinds),
        "products": _products(world),
        "people": _people(world),
        "identities": pl.DataFrame(
            {c.CUSTOMER: np.arange(len(world.people)), "kind": "visitor"}
        ).with_columns(pl.col(c.CUSTOMER).cast(pl.String).alias("value")),
        "stores": pl.DataFrame({c.STORE: np.arange(STORES)}).with_columns(
            pl.format("s{}", pl.col(c.STORE).cast(pl.String).str.zfill(2)).alias("store_id")
        ),
        "truth": world.history.truth.select(
            pl.col("visitor").cast(pl.Int64).alias(c.CUSTOMER),
            pl.col("week").cast(pl.Int64),
            (world.first_day + WEEK_DAYS * pl.col("week").cast(pl.Int64)).alias("first_day"),
            "chance",
            "bought",
        ),
    }
    return frames, {"day": world.end // DAY_S, "currency": CURRENCY, "timezone": TIMEZONE}


def _times(seconds: pl.Expr) -> list[pl.Expr]:
    local = pl.from_epoch(seconds, time_unit="s").dt.replace_time_zone("UTC").dt.convert_time_zone(TIMEZONE)
    return [
        seconds.cast(pl.Int64).alias(c.SECONDS),
        local.dt.date().cast(pl.Int32).cast(pl.Int64).alias(c.DAY),
        local.dt.hour().cast(pl.Int64).alias(c.HOUR),
        local.dt.weekday().cast(pl.Int64).alias(c.WEEKDAY),
    ]


def _lines(world: shop.World, visits: pl.DataFrame, kinds: pl.DataFrame) -> pl.DataFrame:
    def money(name: str) -> pl.Expr:
        return (pl.col(name) * c.MONEY).round().cast(pl.Int64)

    return (
        world.lines.join(visits.select("visit", "visitor", "at", c.STORE), on="visit")
        .join(kinds, on="product", how="left")
        .select(
            pl.col("visitor").cast(pl.Int64).alias(c.CUSTOMER),
            pl.col("visitor").cast(pl.Int64).alias(c.IDENTITY),
            pl.col("visit").cast(pl.Int64).alias(c.ORDER),
            pl.col("product").cast(pl.Int64).alias(c.PRODUCT),
            c.CATEGORY,
            pl.col(c.STORE).cast(pl.Int64),
            *_times(pl.col("at") + ORDER_STEP * STEP_S),
            (pl.col("quantity").cast(pl.Int64) * c.QUANTITY).alias(c.QUANTITY_E3),
            money("unit_price").alias(c.UNIT_PRICE_E4),
            money("list_price").alias(c.LIST_PRICE_E4),
            (money("unit_price") * pl.col("quantity").cast(pl.Int64)).alias(c.AMOUNT_E4),
            pl.lit(value=False).alias(c.RETURNED),
        )
    )


def _events(world: shop.World, visits: pl.DataFrame, kinds: pl.DataFrame) -> pl.DataFrame:
    return (
        world.events.join(visits.select("visit", "visitor", "at", "channel_name"), on="visit")
        .join(kinds, on="product", how="left")
        .select(
            pl.col("visitor").cast(pl.Int64).alias(c.CUSTOMER),
            pl.col("visitor").cast(pl.Int64).alias(c.IDENTITY),
            c.EVENT,
            *_times(pl.col("at") + pl.col("step") * STEP_S),
            pl.col("product").cast(pl.Int64).alias(c.PRODUCT),
            c.CATEGORY,
            pl.lit(None, dtype=pl.Int64).alias(c.STORE),
            pl.col("channel_name").alias(c.CHANNEL),
            pl.col("visit").cast(pl.Int64).alias(c.SESSION),
            (pl.col("duration_s") * 1000).round().cast(pl.Int64).alias(c.DURATION_MS),
            pl.lit(None, dtype=pl.Int64).alias(c.RECOMMENDATION),
        )
    )


def _products(world: shop.World) -> pl.DataFrame:
    return world.catalogue.select(
        pl.col("product").cast(pl.Int64).alias(c.PRODUCT),
        pl.col("kind").cast(pl.Int64).alias(c.CATEGORY),
        (pl.col("price") * c.MONEY).round().cast(pl.Int64).alias(c.PRICE_E4),
        pl.lit(None, dtype=pl.Int64).alias(c.LIST_PRICE_E4),
        pl.lit(value=True).alias(c.IN_STOCK),
        pl.lit(value=True).alias(c.ACTIVE),
        pl.col("repeatable").alias(c.REPEATABLE),
    )


def _people(world: shop.World) -> pl.DataFrame:
    people, registered = world.people, world.history.registered
    start = world.first_day * DAY_S
    return pl.DataFrame(
        {
            c.CUSTOMER: np.arange(len(people)),
            "customer_id": [f"c{number:06d}" for number in range(len(people))],
            "registered_at": np.where(registered >= 0, start + registered * WEEK_DAYS * DAY_S, -1),
            "income": people.income * 1000,
            "birth_year": people.birth_year,
            "planted_class": np.array(folk.CLASSES)[people.letter],
        }
    ).with_columns(pl.col("registered_at").replace(-1, None))
