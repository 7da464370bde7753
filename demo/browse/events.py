"""The visits as events: one row a thing that somebody did, in the words of the common event SDKs."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from demo.browse import choices, texts
from demo.browse.catalogue import PER_TIER, TIERS
from demo.browse.people import People
from demo.browse.weeks import History

WEEK_S, DAY_S = 7 * 86_400, 86_400
DAYS = (0.13, 0.12, 0.13, 0.13, 0.15, 0.18, 0.16)
"""How often people come on each day of the week, Monday first."""
STEP_S = 35
"""Seconds between two things somebody does in a visit, on average."""
OTHER_DEVICE, OTHER_CHANNEL = 0.3, 0.15
SCHEMA = {
    "visit": pl.Int64, "step": pl.Int64, "event": pl.String, "product": pl.Int64, "query": pl.String,
    "text": pl.String, "duration_s": pl.Float64, "offer": pl.String,
}  # fmt: skip


def dated(rng: np.random.Generator, people: People, history: History, *, first_day: int) -> pl.DataFrame:
    """Return the visits with `visit` (number), `at` (seconds since 1970), `channel` and `device`; weeks begin at
    `first_day` (days since 1970, a Monday).
    """
    visits = history.visits
    who, size = visits.get_column("visitor").to_numpy(), visits.height
    hour = np.clip(people.hour[who] + np.round(rng.normal(0, 1.5, size)), 0, 23).astype(np.int64)
    at = (
        (first_day * DAY_S)
        + visits.get_column("week").to_numpy() * WEEK_S
        + rng.choice(7, size=size, p=DAYS) * DAY_S
        + hour * 3600
        + rng.integers(0, 3000, size)
    )
    usual = rng.random(size) >= OTHER_CHANNEL
    return visits.with_columns(
        visit=pl.int_range(size, dtype=pl.Int64),
        at=pl.Series(at),
        channel=pl.Series(np.where(usual, people.channel[who], rng.integers(0, 3, size))),
        device=pl.Series(np.where((people.devices[who] > 1) & (rng.random(size) < OTHER_DEVICE), 1, 0)),
    ).sort("at", maintain_order=True)


def of_visits(
    rng: np.random.Generator, people: People, discounts: NDArray[np.float64], visits: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the events (SCHEMA) of the visits, and `visit`, `bought` (product) of those that end in an order."""
    seen = visits.select("visit", "visitor", "week", "views").filter(pl.col("views") > 0)
    seen = seen.select(pl.exclude("views").repeat_by("views")).explode("visit", "visitor", "week")
    product = choices.look(
        rng,
        people,
        discounts,
        visitor=seen.get_column("visitor").to_numpy(),
        week=seen.get_column("week").to_numpy(),
    )
    seen = seen.with_columns(product=pl.Series(product)).with_columns(
        place=pl.int_range(pl.len()).over("visit"), many=pl.len().over("visit")
    )
    last = seen.group_by("visit", maintain_order=True).last().select("visit", "product")
    first = seen.group_by("visit", maintain_order=True).first().select("visit", "product")
    every = visits.select("visit")
    parts = [
        _part(every, "Page Viewed", 0, duration_s=rng.gamma(1.5, 20, every.height).round(1)),
        _searches(rng, people, visits),
        _part(
            seen, "Product Viewed", 10, duration_s=rng.gamma(2.0, 18, seen.height).round(1), spread="place"
        ),
        _part(_with(visits, "clicks", first), "Product Clicked", 9),
        _part(_with(visits, "compares", last), "Product Compared", 60),
        _part(_with(visits, "wishes", last), "Product Added to Wishlist", 62),
        _part(_with(visits, "carts", last), "Product Added", 64),
        _removed(rng, visits, last),
        _asked(rng, visits, last),
        *_promotions(rng, people, visits),
        _part(visits.filter("buys").join(last, on="visit"), "Checkout Started", 80),
    ]
    events = pl.concat(
        [part.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items()) for part in parts]
    )
    bought = visits.filter("buys").select("visit").join(last, on="visit").rename({"product": "bought"})
    return events, bought


