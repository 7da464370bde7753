"""The slots of a page."""

import hashlib
import hmac
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from precision.campaigns.models import Slot
from precision.engine.models import Run
from precision.shop import partitions, stitching
from precision.shop.api import freshness
from precision.shop.models import Event, Identity, Platform, Product
from segments.models import ProductPrice
from tests.api.conftest import Shop


def shown(answer: dict[str, Any]) -> list[str]:
    """Return the product ids of a page in their order."""
    return [item["product_id"] for slot in answer["slots"] for item in slot["items"]]


def warnings(answer: dict[str, Any]) -> list[str]:
    """Return the codes of the warnings."""
    return [warning["code"] for warning in answer["warnings"]]


def test_home_has_three_slots_of_four_and_nothing_twice(stocked: Shop) -> None:
    answer = stocked.get("slots/home/", customer="ann")
    assert [slot["slot"] for slot in answer["slots"]] == ["home-1", "home-2", "home-3"]
    assert [len(slot["items"]) for slot in answer["slots"]] == [4, 4, 4]
    assert len(set(shown(answer))) == 12
    assert answer["customer"] == {"class": "A", "stage": None, "segments": ["class-a"]}
    assert answer["experiment"] == {}
    assert answer["warnings"] == []
    assert len(answer["recommendation_id"]) == 32
    assert [item["rank"] for item in answer["slots"][0]["items"]] == [1, 2, 3, 4]


def test_an_item_has_everything_a_shop_shows(stocked: Shop) -> None:
    first = stocked.get("slots/home/", customer="ann")["slots"][0]["items"][0]
    assert first == {
        "product_id": "tea-9", "title": "The tea-9", "price": "10.00", "usual_price": None, "currency": "EUR",
        "url": "", "image_url": "", "source": "personal",
        "reason": {
            "code": "because_you_bought", "text": "Because you bought The tea-1",
            "anchor": {"product_id": "tea-1", "title": "The tea-1"},
        },
        "rank": 1,
    }  # fmt: skip


def test_each_class_sees_its_price_tier(stocked: Shop) -> None:
    figures = {
        price.product.external_id: (price.price_position, price.discount_share)
        for price in ProductPrice.objects.select_related("product")
    }
    first = {
        name: [figures[item] for item in shown(stocked.get("slots/home/", customer=name))[:8]]
        for name in ("ann", "bob", "cleo")
    }
    # Positions run from 0 to 23/24, discount shares from 0 to 23/48, each product is sold alike: up to the 16th of
    # the 24 lie two thirds of the lines.
    assert all(position >= 15 / 24 for position, _ in first["ann"])
    assert all(discount >= 15 / 48 for _, discount in first["bob"])
    assert min(position for position, _ in first["cleo"]) < 0.2


def test_when_the_tier_runs_out_other_products_fill_the_page(stocked: Shop) -> None:
    ProductPrice.objects.update(price_position=0.5)
    ProductPrice.objects.filter(product__external_id="cup-7").update(price_position=0.9)
    page = shown(stocked.get("slots/home/", customer="ann"))
    assert len(page) == 12


@pytest.mark.parametrize(
    "change", [{"active": False}, {"in_stock": False}, {"listed": False}, {"same_as": "tea-3"}]
)
def test_what_is_hidden_or_sold_out_is_never_shown(stocked: Shop, change: dict[str, Any]) -> None:
    before = shown(stocked.get("slots/home/", customer="ann"))
    if "same_as" in change:
        change = {"same_as": stocked.products["tea-3"]}
    Product.objects.filter(external_id__in=before).update(**change)
    freshness.clear_all()
    after = shown(stocked.get("slots/home/", customer="ann"))
    assert not set(before) & set(after)
    assert len(after) == min(
        12, 24 - 12 - 2
    )  # all that is left but the two purchases that are not bought again


