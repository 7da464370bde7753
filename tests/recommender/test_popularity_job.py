"""The job `popularity`: its windows and groups, and what sells faster than before."""

from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from precision.engine import jobs
from precision.engine.models import Publication, Run
from precision.shop.models import Category, Customer, Identity, Platform, Product
from recommender.models import PopularList
from segments.models import CustomerClass
from tests.shop.lake import buy

pytestmark = pytest.mark.django_db(transaction=True)
AS_OF = date(2026, 7, 1)
LAST_WEEK = datetime(2026, 6, 28, 12, tzinfo=UTC)
BEFORE = LAST_WEEK - timedelta(days=14)


@pytest.fixture(autouse=True)
def _lake(tmp_path: Path, settings: Any) -> None:
    settings.HISTORY = tmp_path / "history"


@pytest.fixture
def goods(platform: Platform) -> dict[str, Product]:
    """Tea rises, coffee falls, both bought by class A; the cup, bought by class B, sells as ever."""
    drinks, dishes = (
        Category.objects.create(platform=platform, path=[name]) for name in ("Drinks", "Dishes")
    )
    made = {
        name: Product.objects.create(
            platform=platform, external_id=name, title=name, price=1, category=category
        )
        for name, category in (("tea", drinks), ("coffee", drinks), ("cup", dishes))
    }
    classes = Run.objects.create(job="price-classes", scope="corner", as_of=AS_OF, status="published")
    Publication.objects.create(job="price-classes", scope="corner", run=classes)
    numbers = count()
    for name, letter, weeks in (("tea", "A", (9, 4)), ("coffee", "A", (2, 20)), ("cup", "B", (3, 12))):
        for at, orders in zip((LAST_WEEK, BEFORE), weeks, strict=True):
            for _ in range(orders):
                number = next(numbers)
                customer = Customer.objects.create(organisation=platform.organisation)
                who = Identity.objects.create(
                    platform=platform, kind="customer_id", value=f"c{number}", customer=customer
                )
                CustomerClass.objects.create(
                    run=classes, customer=customer, letter=letter, tests=[], spend=0, saved=0, list_value=0, orders=1,
                    lines=1, positioned_lines=0,
                )  # fmt: skip
                buy(platform, f"o{number}", made[name], at=at, who=who)
    return made


def lists(goods: dict[str, Product]) -> dict[tuple[str, int, str], dict[str, float]]:
    run = jobs.run(jobs.nightly(["popularity"])[0], "corner", AS_OF)
    assert run is not None
    assert run.status == Run.Status.PUBLISHED
    names: dict[Any, str] = {product.pk: name for name, product in goods.items()}
    groups = {f"category:{product.category_id}": str(product.category) for product in goods.values()}
    return {
        (row.kind, row.days, groups.get(row.group, row.group)): dict(
            zip([names[item] for item in row.items], row.scores, strict=True)
        )
        for row in PopularList.objects.filter(run=run)
    }


def test_best_sellers_of_each_window_category_and_class(goods: dict[str, Product]) -> None:
    found = lists(goods)
    assert found["popular", 7, "all"] == {"tea": 9, "cup": 3, "coffee": 2}
    assert found["popular", 30, "all"] == {"coffee": 22, "cup": 15, "tea": 13}
    assert found["popular", 30, "Drinks"] == {"coffee": 22, "tea": 13}
    assert found["popular", 90, "class:B"] == {"cup": 15}


def test_only_what_rises_is_trending_overall_and_in_its_groups(goods: dict[str, Product]) -> None:
    found = lists(goods)
    rise = pytest.approx((9 + 5) / (4 / 4 + 5))  # a quarter of the four weeks before, with 5 imagined orders
    rising = {group: each for (kind, _, group), each in found.items() if kind == "trending"}
    assert rising == {"all": {"tea": rise}, "Drinks": {"tea": rise}, "class:A": {"tea": rise}}


def test_a_shop_without_orders_has_no_lists(platform: Platform) -> None:
    assert lists({}) == {}
