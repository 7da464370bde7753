"""Why a list is as it is."""

from typing import Any

import pytest

from precision.shop.api import freshness
from precision.shop.models import Product
from recommender.models import ServingRule
from tests.api.conftest import Shop
from tests.api.serving import control, ids

TRACE = "recommendations/trace/"


def removed(answer: dict[str, Any]) -> dict[str, str]:
    """Return the code by product of what is not in the list."""
    return {each["product_id"]: each["removed"]["code"] for each in answer["candidates"] if each["removed"]}


@pytest.mark.parametrize(
    ("kind", "query"),
    [
        ("for-you", {"customer": "ann"}),
        ("for-you", {"anonymous_id": "new"}),
        ("buy-again", {"customer": "ann"}),
        ("for-you", {"customer": "cleo", "filter__category": "Tea", "exclude": "tea-3"}),
    ],
)
def test_the_traced_list_is_the_one_that_is_served(stocked: Shop, kind: str, query: dict[str, Any]) -> None:
    control(stocked, "pin", about=stocked.products["tea-7"], rank=2)
    control(stocked, "boost", about="Leaf", weight=3)
    served = stocked.get(f"recommendations/{kind}/", count=6, **query)["items"]
    answer = stocked.get(TRACE, kind=kind, count=6, **query)
    assert answer["items"] == served
    in_list = [each for each in answer["candidates"] if each["rank"]]
    assert [each["product_id"] for each in in_list] == ids(served)
    assert all(each["removed"] is None for each in in_list)
    assert all(each["removed"] for each in answer["candidates"] if not each["rank"])
    names = [each["product_id"] for each in answer["candidates"]]
    assert len(names) == len(set(names))


def test_every_removal_names_its_constraint(stocked: Shop) -> None:
    for name, change in (
        ("tea-3", {"active": False}), ("tea-4", {"in_stock": False}), ("tea-5", {"listed": False}),
        ("tea-6", {"same_as": stocked.products["tea-7"]}),
    ):  # fmt: skip
        Product.objects.filter(external_id=name).update(**change)
    control(stocked, "hide", about=stocked.products["tea-8"])
    answer = stocked.get(TRACE, customer="ann", count=3, exclude="cup-1", filter__price_max="20")
    found = removed(answer)
    assert found | {
        "tea-3": "inactive", "tea-4": "out_of_stock", "tea-5": "unlisted", "tea-6": "alias", "tea-8": "hidden",
        "cup-1": "excluded", "tea-0": "bought", "cup-11": "price", "tea-10": "rank",
    } == found  # fmt: skip
    assert answer["controls"] == [
        {"kind": "hide", "product_id": "tea-8", "category": None, "brand": None, "rank": None, "weight": None}
    ]


def test_filters_and_caps_are_named_too(stocked: Shop) -> None:
    stocked.product("odd", brand="Other", category=stocked.products["tea-1"].category)
    stocked.popular({("popular", 30, "all"): ["odd", *(f"tea-{n}" for n in range(12)), "cup-2", "cup-3"]})
    freshness.clear_all()
    found = removed(stocked.get(TRACE, customer="cleo", filter__category="Tea", filter__brand="Leaf"))
    assert (found["odd"], found["cup-2"]) == ("brand", "category")
    ServingRule.objects.create(platform=stocked.platform, most_per_category=1)
    freshness.clear_all()
    found = removed(stocked.get(TRACE, customer="cleo", kind="popular", count=2))
    assert found["tea-5"] == "cap"


def test_who_proposed_it_with_which_score(stocked: Shop) -> None:
    answer = stocked.get(TRACE, customer="ann")
    by_name = {each["product_id"]: each for each in answer["candidates"]}
    own, *others = by_name["tea-9"]["proposed"]
    assert own == {
        "place": 2, "source": "personal", "method": "item-item", "score": 1.0, "because_of": "tea-1",
    }  # fmt: skip
    assert "popular" in {each["source"] for each in others}
    assert answer["customer"] | {"class": "A", "known": True, "segments": ["class-a"]} == answer["customer"]
    assert sorted(answer["customer"]["bought"]) == ["cup-0", "tea-0", "tea-1"]
    assert {each["job"] for each in answer["runs"]} == {
        "recommendations", "popularity", "similar", "rules", "price-classes",
    }  # fmt: skip