def reviews(rng: np.random.Generator, orders: pl.DataFrame) -> pl.DataFrame:
    """Return reviews by one buyer of twelve (SCHEMA, of the visits of `orders`: visit, bought)."""
    chosen = orders.filter(pl.Series(rng.random(orders.height) < 1 / 12))
    kinds = chosen.get_column("bought").to_numpy() // (len(TIERS) * PER_TIER)
    part = _part(chosen.rename({"bought": "product"}), "Product Reviewed", 100).with_columns(
        text=pl.Series(texts.reviews(rng, kinds), dtype=pl.String)
    )
    return part.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())


def _part(
    frame: pl.DataFrame,
    event: str,
    step: int,
    *,
    duration_s: NDArray[np.float64] | None = None,
    spread: str = "",
) -> pl.DataFrame:
    """Return rows of SCHEMA for one kind of event; what it does not tell is null."""
    given = frame.with_columns(event=pl.lit(event), step=pl.lit(step) + (pl.col(spread) if spread else 0))
    if duration_s is not None:
        given = given.with_columns(duration_s=pl.Series(duration_s))
    absent = [pl.lit(None, kind).alias(name) for name, kind in SCHEMA.items() if name not in given.columns]
    return given.with_columns(absent).select(list(SCHEMA))


def _with(visits: pl.DataFrame, flag: str, products: pl.DataFrame) -> pl.DataFrame:
    """Return visit and product of the visits with the flag."""
    return visits.filter(pl.col(flag).cast(pl.Int64) > 0).select("visit").join(products, on="visit")


def _searches(rng: np.random.Generator, people: People, visits: pl.DataFrame) -> pl.DataFrame:
    asked = visits.filter(pl.col("searches") > 0).select("visit", "visitor")
    top = people.favourite[asked.get_column("visitor").to_numpy()]
    kinds = top * choices.KINDS_PER_TOP + rng.integers(0, choices.KINDS_PER_TOP, asked.height)
    words = texts.queries(rng, kinds, tiers=rng.integers(0, len(TIERS), asked.height))
    return _part(asked.with_columns(query=pl.Series(words, dtype=pl.String)), "Products Searched", 5)


def _removed(rng: np.random.Generator, visits: pl.DataFrame, last: pl.DataFrame) -> pl.DataFrame:
    carts = _with(visits.filter(~pl.col("buys")), "carts", last)
    return _part(carts.filter(pl.Series(rng.random(carts.height) < 0.25)), "Product Removed", 70)


def _asked(rng: np.random.Generator, visits: pl.DataFrame, last: pl.DataFrame) -> pl.DataFrame:
    asked = _with(visits, "inquiry", last)
    kinds = asked.get_column("product").to_numpy() // (len(TIERS) * PER_TIER)
    return _part(
        asked.with_columns(text=pl.Series(texts.questions(rng, kinds), dtype=pl.String)), "Inquiry Sent", 66
    )


def _promotions(rng: np.random.Generator, people: People, visits: pl.DataFrame) -> list[pl.DataFrame]:
    """Return test activities: one visit of eight is shown an offer of a random kind; classes answer differently."""
    shown = visits.select("visit", "visitor").filter(pl.Series(rng.random(visits.height) < 1 / 8))
    offers = np.array(["quality", "discount", "new"])
    which = rng.integers(0, len(offers), shown.height)
    chance = np.array([[0.35, 0.05, 0.15], [0.05, 0.40, 0.10], [0.15, 0.15, 0.15]])  # rows A, B, C
    answer = rng.random(shown.height) < chance[people.letter[shown.get_column("visitor").to_numpy()], which]
    shown = shown.with_columns(offer=pl.Series(offers[which]))
    return [
        _part(shown, "Promotion Viewed", 2),
        _part(shown.filter(pl.Series(answer)), "Promotion Clicked", 3),
    ]
