"""Lists of products."""

from typing import Any

import pytest

from precision.shop.api import freshness
from precision.shop.models import Product
from segments.models import ProductPrice
from tests.api.conftest import Shop


def ids(items: list[dict[str, Any]]) -> list[str]:
    """Return the product ids of a list."""
    return [item["product_id"] for item in items]


def test_for_you_is_the_customers_list_and_then_the_ladder(stocked: Shop) -> None:
    answer = stocked.get("recommendations/for-you/", customer="ann", count=5)
    # tea-0 is on her list too, but she has it and does not buy it again and again.
    assert ids(answer["items"]) == ["cup-5", "tea-9", "tea-3", "cup-1", "tea-4"]
    assert [item["reason"]["code"] for item in answer["items"]] == [
        "people_like_you",
        *["because_you_bought"] * 4,
    ]
    assert answer["warnings"] == []


@pytest.mark.parametrize(
    ("method", "anchor", "code", "text"),
    [
        ("als", None, "people_like_you", "Chosen for you from what customers with similar purchases buy"),
        ("item-item", "tea", "because_you_bought", "Because you bought The tea"),
        ("buy-again", "cup", "buy_again", "You bought this before"),
        ("popular", None, "popular", "Popular in this shop"),
    ],
)
def test_the_method_of_an_item_gives_its_reason(
    shop: Shop, method: str, anchor: str | None, code: str, text: str
) -> None:
    shop.product("tea")
    shop.product("cup")
    shop.person("ann")
    shop.for_you({("ann", "for-you"): [("cup", method, anchor)]})
    (item, *_) = shop.get("recommendations/for-you/", customer="ann")["items"]
    assert (item["product_id"], item["source"]) == ("cup", "personal")
    assert (item["reason"]["code"], item["reason"]["text"]) == (code, text)


def test_a_new_visitor_gets_best_sellers(stocked: Shop) -> None:
    answer = stocked.get("recommendations/for-you/", anonymous_id="new", count=2)
    assert ids(answer["items"]) == ["tea-0", "cup-0"]
    assert [warning["code"] for warning in answer["warnings"]] == ["unknown_visitor"]


@pytest.mark.parametrize(
    "address",
    [
        "recommendations/for-you/?customer=an",
        "recommendations/buy-again/?customer=an",
        "recommendations/similar/?product=tea-1&customer=an",
        "recommendations/bought-together/?product=tea-1&customer=an",
        "recommendations/guess-what-you-like/?products=tea-1&customer=an",
        "recommendations/trace/?customer=an",
        "slots/home/?customer=an",
    ],
)
def test_a_customer_whose_first_order_has_not_come_in_is_served_and_the_id_is_named(
    stocked: Shop, address: str
) -> None:
    answer = stocked.get(address)
    (warning,) = [each for each in answer["warnings"] if each["code"].startswith("unknown")]
    assert warning["code"] == "unknown_customer"
    assert "'an'" in warning["detail"]
    lists = [
        answer.get("items") or answer.get("for_you"),
        *[each["items"] for each in answer.get("slots", [])],
    ]
    assert any(lists)
    assert "personal" not in {item["source"] for some in lists for item in some or []}


def test_an_unknown_customer_is_served_what_the_visitor_behind_them_looked_at(stocked: Shop) -> None:
    known = stocked.get("recommendations/for-you/?anonymous_id=v-1")
    answer = stocked.get("recommendations/for-you/?anonymous_id=v-1&customer=an")
    assert ids(answer["items"]) == ids(known["items"])
    assert next(each["code"] for each in answer["warnings"]) == "unknown_customer"


def test_similar_and_bought_together(stocked: Shop) -> None:
    similar = stocked.get("recommendations/similar/", product="tea-1", count=5)["items"]
    assert ids(similar) == ["tea-3", "tea-4", "cup-1", "cup-3", "tea-0"]
    assert [item["source"] for item in similar] == ["product"] * 4 + ["category"]
    assert similar[0]["reason"] == {
        "code": "similar_to", "text": "Similar to The tea-1",
        "anchor": {"product_id": "tea-1", "title": "The tea-1"},
    }  # fmt: skip
    assert similar[4]["reason"]["text"] == "Popular in Tea"
    together = stocked.get("recommendations/bought-together/", products="tea-1,tea-0", count=3)["items"]
    assert ids(together) == ["cup-1", "cup-3", "tea-3"]
    assert together[0]["reason"]["text"] == "Often bought together with The tea-1"
    mine = stocked.get("recommendations/similar/", product="cup-5", customer="ann", count=24)["items"]
    assert not {"cup-5", "tea-0", "cup-0"} & set(ids(mine))


def test_an_alias_is_answered_as_the_product_it_stands_for(stocked: Shop) -> None:
    stocked.product("thé-1", same_as=stocked.products["tea-1"])
    assert ids(stocked.get("recommendations/similar/", product="thé-1", count=2)["items"]) == [
        "tea-3",
        "tea-4",
    ]
    assert "tea-1" not in ids(stocked.get("recommendations/popular/", exclude="thé-1", count=24)["items"])


def test_guess_what_you_like_after_an_order(stocked: Shop) -> None:
    answer = stocked.get("recommendations/guess-what-you-like/", order="o-2", count=3)  # ann: tea-1
    assert ids(answer["cross"]) == ["cup-1", "cup-3"]
    assert {item["reason"]["code"] for item in answer["cross"]} == {"goes_with"}
    # tea-1 costs 2.00; dearer, of the same category, better placed and at most 4.00: tea-2 and tea-3.
    assert sorted(ids(answer["up"])) == ["tea-2", "tea-3"]
    assert {item["reason"]["code"] for item in answer["up"]} == {"step_up"}
    assert ids(answer["for_you"])[:2] == ["cup-5", "tea-9"]
    every = ids(answer["cross"]) + ids(answer["up"]) + ids(answer["for_you"])
    assert len(set(every)) == len(every)
    assert "tea-1" not in every
    assert answer["warnings"] == []


