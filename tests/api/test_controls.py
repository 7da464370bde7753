"""Pins, hides, boosts and caps of staff."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone

from precision.shop.models import Product
from recommender.models import Control, ServingRule
from tests.api.conftest import Shop
from tests.api.serving import control, ids, shown

FOR_YOU = "recommendations/for-you/"


def for_you(shop: Shop, person: str = "ann", **given: Any) -> list[str]:
    return ids(shop.get(FOR_YOU, customer=person, **given)["items"])


def test_a_pin_stands_at_its_rank_and_says_so(stocked: Shop) -> None:
    control(stocked, "pin", about=stocked.products["cup-7"], rank=3)
    items = stocked.get(FOR_YOU, customer="ann", count=5)["items"]
    assert ids(items) == ["cup-5", "tea-9", "cup-7", "tea-3", "cup-1"]
    assert (items[2]["source"], items[2]["reason"]["code"]) == ("staff", "picked")


@pytest.mark.parametrize("change", [{"in_stock": False}, {"active": False}])
def test_a_pin_never_shows_what_is_not_for_sale(stocked: Shop, change: dict[str, Any]) -> None:
    Product.objects.filter(external_id="cup-7").update(**change)
    control(stocked, "pin", about=stocked.products["cup-7"], rank=1)
    assert "cup-7" not in for_you(stocked, count=24)


def test_a_pin_respects_the_caller_and_the_purchases(stocked: Shop) -> None:
    control(stocked, "pin", about=stocked.products["cup-7"], rank=1)
    control(stocked, "pin", about=stocked.products["tea-0"], rank=2)  # ann has it
    assert for_you(stocked, count=2, exclude="cup-7") == ["cup-5", "tea-9"]
    assert for_you(stocked, count=2, filter__category="Tea")[0] == "tea-9"
    assert "tea-0" not in for_you(stocked, count=5)
    assert for_you(stocked, "cleo", count=5)[:2] == ["cup-7", "tea-0"]


def test_pins_of_a_page_appear_once(stocked: Shop) -> None:
    control(stocked, "pin", about=stocked.products["cup-7"], rank=1)
    page = shown(stocked.get("slots/home/", customer="cleo"))
    assert page[0] == "cup-7"
    assert page.count("cup-7") == 1


@pytest.mark.parametrize("about", ["product", "category", "brand"])
def test_what_is_hidden_is_nowhere(stocked: Shop, about: str) -> None:
    tea = stocked.products["tea-9"]
    assert tea.category is not None
    control(stocked, "hide", about={"product": tea, "category": tea.category, "brand": tea.brand}[about])
    gone = {"tea-9"} if about == "product" else {f"tea-{n}" for n in range(12)}
    for address in (FOR_YOU, "recommendations/buy-again/"):
        assert not gone & set(ids(stocked.get(address, customer="ann", count=24)["items"]))
    assert not gone & set(ids(stocked.get("recommendations/popular/", count=24)["items"]))
    assert not gone & set(shown(stocked.get("slots/home/", customer="ann", count=8)))


def test_a_category_is_hidden_with_all_below_it(stocked: Shop) -> None:
    food = stocked.category("Food")
    control(stocked, "hide", about=food)
    assert all(name.startswith("cup") for name in for_you(stocked, count=24))


def test_a_boost_moves_by_its_weight(stocked: Shop) -> None:
    before = ids(stocked.get("recommendations/popular/", count=12)["items"])
    control(stocked, "boost", about=stocked.products[before[7]], weight=4.0)
    after = ids(stocked.get("recommendations/popular/", count=12)["items"])
    # Rank 8 over 4 is rank 2, where another stands before it.
    assert after.index(before[7]) == 2
    assert [name for name in after if name != before[7]] == [name for name in before if name != before[7]]


def test_boosts_multiply_and_push_down_too(stocked: Shop) -> None:
    control(stocked, "boost", about="Leaf", weight=0.01)
    control(stocked, "boost", about=stocked.products["tea-9"], weight=10_000 / 100)
    names = ids(stocked.get("recommendations/popular/", count=24)["items"])
    assert names.index("tea-9") > 5
    leaf = [place for place, name in enumerate(names) if name.startswith("tea") and name != "tea-9"]
    assert min(leaf) > max(place for place, name in enumerate(names) if name.startswith("cup"))


def test_a_control_holds_in_its_window_only(stocked: Shop) -> None:
    now = timezone.now()
    day = timedelta(days=1)
    cup = stocked.products["cup-5"]
    for start, end, holds in (
        (now - day, now + day, True), (None, now + day, True), (now - day, None, True),
        (now + day, None, False), (None, now - day, False),
    ):  # fmt: skip
        made = control(stocked, "hide", about=cup, starts_at=start, ends_at=end)
        assert ("cup-5" in for_you(stocked)) is not holds
        made.delete()
    control(stocked, "hide", about=cup, active=False)
    assert "cup-5" in for_you(stocked)


def test_a_control_starts_by_the_clock_without_anybody_saving_it(
    stocked: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = timezone.now() + timedelta(hours=1)
    control(stocked, "hide", about=stocked.products["cup-5"], starts_at=soon)
    assert "cup-5" in for_you(stocked)
    monkeypatch.setattr("recommender.serving.selection.time.time", lambda: soon.timestamp())
    assert "cup-5" not in for_you(stocked)


@pytest.mark.parametrize(
    ("place", "holds"),
    [
        ("", "for-you slots/home/home-1 slots/home/home-2"),
        ("for-you", "for-you"),
        ("slots", "slots/home/home-1 slots/home/home-2"),
        ("slots/home", "slots/home/home-1 slots/home/home-2"),
        ("slots/home/home-2", "slots/home/home-2"),
        ("slots/other", ""),
    ],
)
def test_a_control_holds_at_its_place_only(stocked: Shop, place: str, holds: str) -> None:
    for name in list(stocked.products):
        if not name.startswith("cup"):
            control(stocked, "hide", about=stocked.products[name], place=place)
    lists = {"for-you": for_you(stocked, "cleo", count=12)} | {
        f"slots/home/{slot['slot']}": ids(slot["items"])
        for slot in stocked.get("slots/home/", customer="cleo")["slots"][:2]
    }
    clean = {name for name, found in lists.items() if all(each.startswith("cup") for each in found)}
    assert clean == set(holds.split())


def test_a_control_for_a_class_leaves_the_others_alone(stocked: Shop) -> None:
    control(stocked, "pin", about=stocked.products["cup-11"], rank=1, letter="A")
    assert for_you(stocked, "ann")[0] == "cup-11"
    assert for_you(stocked, "bob")[0] != "cup-11"


def test_a_control_of_another_shop_changes_nothing(stocked: Shop, make_shop: Any) -> None:
    other = make_shop("other")
    other.product("lamp")
    before = for_you(stocked)
    control(other, "hide", about="Leaf")
    control(other, "pin", about=other.products["lamp"], rank=1)
    assert for_you(stocked) == before
    with pytest.raises(ValidationError, match="of another shop"):
        control(other, "pin", about=stocked.products["tea-9"])


def test_controls_are_followed_within_a_second(stocked: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("recommender.serving.state.time.monotonic", lambda: clock[0])
    assert for_you(stocked)[0] == "cup-5"
    Control.objects.create(platform=stocked.platform, kind="hide", product=stocked.products["cup-5"])
    clock[0] += 1.0
    assert for_you(stocked)[0] == "tea-9"


def test_the_cap_of_a_category_gives_way_only_to_emptiness(stocked: Shop) -> None:
    ServingRule.objects.create(platform=stocked.platform, most_per_category=2)
    third = stocked.category("Home", "Lamps")
    for name in ("lamp-1", "lamp-2", "lamp-3"):
        stocked.product(name, category=third)
    names = for_you(stocked, "cleo", count=6)
    assert sorted(name.split("-")[0] for name in names) == ["cup", "cup", "lamp", "lamp", "tea", "tea"]
    assert len(for_you(stocked, "cleo", count=20)) == 20
    assert len(for_you(stocked, "cleo", count=6, filter__category="Tea")) == 6


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"kind": "pin", "brand": "Leaf"}, "kind"),
        ({"kind": "hide"}, "product"),
        ({"kind": "hide", "brand": "Leaf", "product": "tea-1"}, "product"),
        ({"kind": "hide", "brand": "Leaf", "place": "nowhere"}, "place"),
        ({"kind": "hide", "brand": "Leaf", "place": "slots/a/b/c"}, "place"),
        ({"kind": "boost", "brand": "Leaf", "weight": 0}, "weight"),
        ({"kind": "boost", "brand": "Leaf", "weight": float("nan")}, "weight"),
        ({"kind": "pin", "product": "tea-1", "rank": 0}, "rank"),
        ({"kind": "pin", "product": "tea-1", "rank": 51}, "rank"),
        ({"kind": "melt", "product": "tea-1"}, "kind"),
        ({"kind": "hide", "brand": "Leaf", "letter": "X"}, "letter"),
        ({"kind": "hide", "brand": "Leaf", "starts_at": 2, "ends_at": 1}, "ends_at"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(stocked: Shop, given: dict[str, Any], name: str) -> None:
    given = dict(given)
    if "product" in given:
        given["product"] = stocked.products[given["product"]]
    for key in ("starts_at", "ends_at"):
        if key in given:
            given[key] = timezone.now() + timedelta(days=given[key])
    with pytest.raises(ValidationError) as refused:
        Control(platform=stocked.platform, **given).full_clean()
    assert name in refused.value.message_dict


def test_the_database_refuses_it_too(stocked: Shop) -> None:
    with pytest.raises(IntegrityError):
        Control.objects.create(platform=stocked.platform, kind="pin", brand="Leaf")


@pytest.mark.parametrize("share", [-0.1, 0.6, float("nan")])
def test_a_share_of_trials_that_makes_no_sense_is_refused(stocked: Shop, share: float) -> None:
    with pytest.raises(ValidationError, match="exploration"):
        ServingRule(platform=stocked.platform, exploration=share).full_clean()
