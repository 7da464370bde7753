"""The generated shop: the same year from the same seed, and the truth shows in what the shop can see."""

from itertools import chain

import numpy as np
import polars as pl
import pytest

from demo.browse import shop, weather, wire
from demo.browse.catalogue import PER_TIER, TIERS
from demo.browse.events import DAY_S

VISITORS = 5_000


@pytest.fixture(scope="module")
def world() -> shop.World:
    return shop.make(visitors=VISITORS)


@pytest.fixture(scope="module")
def calls(world: shop.World) -> list[wire.Record]:
    return list(
        chain.from_iterable(wire.calls(world.names, world.visits, world.events, world.catalogue, size=500))
    )


def test_a_seed_gives_the_same_year(world: shop.World) -> None:
    again = shop.make(visitors=VISITORS)
    assert again.events.equals(world.events)
    assert again.lines.equals(world.lines)
    other = shop.make(visitors=VISITORS, seed=shop.SEED + 1)
    assert not other.events.equals(world.events)


def test_people_buy_as_often_as_the_truth_says(world: shop.World) -> None:
    deciles = pl.col("chance").rank("ordinal") * 10 // (pl.len() + 1)
    truth = world.history.truth.with_columns(decile=deciles, spread=pl.col("chance") * (1 - pl.col("chance")))
    table = truth.group_by("decile").agg(
        expected=pl.col("chance").sum(), bought=pl.col("bought").sum(), spread=pl.col("spread").sum()
    )
    deviation = (table["bought"].cast(pl.Float64) - table["expected"]) / table["spread"].sqrt()
    assert table.height == 10
    assert deviation.abs().max() < 4


def test_orders_are_the_purchases_of_the_truth(world: shop.World) -> None:
    bought = world.history.truth.filter("bought").select("visitor", "week")
    orders = world.visits.filter("buys").select(pl.col("visitor", "week").cast(pl.Int64))
    assert orders.sort("visitor", "week").equals(bought.cast(pl.Int64).sort("visitor", "week"))
    assert world.lines["visit"].n_unique() == orders.height


def test_classes_buy_in_their_tiers(world: shop.World) -> None:
    who = dict(world.visits.select("visit", "visitor").iter_rows())
    letters = world.people.letter[np.array([who[visit] for visit in world.lines["visit"]])]
    tier = world.lines["product"].to_numpy() % (len(TIERS) * PER_TIER) // PER_TIER
    saved = 1 - world.lines["unit_price"].to_numpy() / world.lines["list_price"].to_numpy()
    assert tier[letters == 0].mean() > tier[letters == 2].mean() + 0.5
    assert tier[letters == 1].mean() < tier[letters == 2].mean() - 0.5
    assert saved[letters == 1].mean() > 1.5 * saved[letters == 2].mean()


def test_every_call_has_an_id_of_its_own_and_lies_in_the_year(
    world: shop.World, calls: list[wire.Record]
) -> None:
    ids = [call["messageId"] for call in calls]
    assert len(set(ids)) == len(ids) >= world.events.height
    first = wire.iso(world.first_day * 86_400)
    assert min(call["timestamp"] for call in calls) >= first
    assert max(call["timestamp"] for call in calls) < "2026-11-17"
    assert {call["type"] for call in calls} == {"page", "track", "identify"}


def test_nobody_is_named_before_registering(world: shop.World, calls: list[wire.Record]) -> None:
    registered = {world.names.customer(who): world.history.registered[who] for who in range(VISITORS)}
    start = world.first_day
    for call in calls:
        if "userId" in call:
            day = np.datetime64(call["timestamp"][:10], "D").astype(int) - start
            assert day // 7 >= registered[call["userId"]] >= 0


def test_referrers_came_earlier(world: shop.World) -> None:
    people = world.people
    brought = np.flatnonzero(people.referrer >= 0)
    assert len(brought) > 0
    assert (people.arrival[people.referrer[brought]] < people.arrival[brought]).all()


def test_nothing_follows_after_the_year(world: shop.World) -> None:
    orders = orders_of(world)
    followed = wire.after_sales(np.random.default_rng(1), orders, until=world.end)
    assert {name: bool(records) for name, records in followed.items()} == {
        "shipments": True, "tickets": True, "refunds": True
    }  # fmt: skip
    late = max(record["at"] for records in followed.values() for record in records)
    assert max(order["placed_at"] for order in orders) < late < wire.iso(world.end)


def orders_of(world: shop.World) -> list[wire.Record]:
    buying = world.visits.filter("buys")
    return wire.order_records(world.names, buying, world.lines, world.catalogue, sky=world.sky)


def test_every_tenth_visitor_comes_in_the_rain_and_the_others_in_any_weather(world: shop.World) -> None:
    wet = dict(world.sky.select("day", pl.col("weather") == weather.RAIN).iter_rows())
    usual = np.mean(list(wet.values()))
    assert 0.1 < usual < 0.5
    visits = world.visits.with_columns(
        rainy=(pl.col("at") // DAY_S).replace_strict(wet), fond=pl.col("visitor") % weather.EVERY == 0
    )
    rainy = dict(visits.group_by("fond").agg(pl.col("rainy").mean()).iter_rows())
    assert rainy[True] > 0.7
    assert abs(rainy[False] - usual) < 0.06
    assert (world.visits.get_column("at").diff().drop_nulls() >= 0).all()
    assert (
        (world.visits.get_column("at") // DAY_S - world.first_day) // 7 == world.visits.get_column("week")
    ).all()


def test_orders_tell_the_weather_and_the_coupon(world: shop.World) -> None:
    orders = orders_of(world)
    assert {order["context"]["weather"] for order in orders} == set(world.sky.get_column("weather"))
    january = [order["context"]["temperature"] for order in orders if order["placed_at"][5:7] == "01"]
    july = [order["context"]["temperature"] for order in orders if order["placed_at"][5:7] == "07"]
    assert max(january) < np.mean(july)
    with_coupon = [order for order in orders if "coupon" in order]
    assert 0 < len(with_coupon) < len(orders) / 3
    assert all(
        any(line["unit_price"] < line["list_price"] for line in order["lines"]) for order in with_coupon
    )
