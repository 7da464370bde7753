"""The job of the accuracy per portal, its answer through the API and its staff page."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from precision.engine import jobs
from precision.engine.models import Run
from precision.shop import platforms
from precision.shop.models import Customer, Identity, Order, OrderLine, Platform, Product, Store
from segments.lifecycle import portals as judging
from segments.models import PortalAccuracy

pytestmark = pytest.mark.django_db(transaction=True)
AS_OF = date(2026, 7, 10)
START = datetime(2025, 9, 1, 10, tzinfo=UTC)
PEOPLE = 100


@pytest.fixture(autouse=True)
def _lake(tmp_path: Path, settings: Any) -> None:
    """Numbers of rows begin anew with each test, so each has a lake of its own."""
    settings.HISTORY = tmp_path / "history"


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    make = judging.model
    quick = {"n_estimators": 30, "learning_rate": 0.3, "min_child_samples": 20}
    monkeypatch.setattr(judging, "model", lambda seed: make(seed).set_params(**quick))


def fill(platform: Platform, people: list[Customer], *, stores: list[Store | None]) -> None:
    """Half buy every ten days, half every 60, each in a store of their own."""
    rng = np.random.default_rng(5)
    thing = Product.objects.create(platform=platform, external_id="T", title="Thing", price=2)
    names = [
        Identity.objects.create(platform=platform, kind="customer_id", value=f"c{number}", customer=one)
        for number, one in enumerate(people)
    ]
    days = (AS_OF - START.date()).days
    orders = Order.objects.bulk_create(
        Order(
            platform=platform, external_id=f"{number}-{day}", identity=name, status="completed", currency="EUR",
            store=stores[number % len(stores)], placed_at=START + timedelta(days=int(day)), fingerprint=0,
        )
        for number, name in enumerate(names)
        for day in np.flatnonzero(rng.random(days) < (1 / 10 if number // 2 % 2 else 1 / 60))
    )  # fmt: skip
    OrderLine.objects.bulk_create(
        OrderLine(order=order, product=thing, quantity=1, unit_price=2) for order in orders
    )


def compute(scope: str) -> Run:
    run = jobs.run(jobs.nightly(["portals"])[0], scope, AS_OF)
    assert run is not None
    return run


def people(platform: Platform) -> list[Customer]:
    return Customer.objects.bulk_create(Customer(organisation=platform.organisation) for _ in range(PEOPLE))


def test_an_empty_shop_says_why_there_is_nothing(platform: Platform, client: Client) -> None:
    run = compute("corner")
    assert (run.rows["portal_accuracy"], run.measures["reason"]) == (0, judging.NO_HISTORY)
    client.force_login(User.objects.create_superuser("root", password=None))
    page = client.get("/admin/precision_segments/portalaccuracy/chart/?scope=corner")
    assert judging.NO_HISTORY in page.content.decode()


def test_stores_and_the_shop_itself_are_portals(platform: Platform, client: Client) -> None:
    mill = Store.objects.create(platform=platform, external_id="s1", name="The Mill")
    fill(platform, people(platform), stores=[mill, None])
    run = compute("corner")
    rows = {row.portal: row for row in PortalAccuracy.objects.filter(run=run)}
    assert {key: (row.kind, row.name) for key, row in rows.items()} == {
        "s1": ("store", "The Mill"), "corner": ("platform", "Corner Shop"),
    }  # fmt: skip
    for row in rows.values():
        assert row.accuracy > row.base_accuracy >= 0.5
        assert row.lift == pytest.approx(row.accuracy - row.base_accuracy)
    assert run.measures["questions"] == sum(row.questions for row in rows.values())
    assert run.measures["auc"] > run.measures["recency_auc"] > 0.5
    client.force_login(User.objects.create_superuser("root", password=None))
    page = client.get("/admin/precision_segments/portalaccuracy/chart/").content.decode()
    assert "The Mill" in page
    assert f"{rows['s1'].accuracy:.1%}" in page


def test_overall_the_platforms_are_portals_and_a_key_sees_its_own(platform: Platform) -> None:
    told = platforms.create_platform("pier", name="Pier", organisation="corner", currency="EUR")
    pier = Platform.objects.get(key="pier")
    everybody = people(platform)
    fill(platform, everybody, stores=[None])
    fill(pier, everybody, stores=[None])
    overall, single = compute("org:corner"), compute("corner")
    assert sorted(PortalAccuracy.objects.filter(run=overall).values_list("portal", "kind")) == [
        ("corner", "platform"), ("pier", "platform"),
    ]  # fmt: skip
    browser = APIClient()
    browser.credentials(HTTP_AUTHORIZATION=f"Bearer {told.server_key}")
    answer = browser.get("/api/v1/models/portals/").json()
    assert (answer["scope"], answer["as_of"], answer["portals"]) == ("pier", None, [])
    assert browser.get("/api/v1/models/portals/?overall=true").status_code == 403
    assert browser.get("/api/v1/models/portals/?nonsense=1").status_code == 400
    compute("pier")
    answer = browser.get("/api/v1/models/portals/").json()
    assert [each["portal"] for each in answer["portals"]] == ["pier"]
    assert (answer["window_days"], answer["horizon_days"]) == (84, 28)
    assert PortalAccuracy.objects.filter(run=single).values_list("portal", flat=True)[0] == "corner"
