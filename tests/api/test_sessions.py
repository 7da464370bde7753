"""What happens in the shop changes the very next answer, with no job in between: told and asked through the API."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from precision.engine.models import Run
from precision.shop.api import freshness
from precision.shop.models import Product
from recommender.models import CustomerList
from tests.api.conftest import Shop
from tests.api.serving import ids, shown

FOR_YOU = "recommendations/for-you/"


def tell(shop: Shop, kind: str, *rows: dict[str, Any], key: str | None = None) -> None:
    answer = shop.client(key).post(f"/api/v1/{kind}/", list(rows), format="json")
    assert (answer.status_code, answer.json()["rejected"]) == (200, []), answer.content


def now(**ago: int) -> str:
    return (datetime.now(UTC) - timedelta(**ago)).isoformat()


def event(name: str, product: str, **who: Any) -> dict[str, Any]:
    return {
        "event": name,
        "product_id": product,
        "at": now(),
        "event_id": f"{name}-{product}-{len(who)}",
        **who,
    }


def order(number: str, *products: str, **who: Any) -> dict[str, Any]:
    lines = [{"product_id": each, "quantity": 1, "unit_price": "5.00"} for each in products]
    return {"order_id": number, "placed_at": now(), "currency": "EUR", "lines": lines, **who}


def sources(items: list[dict[str, Any]]) -> dict[str, str]:
    return {item["product_id"]: item["source"] for item in items}


def test_what_was_bought_is_gone_from_the_next_answer(stocked: Shop) -> None:
    first = ids(stocked.get(FOR_YOU, customer="ann")["items"])
    tell(stocked, "orders", order("new-1", first[0], customer_id="ann"))
    assert ids(stocked.get(FOR_YOU, customer="ann")["items"])[0] != first[0]
    assert first[0] not in ids(stocked.get(FOR_YOU, customer="ann", count=100)["items"])
    assert first[0] not in shown(stocked.get("slots/home/", customer="ann"))


def test_what_is_bought_again_and_again_is_gone_until_the_next_night(stocked: Shop) -> None:
    Product.objects.filter(external_id="tea-1").update(repeatable=True)
    again = "recommendations/buy-again/"
    assert ids(stocked.get(again, customer="ann", count=1)["items"]) == ["tea-1"]
    tell(stocked, "orders", order("new-1", "tea-1", customer_id="ann"))
    for path in (again, FOR_YOU):
        assert "tea-1" not in ids(stocked.get(path, customer="ann", count=100)["items"])
    stocked.for_you({("ann", "buy-again"): [("tea-1", "buy-again", None)]})  # the night knows of the purchase
    Run.objects.filter(job="recommendations").update(as_of=datetime.now(UTC).date() + timedelta(days=2))
    freshness.clear_all()
    assert ids(stocked.get(again, customer="ann", count=1)["items"]) == ["tea-1"]


def test_new_and_repeated_items_of_one_ranker_stand_in_one_order(stocked: Shop) -> None:
    run = stocked.run("recommendations", ranker={"used": True, "kinds": ["new", "repeat"]})
    for kind, names, scores in (
        ("for-you", ["tea-9", "cup-5"], [0.5, 0.1]), ("buy-again", ["tea-1", "tea-0"], [0.7, 0.3])
    ):  # fmt: skip
        CustomerList.objects.create(
            run=run, kind=kind, customer=stocked.people["ann"].customer, items=stocked.ids(names), scores=scores,
            sources=["item-item"] * 2, anchors=[None] * 2,
        )  # fmt: skip
    freshness.clear_all()
    items = stocked.get(FOR_YOU, customer="ann", count=4)["items"]
    assert [(item["product_id"], item["reason"]["code"]) for item in items] == [
        ("tea-1", "buy_again"), ("tea-9", "people_like_you"), ("tea-0", "buy_again"), ("cup-5", "people_like_you"),
    ]  # fmt: skip
    Run.objects.filter(pk=run.pk).update(measures={"ranker": {"used": True, "kinds": ["new"]}})
    freshness.clear_all()
    assert ids(stocked.get(FOR_YOU, customer="ann", count=2)["items"]) == ["tea-9", "cup-5"]


def test_what_a_visitor_looks_at_is_in_the_next_answer(stocked: Shop) -> None:
    write = stocked.credentials.write_key
    tell(stocked, "events", event("Product Viewed", "tea-1", anonymous_id="v-1"), key=write)
    items = stocked.get("slots/home/", key=write, anonymous_id="v-1")["slots"][0]["items"]
    assert {"tea-3", "tea-4", "cup-1"} <= set(ids(items))
    assert sources(items)["tea-3"] == "session"


def test_what_a_customer_puts_into_the_cart_stands_between_their_own_list(stocked: Shop) -> None:
    assert ids(stocked.get(FOR_YOU, customer="ann", count=2)["items"]) == ["cup-5", "tea-9"]
    stocked.neighbours("similar", {"cup-8": ["cup-9", "cup-10"]})
    freshness.clear_all()
    tell(stocked, "events", event("Product Added", "cup-8", customer_id="ann"))
    items = stocked.get(FOR_YOU, customer="ann", count=5)["items"]
    # Two of her own, one of the session.
    assert [item["source"] for item in items] == [
        "personal",
        "personal",
        "session",
        "personal",
        "session",
    ] or ([item["source"] for item in items][:3] == ["personal", "personal", "session"])
    assert items[2]["product_id"] == "cup-9"
    assert items[2]["reason"]["text"] == "Because you looked at The cup-8"
    assert "cup-8" in ids(stocked.get(FOR_YOU, customer="ann", count=12)["items"])


def test_what_was_looked_at_without_neighbours_is_shown_again(shop: Shop) -> None:
    for name in ("lamp", "chair", "bed"):
        shop.product(name)
    shop.popular({("popular", 30, "all"): ["chair", "bed", "lamp"]})
    tell(shop, "events", event("Product Viewed", "lamp", anonymous_id="v-1"))
    first, *_ = shop.get(FOR_YOU, anonymous_id="v-1")["items"]
    assert (first["product_id"], first["source"], first["reason"]["code"]) == ("lamp", "session", "looked_at")


def test_bought_from_the_session_and_gone(stocked: Shop) -> None:
    """A visitor's own order, though only their browser told of it, is enough for their own answers."""
    write = stocked.credentials.write_key
    tell(stocked, "events", event("Product Viewed", "tea-1", anonymous_id="v-1"), key=write)
    assert "tea-3" in shown(stocked.get("slots/home/", key=write, anonymous_id="v-1"))
    tell(stocked, "orders", order("new-2", "tea-3", anonymous_id="v-1"))
    assert "tea-3" not in shown(stocked.get("slots/home/", key=write, anonymous_id="v-1"))