def test_guess_what_you_like_from_a_basket_or_a_person(stocked: Shop) -> None:
    basket = stocked.get(
        "recommendations/guess-what-you-like/", products="tea-1", anonymous_id="new", count=2
    )
    assert ids(basket["cross"]) == ["cup-1", "cup-3"]
    assert len(basket["for_you"]) == 2
    person = stocked.get("recommendations/guess-what-you-like/", customer="ann", count=2)
    assert ids(person["cross"]) == ["cup-1", "cup-3"]  # of the latest purchases
    guest = stocked.order(None, "tea-1")
    assert ids(stocked.get("recommendations/guess-what-you-like/", order=guest.external_id)["cross"]) == [
        "cup-1",
        "cup-3",
    ]


def test_what_has_no_partner_says_so(shop: Shop) -> None:
    shop.product("lamp")
    shop.product("chair")
    answer = shop.get("recommendations/guess-what-you-like/", products="lamp")
    assert (answer["cross"], answer["up"]) == ([], [])
    assert ids(answer["for_you"]) == ["chair"]
    assert [warning["code"] for warning in answer["warnings"]] == ["nothing_cross", "nothing_up"]


@pytest.mark.parametrize("in_stock", [True, False])
def test_cross_and_up_show_only_what_is_for_sale(stocked: Shop, in_stock: bool) -> None:
    Product.objects.filter(external_id__in=["cup-1", "tea-2"]).update(in_stock=in_stock)
    freshness.clear_all()
    answer = stocked.get("recommendations/guess-what-you-like/", order="o-2")
    assert ("cup-1" in ids(answer["cross"])) is in_stock
    assert ("tea-2" in ids(answer["up"])) is in_stock


def test_buy_again(stocked: Shop) -> None:
    items = stocked.get("recommendations/buy-again/", customer="ann", count=2)["items"]
    assert [(item["product_id"], item["reason"]["code"]) for item in items] == [
        ("tea-1", "buy_again"), ("cup-5", "people_like_you"),
    ]  # fmt: skip


def test_popular_of_all_of_a_window_of_a_category_of_a_class(stocked: Shop) -> None:
    assert ids(stocked.get("recommendations/popular/", count=2)["items"]) == ["tea-0", "cup-0"]
    assert ids(stocked.get("recommendations/popular/", count=2, days=7)["items"]) == ["cup-11", "tea-11"]
    tea = stocked.get("recommendations/popular/", count=2, filter__category="Tea")["items"]
    assert [(item["product_id"], item["source"]) for item in tea] == [
        ("tea-0", "category"),
        ("tea-1", "category"),
    ]
    of_class = stocked.get("recommendations/popular/", **{"class": "B"}, count=1)["items"]
    assert [(item["product_id"], item["source"]) for item in of_class] == [("cup-0", "segment")]


def test_trending(stocked: Shop) -> None:
    items = stocked.get("recommendations/trending/", count=7)["items"]
    assert ids(items[:6]) == ["tea-5", "cup-5", "tea-6", "cup-6", "tea-7", "cup-7"]
    assert [item["source"] for item in items] == ["trending"] * 6 + ["popular"]


def test_trending_of_a_category_and_of_a_class(stocked: Shop) -> None:
    tea = stocked.products["tea-1"].category_id
    stocked.popular({
        ("trending", 7, "all"): ["cup-5", "tea-5"],
        ("trending", 7, f"category:{tea}"): ["tea-8", "tea-5"],
        ("trending", 7, "class:B"): ["cup-9"],
    })  # fmt: skip
    freshness.clear_all()
    of_category = stocked.get("recommendations/trending/", count=2, filter__category="Tea")["items"]
    assert ids(of_category) == ["tea-8", "tea-5"]
    of_class = stocked.get("recommendations/trending/", count=3, **{"class": "B"})["items"]
    assert ids(of_class) == ["cup-9", "cup-5", "tea-5"]
    assert {item["source"] for item in of_class} == {"trending"}


def test_prices_are_decimal_strings(shop: Shop) -> None:
    for name, price in (("a", "2.5"), ("b", "0.0125"), ("c", None), ("d", "1000000.00")):
        shop.product(name, price)
    items = shop.get("recommendations/popular/")["items"]
    assert {item["product_id"]: item["price"] for item in items} == {
        "a": "2.50", "b": "0.0125", "c": None, "d": "1000000.00",
    }  # fmt: skip
    assert {item["currency"] for item in items} == {"EUR"}


def test_where_the_shop_tells_no_price_the_usual_one_stands_beside(shop: Shop) -> None:
    shop.product("told", "2.50")
    shop.product("sold", None)
    shop.product("unsold", None)
    run = shop.run("price-classes")
    for name, usual in (("told", 2), ("sold", "1.95"), ("unsold", None)):
        ProductPrice.objects.create(run=run, product=shop.products[name], usual_price=usual, lines=3)
    freshness.clear_all()
    items = shop.get("recommendations/popular/")["items"]
    assert {item["product_id"]: (item["price"], item["usual_price"]) for item in items} == {
        "told": ("2.50", None), "sold": (None, "1.95"), "unsold": (None, None),
    }  # fmt: skip
