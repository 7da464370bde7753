"""Behaviour terms: counted from a file of everybody and from PostgreSQL, and both agree."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from precision.engine.windows import epoch_day
from precision.shop import columns as c
from precision.shop import history, platforms, scopes
from precision.shop.models import Category, Customer, Event, Identity, Platform, Product, Store
from segments import behaviour
from segments.conditions import Did
from segments.methods import behaviour as m
from tests.segments.grouped_shop import AS_OF, night
from tests.shop.lake import buy, happen

TODAY = epoch_day(AS_OF)


def events(*rows: tuple[Any, ...]) -> Any:
    names = {
        c.EVENT: pl.String,
        c.DAY: pl.Int64,
        c.CUSTOMER: pl.Int64,
        c.PRODUCT: pl.Int64,
        c.STORE: pl.Int64,
    }
    frame = pl.DataFrame(rows, schema={**names, c.CHANNEL: pl.String}, orient="row")
    return nw.from_native(frame.sample(fraction=1, shuffle=True, seed=1).lazy())


def test_events_are_counted_by_day_and_customer() -> None:
    found = m.of_events(
        events(
            ("View", 10, 1, 7, None, "app"), ("View", 10, 1, 7, None, "app"), ("View", 10, 1, 8, None, "app"),
            ("View", 9, 2, None, 5, None), ("View", 9, None, 7, None, None), ("Order", 9, 2, None, None, None),
        ),
        leave_out=["Order"],
    ).collect("polars").to_native()  # fmt: skip
    assert found.sort(c.DAY, c.PRODUCT).rows() == [
        ("View", 9, 2, None, 5, None, 1), ("View", 10, 1, 7, None, "app", 2), ("View", 10, 1, 8, None, "app", 1),
    ]  # fmt: skip
    assert found[c.DAY].to_list() == [9, 10, 10]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (m.Slice(event="View", before=20), {1: 6, 2: 3}),
        (m.Slice(event="View", since=10, before=20), {1: 4, 2: 3}),
        (m.Slice(event="View", since=10, before=12), {1: 4}),
        (m.Slice(event="View", before=20, products={7}), {1: 4}),
        (m.Slice(event="View", before=20, products=set()), {}),
        (m.Slice(event="View", before=20, stores={5}, channel="web"), {2: 3}),
        (m.Slice(event="Gone", before=20), {}),
    ],
)
def test_a_slice_is_counted_by_hand(wanted: m.Slice, expected: dict[int, int]) -> None:
    rows = events(*[("View", 10, 1, 7, None, "app")] * 4, *[("View", 9, 1, None, None, None)] * 2,
                  *[("View", 12, 2, 8, 5, "web")] * 3)  # fmt: skip
    found = m.counted(m.of_events(rows), wanted).collect("polars").to_native()
    assert dict(found.iter_rows()) == expected


def test_an_order_counts_once_however_many_lines_fit_and_credit_notes_never() -> None:
    schema = {c.CUSTOMER: pl.Int64, c.ORDER: pl.Int64, c.DAY: pl.Int64, c.PRODUCT: pl.Int64, c.STORE: pl.Int64,
              c.CHANNEL: pl.String, c.RETURNED: pl.Boolean}  # fmt: skip
    lines = pl.DataFrame(
        [(1, 50, 9, 7, None, "web", False), (1, 50, 9, 7, None, "web", False), (1, 50, 9, 8, None, "web", False),
         (1, 51, 10, 8, None, "web", False), (1, 52, 10, 8, None, "web", True), (None, 53, 9, 7, None, None, False)],
        schema=schema, orient="row",
    )  # fmt: skip
    orders = m.of_orders(nw.from_native(lines.lazy())).collect("polars").lazy()
    for products, times in (({7, 8}, {1: 2}), ({7}, {1: 1}), (None, {1: 2})):
        found = m.counted(orders, m.Slice(before=20, products=products)).collect("polars").to_native()
        assert dict(found.iter_rows()) == times


@pytest.fixture
def shop(platform: Platform, settings: Any, tmp_path: Path) -> Platform:
    settings.HISTORY = tmp_path / "history"
    return platform


def at(day: int, hour: int = 12) -> datetime:
    """Some hour, UTC, so many days before the date."""
    return datetime(2026, 4, 1, tzinfo=UTC) + timedelta(days=-day, hours=hour)


def person(platform: Platform, name: str, customer: Customer | None = None) -> Identity:
    owner = customer or Customer.objects.create(organisation=platform.organisation)
    return Identity.objects.create(platform=platform, kind="customer_id", value=name, customer=owner)


def goods(platform: Platform) -> list[Product]:
    tea = Category.objects.create(platform=platform, path=["Food", "Tea"])
    cups = Category.objects.create(platform=platform, path=["Home", "Cups"])
    green = Product.objects.create(
        platform=platform, external_id="green", title="Green", category=tea, brand="Leaf"
    )
    other = Product.objects.create(platform=platform, external_id="sencha", title="Sencha", same_as=green)
    cup = Product.objects.create(
        platform=platform, external_id="cup", title="Cup", category=cups, brand="Clay"
    )
    return [green, other, cup]


def both(
    scope: scopes.Scope, terms: list[Did]
) -> tuple[dict[str, dict[int, int]], dict[str, dict[int, int]]]:
    """Return the counts of all customers from the file and from PostgreSQL."""
    people = list(Customer.objects.values_list("pk", flat=True))
    run = behaviour.published(scope.key)
    bulk = behaviour.everybody(scope, terms, run, as_of=AS_OF)
    assert all(frame[c.CUSTOMER].is_sorted() for frame in bulk.values())
    return (
        {key: dict(frame.iter_rows()) for key, frame in bulk.items()},
        behaviour.of_customers(scope, people, terms, as_of=AS_OF),
    )


@pytest.mark.django_db(transaction=True)
def test_a_window_is_whole_local_days_and_dimensions_follow_the_product(shop: Platform) -> None:
    green, sencha, cup = goods(shop)
    ann, ben = person(shop, "ann"), person(shop, "ben")
    north = Store.objects.create(platform=shop, external_id="n", name="North")
    viewed: dict[str, Any] = {"name": "Product Viewed"}
    # Berlin is two hours ahead of UTC: 22:30 UTC is the next day already.
    happen(
        shop, "1", at=at(7, -1), identity=ann, product=green, **viewed
    )  # 8 days before, 23:00 + 2 h: 7 days before
    happen(shop, "2", at=at(8, 21), identity=ann, product=sencha, channel="app", **viewed)  # 8 days before
    happen(
        shop, "3", at=at(1, 21), identity=ann, product=cup, store=north, **viewed
    )  # the last hour that counts
    happen(shop, "4", at=at(1, 22), identity=ann, product=cup, **viewed)  # the day itself
    happen(shop, "5", at=at(2), identity=ben, **viewed)
    happen(shop, "6", at=at(2), product=green, **viewed)  # of nobody
    buy(shop, "o1", green, at=at(2), who=ann, channel="web", currency="XYZ")
    buy(shop, "o2", cup, at=at(3), who=ann, status="cancelled")
    buy(shop, "o3", cup, at=at(3), who=ann, status="returned", quantity="-1")
    buy(shop, "o4", cup, at=at(3), who=ann, confirmed=False)
    happen(shop, "7", at=at(2), identity=ann, name="Order Completed")  # told as an event too: not twice
    night(shop.key, "behaviour")
    one, two = ann.customer_id, ben.customer_id
    expected: dict[Did, dict[int, int]] = {
        Did("Product Viewed"): {one: 3, two: 1},
        Did("Product Viewed", within_days=7): {one: 2, two: 1},
        Did("Product Viewed", within_days=8): {one: 3, two: 1},
        Did("Product Viewed", within_days=1): {one: 1},
        Did("Product Viewed", (("product", "sencha"),)): {one: 2},
        Did("Product Viewed", (("category", "Tea"),)): {one: 2},
        Did("Product Viewed", (("category", "Food / Tea"),)): {one: 2},
        Did("Product Viewed", (("category", "Food / Tea"), ("channel", "app"))): {one: 1},
        Did("Product Viewed", (("brand", "Leaf"),), within_days=7): {one: 1},
        Did("Product Viewed", (("store", "n"),)): {one: 1},
        Did("Product Viewed", (("store", "nowhere"),)): {},
        Did("Product Viewed", (("product", "nothing"),)): {},
        Did("Order Completed"): {one: 1},
        Did("Order Completed", (("channel", "web"), ("brand", "Leaf"))): {one: 1},
        Did("Order Completed", (("brand", "Clay"),)): {},
    }
    bulk, single = both(scopes.of(shop), list(expected))
    assert bulk == {term.key: times for term, times in expected.items()}
    assert single == bulk
    assert "Product Viewed" in behaviour.names(scopes.of(shop))


@pytest.mark.django_db(transaction=True)
def test_random_facts_of_two_shops_give_the_same_counts_both_ways(shop: Platform) -> None:
    platforms.create_platform("island", name="Island", organisation="corner", timezone="Pacific/Auckland")
    island = Platform.objects.get(key="island")
    rng = np.random.default_rng(7)
    shops = [shop, island]
    shelves = {each.pk: goods(each) for each in shops}
    people = [person(shop, f"p{n}") for n in range(5)]
    people += [person(island, f"q{n}", people[n].customer) for n in range(3)]
    names = ["Product Viewed", "Product Added"]
    for number in range(120):
        who = people[rng.integers(len(people))]
        when = at(0, int(rng.integers(-24 * 12, 30)))
        shelf = shelves[who.platform_id]
        product = shelf[rng.integers(3)] if rng.random() < 0.8 else None
        channel = str(rng.choice(["", "app", "web"]))
        if number % 4:
            happen(who.platform, f"e{number}", at=when, name=names[number % 2], identity=who, product=product,
                   channel=channel)  # fmt: skip
        else:
            buy(who.platform, f"o{number}", product or shelf[0], at=when, who=who, channel=channel,
                status=str(rng.choice(["completed", "paid", "cancelled", "returned"])))  # fmt: skip
    wheres: list[tuple[tuple[str, str], ...]] = [
        (), (("category", "Tea"),), (("product", "green"),), (("brand", "Clay"), ("channel", "app")),
        (("channel", "web"),),
    ]  # fmt: skip
    terms = [
        Did(name, where, days) for name in [*names, "Order Completed"] for where in wheres for days in (None, 1, 3, 10)
    ]  # fmt: skip
    for scope in (scopes.of(shop), scopes.of(island), scopes.read("org:corner")):
        night(scope.key, "behaviour")
        bulk, single = both(scope, terms)
        assert bulk == single
        assert sum(bool(times) for times in bulk.values()) > len(terms) // 2, "almost nothing happened"


@pytest.mark.django_db(transaction=True)
def test_what_postgresql_let_go_of_is_counted_from_the_file(shop: Platform) -> None:
    ann = person(shop, "ann")
    for number, day in enumerate((70, 69, 5)):
        happen(shop, f"m{number}", at=at(day), name="Product Viewed", identity=ann)
    night(shop.key, "behaviour")
    terms = [
        Did("Product Viewed"),
        Did("Product Viewed", within_days=69),
        Did("Product Viewed", within_days=30),
    ]
    before = behaviour.of_customers(scopes.of(shop), [ann.customer_id], terms, as_of=AS_OF)
    assert [sum(times.values()) for times in before.values()] == [3, 2, 1]
    history.drop_exported("events", (at(40)).date().replace(day=1))
    assert Event.objects.count() == 1
    assert not behaviour.of_customers(scopes.of(shop), [], terms, as_of=AS_OF)[terms[0].key]
    assert behaviour.of_customers(scopes.of(shop), [ann.customer_id], terms, as_of=AS_OF) == before