def test_what_was_taken_out_of_the_cart_brings_nothing(stocked: Shop) -> None:
    write = stocked.credentials.write_key
    tell(stocked, "events", event("Product Added", "tea-1", anonymous_id="v-1"), key=write)
    assert "session" in sources(stocked.get(FOR_YOU, anonymous_id="v-1")["items"]).values()
    tell(stocked, "events", event("Product Removed", "tea-1", anonymous_id="v-1"), key=write)
    assert "session" not in sources(stocked.get(FOR_YOU, anonymous_id="v-1")["items"]).values()


def test_an_old_visit_is_no_session(stocked: Shop) -> None:
    tell(stocked, "events", {**event("Product Viewed", "tea-1", anonymous_id="v-1"), "at": now(days=9)})
    assert "session" not in sources(stocked.get(FOR_YOU, anonymous_id="v-1")["items"]).values()
    tell(stocked, "events", {**event("Product Viewed", "tea-1", customer_id="ann"), "at": now(hours=20)})
    items = stocked.get(FOR_YOU, customer="ann", count=3)["items"]
    assert "session" not in sources(items).values()  # after her own list, not between


def test_another_shops_events_are_not_this_ones(stocked: Shop, make_shop: Any) -> None:
    other = make_shop("other")
    other.product("tea-1")
    tell(other, "events", event("Product Viewed", "tea-1", anonymous_id="v-1"))
    stocked.person("v-1", kind="anonymous_id")
    assert "session" not in sources(stocked.get(FOR_YOU, anonymous_id="v-1")["items"]).values()


WARM = [
    ("slots/home/", {"customer": "ann"}),
    ("slots/home/", {"anonymous_id": "v-1"}),
    ("slots/home/", {"customer": "ann", "anonymous_id": "v-1", "cart": "tea-1", "exclude": "cup-1"}),
    ("slots/home/", {"customer": "nobody"}),
    ("slots/home/", {}),
    (FOR_YOU, {"customer": "ann"}),
    (FOR_YOU, {"customer": "cleo", "count": 24}),
    (FOR_YOU, {"anonymous_id": "v-1"}),
    ("recommendations/popular/", {}),
]


@pytest.mark.django_db(transaction=True)  # what a transaction changes itself, it would read again and again
def test_two_statements_an_answer(
    stocked: Shop, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    """The key, and all else: even when the state is too old and comes along."""
    clock = [1000.0]
    monkeypatch.setattr("recommender.serving.state.time.monotonic", lambda: clock[0])
    tell(stocked, "events", event("Product Viewed", "tea-1", anonymous_id="v-1"))
    for address, query in WARM:
        stocked.get(address, **query)
        for seconds in (0.0, 5.0):
            clock[0] += seconds
            with django_assert_max_num_queries(2, info=f"{address} {query} after {seconds} s"):
                stocked.get(address, **query)


def test_a_changed_price_is_shown_within_a_second(stocked: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("recommender.serving.state.time.monotonic", lambda: clock[0])
    first = stocked.get(FOR_YOU, customer="ann")["items"][0]
    Product.objects.filter(external_id=first["product_id"]).update(price="7.77")
    clock[0] += 1.0
    assert stocked.get(FOR_YOU, customer="ann")["items"][0]["price"] == "7.77"


def test_more_changes_than_are_told_one_by_one(stocked: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("recommender.serving.state.time.monotonic", lambda: clock[0])
    stocked.get(FOR_YOU, customer="ann")
    monkeypatch.setattr("recommender.serving.state.MOST_CHANGES", 0)
    Product.objects.filter(external_id="cup-5").update(active=False)
    clock[0] += 1.0
    assert "cup-5" not in ids(stocked.get(FOR_YOU, customer="ann", count=5)["items"])


def test_a_run_published_between_two_looks_is_read(stocked: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("recommender.serving.state.time.monotonic", lambda: clock[0])
    assert ids(stocked.get(FOR_YOU, customer="ann")["items"])[0] == "cup-5"
    stocked.for_you({("ann", "for-you"): [("cup-11", "als", None)]})
    clock[0] += 1.0
    assert ids(stocked.get(FOR_YOU, customer="ann")["items"])[0] == "cup-11"
