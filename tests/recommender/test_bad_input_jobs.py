"""The jobs on shops that are next to nothing: an answer or a plain message, and the API never answers empty."""

import json
import math
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rest_framework.test import APIClient

from precision.engine import jobs
from precision.engine.models import Run
from precision.shop import platforms
from precision.shop.api import freshness
from precision.shop.models import Customer, Identity, Order, OrderLine, Platform, Product
from recommender.jobs.similar import NOTHING_COUNTS
from recommender.models import CustomerList, InteractionSettings, PopularList, ProductList
from tests.shop.lake import happen

pytestmark = pytest.mark.django_db(transaction=True)
AS_OF = date(2026, 7, 1)
DAY = datetime(2026, 6, 20, 12, tzinfo=UTC)
JOBS = ("rules", "popularity", "similar", "recommendations", "recommendation-quality")
PATHS = (
    "for-you/?anonymous_id=somebody", "popular/", "similar/?product=p0",
    "bought-together/?product=p0", "trending/",
)  # fmt: skip
EVER = timedelta(days=2_000)


@pytest.fixture(autouse=True)
def _lake(tmp_path: Path, settings: Any) -> None:
    settings.HISTORY = tmp_path / "history"


class Shop:
    """A shop of a few goods, with one spare that nobody buys."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.number = count()
        self.goods: list[Product] = []

    def stock(self, size: int) -> None:
        made = (
            Product(platform=self.platform, external_id=f"p{number}", title=f"Thing {number}", price=1)
            for number in range(size)
        )
        self.goods = Product.objects.bulk_create(made)

    def order(self, who: str | None, *numbers: int, at: datetime = DAY) -> None:
        known = None
        if who is not None:
            known = Identity.objects.filter(platform=self.platform, value=who).first()
            if known is None:
                known = Identity.objects.create(
                    platform=self.platform, kind="customer_id", value=who,
                    customer=Customer.objects.create(organisation=self.platform.organisation),
                )  # fmt: skip
        order = Order.objects.create(
            platform=self.platform, external_id=f"o{next(self.number)}", identity=known, placed_at=at,
            status="completed", currency="EUR", fingerprint=0,
        )  # fmt: skip
        OrderLine.objects.bulk_create(
            OrderLine(order=order, product=self.goods[number], quantity=1, unit_price=1) for number in numbers
        )


def empty(shop: Shop) -> None:
    """Goods, and nothing sold."""
    shop.stock(2)


def one_order(shop: Shop) -> None:
    shop.stock(2)
    shop.order("c1", 0)


def one_basket(shop: Shop) -> None:
    shop.stock(6)
    shop.order("c1", *range(5))


def one_customer(shop: Shop) -> None:
    shop.stock(5)
    for back in range(12):
        shop.order("c1", back % 3, 3, at=DAY - timedelta(days=5 * back))


def one_product(shop: Shop) -> None:
    """Everybody has all that was ever sold."""
    shop.stock(2)
    for back in range(12):
        shop.order(f"c{back % 4}", 0, at=DAY - timedelta(days=5 * back))


def long_ago(shop: Shop) -> None:
    shop.stock(3)
    for number in range(6):
        shop.order(f"c{number}", 0, 1, at=DAY - EVER)


def behave(shop: Shop) -> None:
    """Ten visitors look at two of the goods and put one into the cart."""
    for number in range(10):
        who = Identity.objects.create(
            platform=shop.platform, kind="anonymous_id", value=f"v{number}",
            customer=Customer.objects.create(organisation=shop.platform.organisation),
        )  # fmt: skip
        for good, name in ((1, "Product Viewed"), (2, "Product Viewed"), (2, "Product Added")):
            happen(
                shop.platform, f"{number}-{good}-{name[8]}", name=name, at=DAY, identity=who, product=shop.goods[good]
            )  # fmt: skip


def weights_of_zero(shop: Shop) -> None:
    one_customer(shop)
    behave(shop)
    InteractionSettings.objects.create(
        platform=shop.platform, purchase=0, cart=0, wishlist=0, view=0, removal=0
    )


def purchases_of_zero(shop: Shop) -> None:
    one_customer(shop)
    behave(shop)
    InteractionSettings.objects.create(platform=shop.platform, purchase=0)


SHOPS = [
    empty, one_order, one_basket, one_customer, one_product, long_ago, weights_of_zero, purchases_of_zero,
]  # fmt: skip


def compute(name: str) -> Run:
    run = jobs.run(jobs.nightly([name])[0], "corner", AS_OF)
    assert run is not None
    assert run.status == Run.Status.PUBLISHED, (name, run.error)
    return run


def finite(values: Any) -> bool:
    """Return whether all numbers within JSON values are finite."""
    if isinstance(values, dict):
        return all(finite(value) for value in values.values())
    if isinstance(values, list):
        return all(finite(value) for value in values)
    return not isinstance(values, float) or math.isfinite(values)


@pytest.mark.parametrize("make", SHOPS, ids=[make.__name__ for make in SHOPS])
def test_the_jobs_and_the_api(make: Any) -> None:
    made = platforms.create_platform("corner", name="Corner Shop", currency="EUR", timezone="Europe/Berlin")
    shop = Shop(Platform.objects.get(key="corner"))
    make(shop)
    for name in JOBS:
        run = compute(name)
        assert finite(run.measures), name
    for model in (CustomerList, PopularList, ProductList):
        for items, scores in model.objects.values_list("items", "scores"):
            assert len(items) == len(set(items))
            assert np.isfinite(np.array(scores, dtype=np.float64)).all()
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {made.server_key}")
    freshness.clear_all()
    named = {"customer_id": "customer", "anonymous_id": "anonymous_id"}
    known = [f"for-you/?{named[who.kind]}={who.value}" for who in Identity.objects.all()]
    for path in (*PATHS, *known):
        answer = client.get(f"/api/v1/recommendations/{path}")
        told = json.loads(answer.getvalue())
        assert answer.status_code == 200, (path, told)
        assert told["items"], (path, told)


def test_where_nothing_weighs_the_message_is_plain_and_where_something_does_it_speaks() -> None:
    platforms.create_platform("corner", name="Corner Shop", currency="EUR", timezone="Europe/Berlin")
    shop = Shop(Platform.objects.get(key="corner"))
    weights_of_zero(shop)

    def similar() -> dict[str, list[str]]:
        run = compute("similar")
        names = {good.pk: good.external_id for good in shop.goods}
        told = ProductList.objects.filter(run=run).order_by("product_id")
        told_of = {names[row.product_id]: [names[item] for item in row.items] for row in told}
        assert (run.measures.get("note") == NOTHING_COUNTS) is (run.measures["customers"] == 0)
        return told_of

    assert similar() == {}, "a word that all titles hold tells nothing either"
    InteractionSettings.objects.update(view=1.0)
    assert similar()["p1"][0] == "p2", "ten people looked at both"
    InteractionSettings.objects.update(view=0.0)
    assert similar() == {}
