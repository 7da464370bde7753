"""The generated shop as a whole: made from one seed, then sent through the public intake like a stranger's data."""

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from demo.browse import catalogue, choices, events, people, weather, weeks, wire
from demo.browse.sending import Client
from precision.engine.progress import Steps

SEED = 20_261_122
VISITORS = 100_000
WEEKS = 52
LAST_DAY = date(2026, 11, 15)
"""A Sunday: the last day of the last week."""
BATCH = 500
SENSOR_EVERY = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything that happened, and the truth behind it."""

    people: people.People
    history: weeks.History
    catalogue: pl.DataFrame
    visits: pl.DataFrame
    events: pl.DataFrame
    lines: pl.DataFrame
    sky: pl.DataFrame
    """Weather and temperature of each day."""
    first_day: int
    """Days since 1970 of the first Monday."""
    rng: np.random.Generator = field(repr=False)

    @property
    def end(self) -> int:
        """Seconds since 1970 at which the year is over."""
        return (self.first_day + 7 * WEEKS) * events.DAY_S

    @property
    def names(self) -> wire.Names:
        """What the shop calls its people."""
        return wire.Names(people=self.people, registered=self.history.registered)


def make(*, visitors: int = VISITORS, seed: int = SEED) -> World:
    """Return the shop's year; the same seed and number of visitors give the same year."""
    rng = np.random.default_rng(seed)
    goods = catalogue.products(rng)
    discounts = catalogue.discounts(rng, products=goods.height, weeks=WEEKS)
    folk = people.people(rng, visitors, weeks=WEEKS)
    history = weeks.simulate(rng, folk, weeks=WEEKS)
    first_day = (LAST_DAY - timedelta(days=7 * WEEKS - 1) - date(1970, 1, 1)).days
    visits = events.dated(rng, folk, history, first_day=first_day)
    # Of its own numbers, so that nothing else depends on the weather.
    clouds = np.random.default_rng([seed, 1])
    sky = weather.of_days(clouds, first_day=first_day, days=7 * WEEKS)
    visits = weather.moved(clouds, visits, sky)
    happened, bought = events.of_visits(rng, folk, discounts, visits)
    ends = visits.filter("buys").join(bought, on="visit", how="inner", maintain_order="left")
    lines = choices.order_lines(
        rng, folk, goods, discounts, visits=ends, bought=ends.get_column("bought").to_numpy()
    )
    return World(
        people=folk,
        history=history,
        catalogue=goods,
        visits=visits,
        events=pl.concat([happened, events.reviews(rng, ends.select("visit", "bought"))]),
        lines=lines,
        sky=sky,
        first_day=first_day,
        rng=rng,
    )


def send(world: World, client: Client, *, steps: Steps | None = None) -> Counter[str]:
    """Send the whole year; return how many records of each kind, and events, were sent.

    What was sent before is recognised by its ids and adds nothing.
    """
    counts: Counter[str] = Counter()
    for title, work in _work(world, client):
        context: AbstractContextManager[Any] = steps.step(title) if steps is not None else _Quiet()
        with context:
            counts.update(work())
    return counts


STEPS = 5
"""How many steps `send` shows."""


def _work(world: World, client: Client) -> Iterator[tuple[str, Any]]:
    names, rng = world.names, world.rng
    months = [f"{year}-{month:02d}-01" for year, month in _months()]
    orders = wire.order_records(
        names, world.visits.filter("buys"), world.lines, world.catalogue, sky=world.sky
    )

    def lists(records: dict[str, list[wire.Record]]) -> dict[str, int]:
        for name, rows in records.items():
            client.send_list(name, rows)
        return {name: len(rows) for name, rows in records.items()}

    yield (
        "send products and stores",
        lambda: lists(
            {
                "products": wire.catalogue_records(world.catalogue),
                "stores": wire.store_records(),
                "store-months": wire.store_month_records(rng, months),
            }
        ),
    )
    yield (
        "send customers",
        lambda: lists({"customers": wire.customer_records(rng, names, first_day=world.first_day)}),
    )
    yield "send events", lambda: {"events": client.send_batches(_batches(world))}
    yield (
        "send orders and what followed",
        lambda: lists({"orders": orders, **wire.after_sales(rng, orders, until=world.end)}),
    )
    yield (
        "send campaigns",
        lambda: lists(wire.contact_records(names, world.history, first_day=world.first_day)),
    )


def _batches(world: World) -> Iterator[list[wire.Record]]:
    yield from wire.calls(world.names, world.visits, world.events, world.catalogue, size=BATCH)
    days = list(range(world.first_day, world.first_day + 7 * WEEKS, SENSOR_EVERY))
    readings = wire.sensor_calls(world.rng, days)
    for start in range(0, len(readings), BATCH):
        yield readings[start : start + BATCH]


def _months() -> list[tuple[int, int]]:
    """Return year and month of the twelve whole months before the last day's."""
    last = LAST_DAY.year * 12 + LAST_DAY.month - 1
    return [(month // 12, month % 12 + 1) for month in range(last - 12, last)]


class _Quiet:
    """A step that nobody watches."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, *exception: object) -> None:
        return None
