"""What is offered above an order: a higher tier or more margin, within what the customer accepts, with its reason."""

from typing import Any

import pytest

from segments import overrides
from segments.models import LabelRow
from tests.api.conftest import Shop

ADDRESS = "recommendations/guess-what-you-like/"


@pytest.fixture
def pens(make_shop: Any) -> Shop:
    """Five pens of one category from 2.00 to 30.00, one in another currency, one sold out."""
    shop: Shop = make_shop()
    pens = shop.category("Office", "Pens")
    for name, price in (
        ("biro", "2.00"),
        ("gel", "3.00"),
        ("roller", "4.00"),
        ("steel", "12.00"),
        ("gold", "30.00"),
    ):
        shop.product(name, price, category=pens)
    shop.product("yen", "3.50", category=pens).currency = "JPY"
    shop.products["yen"].save()
    shop.product("gone", "3.20", category=pens, in_stock=False)
    shop.classes(
        {},
        {
            "biro": (0.1, 0), "gel": (0.3, 0), "roller": (0.5, 0), "steel": (0.8, 0), "gold": (0.95, 0),
            "yen": (0.4, 0), "gone": (0.4, 0),
        },
    )  # fmt: skip
    shop.person("ann")
    return shop


def labelled(shop: Shop, **values: Any) -> None:
    LabelRow.objects.create(run=shop.run("labels"), customer=shop.people["ann"].customer, values=values)


def up(shop: Shop, **query: Any) -> dict[str, tuple[str, str]]:
    return {
        item["product_id"]: (item["reason"]["code"], item["reason"]["text"])
        for item in shop.get(ADDRESS, **query)["up"]
    }


def test_without_a_band_up_to_twice_the_price(pens: Shop) -> None:
    assert up(pens, products="biro", customer="ann") == {
        "gel": ("step_up", "A step up from The biro"),
        "roller": ("step_up", "A step up from The biro"),
    }
    assert up(pens, products="gold") == {}


def test_the_accepted_band_of_the_customer_decides(pens: Shop) -> None:
    labelled(pens, price_band_high=0.85, category_price_band_high=0.4, top_category="Food / Tea")
    order = pens.order("ann", "biro")
    assert set(up(pens, order=order.external_id)) == {"gel", "roller", "steel"}
    # Somebody else's order, a guest's, knows nothing of her band.
    assert set(up(pens, order=pens.order(None, "biro").external_id)) == {"gel", "roller"}


def test_in_the_favourite_category_its_own_band_decides(pens: Shop) -> None:
    labelled(pens, price_band_high=0.85, category_price_band_high=0.4, top_category="Office / Pens")
    assert set(up(pens, products="biro", customer="ann")) == {"gel"}


def test_a_pinned_band_goes_before_the_computed_one(pens: Shop) -> None:
    labelled(pens, price_band_high=0.85)
    overrides.pin(pens.people["ann"], "price_band_high", 0.35, reason="asked for cheap ones")
    assert set(up(pens, products="biro", customer="ann")) == {"gel"}


def test_more_margin_at_the_same_price_is_an_alternative(pens: Shop) -> None:
    biro = pens.products["biro"]
    biro.cost = "1.90"
    biro.save()
    pens.product("own", "2.00", category=biro.category, cost="0.40")
    assert up(pens, products="biro")["own"] == ("alternative_to", "An alternative to The biro")


def test_each_product_of_the_order_brings_its_steps_in_turn(pens: Shop) -> None:
    tea = pens.category("Food", "Tea")
    for name, price in (("bags", "5.00"), ("leaves", "8.00")):
        pens.product(name, price, category=tea)
    pens.classes(
        {}, {"biro": (0.1, 0), "gel": (0.3, 0), "roller": (0.5, 0), "bags": (0.2, 0), "leaves": (0.7, 0)}
    )
    found = pens.get(ADDRESS, products="biro,bags", count=2)["up"]
    # Of tea: take ½ (2 goods sold alike), (5/8)² × 3 = 0.59; of pens at most 1/3 × (2/4)² × 2 = 0.17.
    assert [(item["product_id"], item["reason"]["anchor"]["product_id"]) for item in found] == [
        ("leaves", "bags"), ("roller", "biro"),
    ]  # fmt: skip


def test_steps_to_goods_that_are_called_alike_go_before_others(shop: Shop) -> None:
    """A category that is only a word of titles holds cake tins and first aid tins."""
    tins = shop.category("Tin")
    titles = {
        "cake": "Cake tin small", "aid": "First aid tin pharmacy", "round": "Round cake tin large",
        "mug": "Tin mug camping", "mug-2": "Tin mug camping large", "kit": "First kit of the pharmacy",
    }  # fmt: skip
    for name, title in titles.items():
        made = shop.product(name, "5.00" if name in ("cake", "mug") else "7.00", category=tins)
        made.title = title
        made.save()
    shop.classes({}, {name: (0.1 if name in ("cake", "mug") else 0.8, 0) for name in titles})
    items = shop.get(ADDRESS, products="cake,mug")["up"]
    assert {item["product_id"] for item in items[:2]} == {"round", "mug-2"}
    anchors = {item["product_id"]: item["reason"]["anchor"]["product_id"] for item in items}
    assert anchors["round"] == "cake"
    assert anchors["mug-2"] == "mug"
    assert {item["product_id"] for item in items[2:]} == {"aid", "kit"}, "of the same kind still, and last"
