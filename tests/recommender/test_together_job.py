"""The lists of the job `rules`: what goes with what, and shops with next to nothing in them."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from precision.engine import jobs
from precision.engine.models import Run
from precision.shop.models import OrderLine, Platform, Product
from recommender.models import ProductList
from tests.shop.lake import buy

pytestmark = pytest.mark.django_db(transaction=True)
AS_OF = date(2026, 7, 1)
START = datetime(2026, 5, 2, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _lake(tmp_path: Path, settings: Any) -> None:
    settings.HISTORY = tmp_path / "history"


def compute() -> dict[str, list[tuple[str, float]]]:
    run: Run | None = jobs.run(jobs.nightly(["rules"])[0], "corner", AS_OF)
    assert run is not None
    names = dict(Product.objects.values_list("id", "title"))
    return {
        row.product.title: [(names[item], score) for item, score in zip(row.items, row.scores, strict=True)]
        for row in ProductList.objects.filter(run=run, kind="bought-together").select_related("product")
    }


def basket(platform: Platform, number: int, goods: list[Product]) -> None:
    order = buy(platform, f"o{number}", goods[0], at=START + timedelta(days=number))
    for product in goods[1:]:
        OrderLine.objects.create(order=order, product=product, quantity=1, unit_price=1)


def test_the_companion_comes_before_the_best_seller(platform: Platform) -> None:
    goods = {
        name: Product.objects.create(platform=platform, external_id=name, title=name, price=1)
        for name in ("tea", "pot", "bag", "salt")
    }
    # The bag is in most baskets, with anything; the pot is where the tea is, and nowhere else. All are guests' orders.
    plan = [
        ["tea", "pot"],
        ["tea", "pot", "bag"],
        ["salt", "bag"],
        ["salt", "bag"],
        ["bag"],
        ["salt"],
        ["tea", "pot"],
    ]
    for number, names in enumerate(plan):
        basket(platform, number, [goods[name] for name in names])
    found = compute()
    assert [name for name, _ in found["tea"]] == ["pot"], "the bag beside tea is no commoner than chance"
    assert [name for name, _ in found["salt"]] == ["bag"]
    assert all(0 < score <= 1 for pairs in found.values() for _, score in pairs)


def test_no_basket_one_basket_and_one_product(platform: Platform) -> None:
    assert compute() == {}
    tea = Product.objects.create(platform=platform, external_id="tea", title="tea", price=1)
    buy(platform, "o1", tea, at=START)
    assert compute() == {}
    pot = Product.objects.create(platform=platform, external_id="pot", title="pot", price=1)
    basket(platform, 5, [tea, pot])
    assert set(compute()) <= {"tea", "pot"}
