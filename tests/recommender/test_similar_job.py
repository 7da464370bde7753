"""The job `similar`: what enters it (carts, views, guests' baskets) and what does not (cancelled, given back)."""

from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from precision.engine import jobs
from precision.engine.models import Run
from precision.shop.models import Customer, Identity, OrderLine, Platform, Product
from recommender.models import InteractionSettings, PopularList, ProductList
from tests.shop.lake import buy, happen

pytestmark = pytest.mark.django_db(transaction=True)
AS_OF = date(2026, 7, 1)
DAY = datetime(2026, 6, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _lake(tmp_path: Path, settings: Any) -> None:
    settings.HISTORY = tmp_path / "history"


class Shop:
    """A shop of four goods."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.number = count()
        self.goods = {
            name: Product.objects.create(platform=platform, external_id=name, title=name, price=1)
            for name in ("tea", "pot", "cup", "salt")
        }

    def person(self) -> Identity:
        customer = Customer.objects.create(organisation=self.platform.organisation)
        return Identity.objects.create(
            platform=self.platform, kind="customer_id", value=f"c{next(self.number)}", customer=customer
        )

    def order(self, who: Identity | None, *names: str, **given: Any) -> None:
        first, *others = [self.goods[name] for name in names]
        order = buy(self.platform, f"o{next(self.number)}", first, at=DAY, who=who, **given)
        for product in others:
            OrderLine.objects.create(order=order, product=product, quantity=1, unit_price=1)

    def event(self, who: Identity | None, name: str, product: str) -> None:
        happen(
            self.platform, f"m{next(self.number)}", name=name, at=DAY, identity=who,
            product=self.goods[product],
        )  # fmt: skip


@pytest.fixture
def shop(platform: Platform) -> Shop:
    return Shop(platform)


def compute(job: str = "similar") -> Run:
    run = jobs.run(jobs.nightly([job])[0], "corner", AS_OF)
    assert run is not None
    assert run.status == Run.Status.PUBLISHED
    return run


def similar(run: Run | None = None) -> dict[str, list[str]]:
    names = dict(Product.objects.values_list("id", "title"))
    return {
        row.product.title: [names[item] for item in row.items]
        for row in ProductList.objects.filter(run=run or compute(), kind="similar").select_related("product")
    }


def test_what_the_same_people_buy(shop: Shop) -> None:
    for _ in range(3):
        shop.order(shop.person(), "tea", "pot")
    assert similar() == {"tea": ["pot"], "pot": ["tea"]}


def test_a_cancelled_order_is_none(shop: Shop) -> None:
    for _ in range(3):
        shop.order(shop.person(), "tea", "pot", status="cancelled")
    run = compute()
    assert similar(run) == {}
    assert run.measures["customers"] == 0
    for who in [shop.person() for _ in range(3)]:
        shop.order(who, "tea", "cup")
        shop.order(who, "pot", status="cancelled")
    assert similar() == {"tea": ["cup"], "cup": ["tea"]}


def test_what_came_back_is_none(shop: Shop) -> None:
    for who in [shop.person() for _ in range(4)]:
        shop.order(who, "tea", "pot", "cup")
        shop.order(who, "pot", status="returned", quantity="-1")
    assert similar() == {"tea": ["cup"], "cup": ["tea"]}


def test_guests_baskets_count(shop: Shop) -> None:
    for _ in range(3):
        shop.order(None, "tea", "pot")
    run = compute()
    assert similar(run) == {"tea": ["pot"], "pot": ["tea"]}
    assert (run.measures["customers"], run.measures["guests"]) == (0, 3)


def test_views_and_carts_count_as_the_shop_says(shop: Shop) -> None:
    for who in [shop.person() for _ in range(3)]:
        shop.order(who, "tea")
        shop.event(who, "Product Viewed", "pot")
        shop.event(who, "Product Added", "cup")
        shop.event(who, "Product Added", "salt")
        shop.event(who, "Product Removed", "salt")
    # Put in and taken out again the same day is nothing.
    assert similar() == {"tea": ["cup", "pot"], "cup": ["tea", "pot"], "pot": ["tea", "cup"]}
    kept = InteractionSettings.objects.create(platform=shop.platform, view=0)
    assert similar() == {"tea": ["cup"], "cup": ["tea"]}
    kept.cart, kept.view, kept.removal, kept.half_life_days = 0, 5, 0, 7
    kept.save()
    run = compute()
    assert similar(run)["pot"] == ["tea"]
    assert run.parameters["half_life_days"] == 7
    assert run.parameters["weight_view"] == 5


def test_weights_of_zero_are_said_and_best_sellers_still_answer(shop: Shop) -> None:
    for _ in range(3):
        shop.order(shop.person(), "tea", "pot")
    InteractionSettings.objects.create(
        platform=shop.platform, purchase=0, cart=0, wishlist=0, view=0, removal=0
    )
    run = compute()
    assert similar(run) == {}
    assert "weight of 0" in run.measures["note"]
    best = PopularList.objects.get(run=compute("popularity"), kind="popular", days=30, group="all")
    assert set(best.items) == {shop.goods["tea"].pk, shop.goods["pot"].pk}


def test_what_nobody_bought_yet_is_like_what_it_is_called(shop: Shop) -> None:
    for name in ("red mug", "blue mug", "old mug"):
        shop.goods[name] = Product.objects.create(
            platform=shop.platform, external_id=name, title=name, price=1, active=name != "old mug"
        )
    for _ in range(3):
        shop.order(shop.person(), "tea", "red mug")
    run = compute()
    found = similar(run)
    assert found["blue mug"] == ["red mug"], "a product that was never bought; what is not sold is not listed"
    assert found["red mug"] == ["tea", "blue mug"], "what people do comes first"
    row = ProductList.objects.get(run=run, product=shop.goods["red mug"])
    assert row.scores == sorted(row.scores, reverse=True)
    assert run.measures["by_description_only"] == 1