def test_a_pin_is_among_those_who_proposed_it(stocked: Shop) -> None:
    control(stocked, "pin", about=stocked.products["tea-9"], rank=1)
    first = stocked.get(TRACE, customer="ann")["candidates"][0]
    assert first["product_id"] == "tea-9"
    assert {(each["source"], each["method"]) for each in first["proposed"]} >= {
        ("staff", "pin"),
        ("personal", "item-item"),
    }


def test_a_browser_gets_no_trace(stocked: Shop) -> None:
    answer = stocked.get(TRACE, key=stocked.credentials.write_key, customer="ann", status=403)
    assert answer["errors"][0]["code"] == "permission_denied"


@pytest.mark.parametrize(
    ("query", "attr"),
    [
        ({"kind": "nothing", "customer": "ann"}, "kind"),
        ({}, "customer"),
        ({"customer": "ann", "recommendation_id": "0" * 32}, "recommendation_id"),
        ({"customer": "ann", "kind": "similar"}, "products"),
        ({"customer": "ann", "kind": "similar", "products": "tea-1,tea-2"}, "products"),
        ({"customer": "ann", "kind": "for-you", "products": "tea-1"}, "products"),
    ],
)
def test_what_cannot_be_traced_is_refused_by_name(stocked: Shop, query: dict[str, str], attr: str) -> None:
    (error,) = stocked.get(TRACE, status=400, **query)["errors"]
    assert error["attr"] == attr


def test_lists_about_products_are_traced_as_they_are_served(stocked: Shop) -> None:
    similar = stocked.get("recommendations/similar/", customer="cleo", product="tea-1", count=4)["items"]
    assert stocked.get(TRACE, customer="cleo", kind="similar", products="tea-1", count=4)["items"] == similar
    basket = "tea-1,cup-1"
    together = stocked.get("recommendations/bought-together/", customer="cleo", products=basket, count=4)
    traced = stocked.get(TRACE, customer="cleo", kind="bought-together", products=basket, count=4)
    assert traced["items"] == together["items"]
    assert "subject" in removed(stocked.get(TRACE, customer="ann", kind="similar", products="tea-9")).values()
    for about in ({}, {"products": basket}):
        guess = stocked.get("recommendations/guess-what-you-like/", customer="ann", count=3, **about)
        for kind in ("cross", "up"):
            assert stocked.get(TRACE, customer="ann", kind=kind, count=3, **about)["items"] == guess[kind]


def test_what_is_bought_again_and_again_is_not_said_to_be_kept_out_for_being_bought(shop: Shop) -> None:
    for name in ("tea", "cup", "pan"):
        shop.product(name)
    shop.person("ann")
    shop.order("ann", "tea", "cup", days_ago=40)
    shop.for_you(
        {("ann", "for-you"): [("pan", "ease", None)], ("ann", "buy-again"): [("tea", "buy-again", None)]}
    )
    for name, code in (("tea", "not_proposed"), ("cup", "bought")):
        answer = shop.get(TRACE, customer="ann", count=1, explain=name)
        assert ids(answer["items"]) == ["pan"]
        assert removed(answer)[name] == code
    again = shop.get(TRACE, customer="ann", kind="buy-again", count=1, explain="tea")
    assert ids(again["items"]) == ["tea"]


def test_a_named_product_is_explained_though_nobody_proposed_it(stocked: Shop) -> None:
    stocked.product("odd")
    for name, code in (
        ("odd", "not_proposed"), ("tea-10", "rank"), ("tea-0", "bought"), ("tea-9", None)
    ):  # fmt: skip
        answer = stocked.get(TRACE, customer="ann", count=3, explain=name)
        (told,) = [each for each in answer["candidates"] if each["product_id"] == name]
        assert (told["removed"] or {"code": None})["code"] == code
        if code:
            assert answer["candidates"][3] == told  # right after the list
    odd = stocked.get(TRACE, customer="ann", count=3, explain="odd")["candidates"][3]
    assert (odd["title"], odd["rank"], odd["proposed"]) == ("The odd", None, [])
    Product.objects.filter(external_id="odd").update(in_stock=False)
    freshness.clear_all()
    assert removed(stocked.get(TRACE, customer="ann", count=3, explain="odd"))["odd"] == "out_of_stock"
    assert stocked.get(TRACE, customer="ann", explain="none", status=404)["errors"][0]["code"] == "not_found"