def test_stock_is_followed_within_a_second(stocked: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("precision.shop.api.freshness.time.monotonic", lambda: clock[0])
    first = shown(stocked.get("slots/home/", customer="ann"))[0]
    Product.objects.filter(external_id=first).update(in_stock=False)
    clock[0] += 1.0
    assert first not in shown(stocked.get("slots/home/", customer="ann"))


def test_what_was_bought_is_offered_again_only_where_that_makes_sense(shop: Shop) -> None:
    for name in ("bread", "lamp", "salt", "chair", "bed", "rug"):
        shop.product(name)
    Product.objects.filter(external_id="salt").update(repeatable=True)
    Product.objects.filter(external_id="bed").update(repeatable=False)
    shop.person("ann")
    shop.order("ann", "bread", "lamp", "salt", "bed")
    shop.for_you(
        {
            ("ann", "for-you"): [(name, "als", None) for name in ("bed", "lamp", "salt", "chair")],
            ("ann", "buy-again"): [("bread", "buy-again", None), ("bed", "buy-again", None)],
        }
    )
    page = shop.get("slots/home/", customer="ann")
    places = [sorted(item["product_id"] for item in slot["items"]) for slot in page["slots"]]
    # The lamp is better than an empty second place; the bed is not, and so the third stays empty.
    assert places == [["bread", "chair", "rug", "salt"], ["lamp"], []]


def test_a_purchase_changes_the_next_answer_and_a_return_undoes_it(shop: Shop) -> None:
    for name in ("lamp", "chair"):
        shop.product(name)
    shop.person("ann")

    def offered() -> list[str]:
        items = shop.get("recommendations/for-you/", customer="ann")["items"]
        return sorted(item["product_id"] for item in items)

    assert offered() == ["chair", "lamp"]
    order = shop.order("ann", "lamp")
    assert offered() == ["chair"]
    order.status = "cancelled"
    order.save()
    assert offered() == ["chair", "lamp"]


def test_who_has_everything_is_still_shown_something(shop: Shop) -> None:
    shop.product("lamp", repeatable=False)
    shop.person("ann")
    shop.order("ann", "lamp")
    assert shown(shop.get("slots/home/", customer="ann")) == ["lamp"]


def test_every_rung_of_the_ladder_holds(shop: Shop) -> None:
    tea = shop.category("Food", "Tea")
    for name in ("mine", "ours", "tea", "hit", "rest", "had"):
        shop.product(name, category=tea)
    shop.person("ann")
    shop.order("ann", "had")
    place = {"customer": "ann", "count": 5}

    def sources() -> dict[str, str]:
        freshness.clear_all()
        return {
            item["product_id"]: item["source"]
            for item in shop.get("recommendations/for-you/", **place)["items"]
        }

    assert set(sources().values()) == {"catalogue"}  # no job was ever published
    shop.popular(
        {
            ("popular", 30, "all"): ["hit"],
            ("popular", 30, "class:C"): ["ours"],
            ("popular", 30, f"category:{tea.pk}"): ["tea"],
        }
    )
    assert sources() | {"hit": "popular", "tea": "category"} == sources()
    shop.classes({"ann": "C"})
    assert sources() | {"ours": "segment"} == sources()
    shop.for_you({("ann", "for-you"): [("mine", "als", None)]})
    assert sources() == {
        "mine": "personal", "ours": "segment", "tea": "category", "hit": "popular", "rest": "catalogue",
    }  # fmt: skip


def test_an_unknown_customer_gets_best_sellers_and_a_warning(stocked: Shop) -> None:
    answer = stocked.get("slots/home/", customer="nobody")
    assert warnings(answer) == ["unknown_customer"]
    assert answer["customer"]["class"] == "U"
    assert [item["source"] for item in answer["slots"][0]["items"]] == ["popular"] * 4
    assert len(shown(answer)) == 12
    assert warnings(stocked.get("slots/home/", anonymous_id="nobody")) == ["unknown_visitor"]
    assert warnings(stocked.get("slots/home/")) == []


def test_a_write_key_needs_the_right_hash_for_a_customer(stocked: Shop) -> None:
    key = stocked.credentials.write_key
    right = hmac.new(stocked.credentials.user_hash_secret.encode(), b"ann", hashlib.sha256).hexdigest()
    assert stocked.get("slots/home/", key=key, customer="ann", user_hash=right)["customer"]["class"] == "A"
    for wrong, code in (("", "user_hash_missing"), ("0" * 64, "user_hash_wrong"), ("ü", "user_hash_wrong")):
        answer = stocked.get("slots/home/", key=key, customer="ann", user_hash=wrong)
        assert warnings(answer) == [code]
        assert answer["customer"] == {"class": "U", "stage": None, "segments": []}
        assert {item["source"] for slot in answer["slots"] for item in slot["items"]} <= {
            "popular",
            "trending",
        }
    assert warnings(stocked.get("slots/home/", key=key, customer="bob", user_hash=right)) == [
        "user_hash_wrong"
    ]


def look(platform: Platform, identity: Identity, product: Product, minutes_ago: int) -> None:
    """Add an event."""
    now = timezone.now()
    partitions.ensure_month(now.date())
    Event.objects.create(
        platform=platform, identity=identity, name="Product Viewed", at=now - timedelta(minutes=minutes_ago),
        received_at=now, message=minutes_ago.to_bytes(16, "big"), product=product,
    )  # fmt: skip


def test_a_visitor_is_served_from_what_they_looked_at(stocked: Shop) -> None:
    visitor = stocked.person("v-1", kind=Identity.Kind.ANONYMOUS_ID)
    look(stocked.platform, visitor, stocked.products["cup-0"], 2)
    look(stocked.platform, visitor, stocked.products["tea-1"], 1)
    first = stocked.get("slots/home/", key=stocked.credentials.write_key, anonymous_id="v-1")["slots"][0][
        "items"
    ]
    assert [
        (item["product_id"], item["source"], item["reason"]["anchor"]["product_id"]) for item in first
    ] == [
        ("tea-3", "session", "tea-1"),
        ("cup-1", "session", "cup-0"),
        ("tea-4", "session", "tea-1"),
        ("cup-3", "session", "tea-1"),
    ]


@pytest.mark.parametrize(("verified", "letter"), [(True, "A"), (False, "U")])
def test_only_a_verified_link_opens_a_person_to_an_anonymous_id(
    stocked: Shop, verified: bool, letter: str
) -> None:
    """A browser may say of itself that it is anybody's; it gets answers from its own session."""
    visitor, ann = stocked.person("v-1", kind=Identity.Kind.ANONYMOUS_ID), stocked.people["ann"]
    look(stocked.platform, visitor, stocked.products["tea-1"], 1)
    stitching.link(
        stocked.platform.organisation_id,
        [stitching.Link(visitor.pk, ann.pk, "identify", verified, timezone.now())],
    )
    visitor.refresh_from_db()
    assert visitor.customer_id == ann.customer_id
    theirs = stocked.get("slots/home/", anonymous_id="v-1")
    assert theirs["customer"]["class"] == letter
    sources = {item["source"] for slot in theirs["slots"] for item in slot["items"]}
    assert verified or "session" in sources
    assert ("personal" in sources) == verified
    public = stocked.get("slots/home/", key=stocked.credentials.write_key, anonymous_id="v-1")
    assert public["customer"] == {"class": "U", "stage": None, "segments": []}
    assert "personal" not in {item["source"] for slot in public["slots"] for item in slot["items"]}
    own = stocked.get("recommendations/for-you/", anonymous_id="v-1", count=100)["items"]
    assert ("personal" in {item["source"] for item in own}) == verified


def test_exclusions_filters_and_the_cart(stocked: Shop) -> None:
    free = shown(stocked.get("slots/home/", customer="cleo"))
    assert not set(free[:3]) & set(
        shown(stocked.get("slots/home/", customer="cleo", exclude=",".join(free[:3])))
    )
    assert all(
        name.startswith("cup") for name in shown(stocked.get("slots/home/", filter__category="home / cups"))
    )
    assert all(name.startswith("tea") for name in shown(stocked.get("slots/home/", filter__category="FOOD")))
    assert all(name.startswith("tea") for name in shown(stocked.get("slots/home/", filter__brand="Leaf")))
    cheap = stocked.get("slots/home/", filter__price_min="2", filter__price_max="4")
    assert sorted(shown(cheap)) == ["tea-1", "tea-2", "tea-3"]
    nothing = stocked.get("slots/home/", filter__category="Cars")
    assert shown(nothing) == []
    assert warnings(nothing) == ["nothing_left"]
    cart = stocked.get("slots/home/", cart="tea-1")
    assert [item["product_id"] for item in cart["slots"][0]["items"]][:2] == ["cup-1", "cup-3"]
    assert cart["slots"][0]["items"][0]["reason"]["code"] == "goes_with"
    assert "tea-1" not in shown(cart)
    assert len(shown(stocked.get("slots/home/", count=2))) == 6


def test_without_a_price_of_its_own_a_product_is_filtered_by_its_usual_one(shop: Shop) -> None:
    for name, usual in (("cheap", "2.00"), ("dear", "9.00"), ("odd", None)):
        shop.product(name, None)
        if usual:
            run = shop.run("price-classes") if name == "cheap" else Run.objects.get(job="price-classes")
            ProductPrice.objects.create(
                run=run, product=shop.products[name], usual_price=usual, price_position=0.5, lines=1
            )
    (item,) = shop.get("recommendations/popular/", filter__price_max="5")["items"]
    assert (item["product_id"], item["price"]) == ("cheap", None)
    assert len(shop.get("recommendations/popular/")["items"]) == 3


def test_staff_decide_on_slots_and_pages(stocked: Shop) -> None:
    Slot.objects.create(
        platform=stocked.platform, page="cart", key="below", strategy="segment", size=2, title="Hi"
    )
    Slot.objects.create(platform=stocked.platform, page="cart", key="off", strategy="segment", active=False)
    (only,) = stocked.get("slots/cart/", customer="ann")["slots"]
    assert (only["slot"], only["creative"]["title"], len(only["items"])) == ("below", "Hi", 2)
    assert len(stocked.get("slots/home/")["slots"]) == 3
    Slot.objects.create(platform=stocked.platform, page="home", key="one", strategy="discover", size=1)
    freshness.clear_all()
    assert [slot["slot"] for slot in stocked.get("slots/home/")["slots"]] == ["one"]


def test_a_new_run_is_served_once_published(stocked: Shop) -> None:
    stocked.for_you({("ann", "for-you"): [("cup-11", "als", None)]})
    freshness.clear_all()
    assert shown(stocked.get("slots/home/", customer="ann"))[0] == "cup-11"


def test_an_answer_takes_few_queries(
    stocked: Shop, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    stocked.person("dan")
    stocked.product("new")
    stocked.order("dan", "cup-9")
    stocked.for_you({("dan", "for-you"): [("new", "als", None)]})
    stocked.get("slots/home/", customer="una")
    with django_assert_num_queries(
        6
    ):  # key, person, neighbours of what they bought, facts of products not met yet;
        # and, once a run: the best-sellers of their category in two windows
        stocked.get("slots/home/", customer="dan")
    stocked.get("slots/home/", customer="ann")
    with django_assert_num_queries(2):  # key, person
        stocked.get("slots/home/", customer="ann")


def test_a_page_of_the_shop_may_ask_from_the_browser(stocked: Shop) -> None:
    client = stocked.client(stocked.credentials.write_key)
    before = APIClient().options("/api/v1/slots/home/", HTTP_ORIGIN="https://shop.example")
    assert before.status_code == 204
    assert before["Access-Control-Allow-Headers"] == "Authorization"
    for answer in (client.get("/api/v1/slots/home/"), APIClient().get("/api/v1/slots/home/")):
        assert answer["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Origin" not in stocked.client().get("/api/v1/rules/")


def test_an_empty_shop_says_so(shop: Shop) -> None:
    answer = shop.get("slots/home/")
    assert [slot["items"] for slot in answer["slots"]] == [[], [], []]
    assert warnings(answer) == ["nothing_left"]
