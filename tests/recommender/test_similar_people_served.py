"""Only the orders of similar customers change, and what a customer is served changes: jobs, learned ranker and API."""

import json
from dataclasses import replace
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
from recommender.evaluation import gate
from recommender.evaluation.gate import Verdict
from recommender.ranking import cuts, learning, serving
from recommender.ranking.boosting import BINARY, Setting
from recommender.ranking.candidates import NEW

pytestmark = pytest.mark.django_db(transaction=True)
AS_OF = date(2026, 7, 1)
MIDNIGHT = datetime(2026, 7, 1, tzinfo=UTC)
DAYS, PEOPLE, GOODS, VISITS = 200, 60, 80, 20
ANN = 0
EXTRAS = (GOODS, GOODS + 1)  # two goods that nobody has bought so far
SMALL = Setting(objective=BINARY, trees=40, leaves=7, learning_rate=0.2, least_rows=20)
_numbers = count()


@pytest.fixture(autouse=True)
def _lake(tmp_path: Path, settings: Any) -> None:
    settings.HISTORY = tmp_path / "history"


@pytest.fixture
def key() -> str:
    made = platforms.create_platform("corner", name="Corner Shop", currency="EUR", timezone="Europe/Berlin")
    return str(made.server_key)


class Shop:
    """People who buy among the even goods, and people who buy among the odd ones."""

    def __init__(self) -> None:
        self.platform = Platform.objects.get(key="corner")
        self.goods = Product.objects.bulk_create(
            Product(platform=self.platform, external_id=f"p{number}", title=f"Thing {number}", price=1)
            for number in range(GOODS + len(EXTRAS))
        )
        owners = Customer.objects.bulk_create(
            Customer(organisation=self.platform.organisation) for _ in range(PEOPLE)
        )
        self.people = Identity.objects.bulk_create(
            Identity(platform=self.platform, kind="customer_id", value=f"c{number}", customer=owner)
            for number, owner in enumerate(owners)
        )
        rng = np.random.default_rng(3)
        self.orders(
            (number, int(good), int(back))
            for number in range(PEOPLE)
            for good, back in zip(
                rng.choice(np.arange(number % 2, GOODS, 2), VISITS, replace=False),
                rng.choice(np.arange(1, DAYS), VISITS, replace=False),
                strict=True,
            )
        )

    def orders(self, planned: Any) -> None:
        """Add an order of one product for each (person, product, days back)."""
        planned = list(planned)
        orders = Order.objects.bulk_create(
            Order(
                platform=self.platform, external_id=f"o{next(_numbers)}", identity=self.people[number],
                status="completed", currency="EUR", placed_at=MIDNIGHT - timedelta(days=back, hours=-12),
                fingerprint=0,
            )
            for number, _, back in planned
        )  # fmt: skip
        OrderLine.objects.bulk_create(
            OrderLine(order=order, product=self.goods[good], quantity=1, unit_price=1)
            for order, (_, good, _) in zip(orders, planned, strict=True)
        )


def compute(name: str) -> Run:
    run = jobs.run(jobs.nightly([name])[0], "corner", AS_OF)
    assert run is not None
    assert run.status == Run.Status.PUBLISHED, (name, run.error)
    return run


def served(key: str) -> list[str]:
    """Return what the API answers for ann, from her own list only."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    freshness.clear_all()
    answer = client.get("/api/v1/recommendations/for-you/?customer=c0&count=40")
    assert answer.status_code == 200, answer.getvalue()
    items = json.loads(answer.getvalue())["items"]
    return [item["product_id"] for item in items if item["source"] == "personal"]


def let_through(*_: Any, **__: Any) -> Verdict:
    """Promote whatever was learned: on so small a shop nothing beats the blend beyond chance."""
    return Verdict(
        promoted=True, decidable=True, reason="Promoted.", baseline="", against_baseline=None, against_champion=None
    )  # fmt: skip


@pytest.mark.parametrize("ranked", [True, False], ids=["ranker", "blend"])
@pytest.mark.parametrize("liked", EXTRAS)
def test_what_similar_people_bought_is_served(
    key: str, monkeypatch: pytest.MonkeyPatch, liked: int, ranked: bool
) -> None:
    small = replace(cuts.Learning(), cuts=(1, 2, 3), year=False, settings=(SMALL,))
    monkeypatch.setattr(learning, "Learning", lambda: small)
    monkeypatch.setattr(gate, "decide", let_through)
    shop = Shop()
    if ranked:
        learned = compute("recommendation-ranker")
        assert learned.measures["used"] is True
    run = compute("recommendations")
    assert run.measures["ranker"]["used"] is ranked
    assert (NEW in run.measures["ranker"]["kinds"]) is ranked
    before = served(key)
    assert before
    names = {number: f"p{number}" for number in EXTRAS}
    assert not set(names.values()) & set(before)
    # As many people of either taste buy one of the two, on the same days; nothing else changes, least of all ann.
    (other,) = set(EXTRAS) - {liked}
    shop.orders((number, liked if number % 2 == 0 else other, 1 + number // 2 % 6) for number in range(2, 42))
    compute("recommendations")
    after = served(key)
    place = {name: after.index(name) if name in after else len(after) for name in names.values()}
    assert place[names[liked]] < 10, after
    assert place[names[liked]] < place[names[other]], after


def test_the_ranker_in_force_is_the_one_that_ranks(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the trees say decides the order: turned around, so is the list."""
    small = replace(cuts.Learning(), cuts=(1, 2, 3), year=False, settings=(SMALL,))
    monkeypatch.setattr(learning, "Learning", lambda: small)
    monkeypatch.setattr(gate, "decide", let_through)
    Shop()
    compute("recommendation-ranker")
    compute("recommendations")
    before = served(key)
    chances = serving.Ranker.chances
    monkeypatch.setattr(serving.Ranker, "chances", lambda *given: 1 - chances(*given))
    compute("recommendations")
    assert served(key)[:10] != before[:10]
