"""Behaviour and descriptions in each customer's lists: staff weigh the one, the other brings what nobody bought yet."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from precision.engine import jobs
from precision.engine.models import Run
from precision.shop.models import Customer, Identity, Platform, Product
from recommender.models import CustomerList, InteractionSettings
from tests.shop.lake import buy, happen

pytestmark = pytest.mark.django_db(transaction=True)
AS_OF = date(2026, 7, 1)
DAY = datetime(2026, 6, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _lake(tmp_path: Path, settings: Any) -> None:
    settings.HISTORY = tmp_path / "history"


@pytest.fixture
def goods(platform: Platform) -> dict[str, Product]:
    titles = {
        "pot": "Green tea pot", "cup": "Cup", "salt": "Sea salt", "fresh": "Green tea pot, large",
        "other": "Garden gnome",
    }  # fmt: skip
    return {
        name: Product.objects.create(platform=platform, external_id=name, title=title, price=1)
        for name, title in titles.items()
    }


@pytest.fixture
def person(platform: Platform) -> Callable[[str], Identity]:
    def made(name: str) -> Identity:
        customer = Customer.objects.create(organisation=platform.organisation)
        return Identity.objects.create(platform=platform, kind="customer_id", value=name, customer=customer)

    return made


@pytest.fixture
def pairs(platform: Platform, goods: dict[str, Product], person: Callable[[str], Identity]) -> None:
    """Five people bought a pot and a cup, five others a cup and salt."""
    for number in range(10):
        who = person(f"c{number}")
        buy(platform, f"a{number}", goods["pot" if number < 5 else "salt"], at=DAY, who=who)
        buy(platform, f"b{number}", goods["cup"], at=DAY, who=who)


def compute() -> Run:
    run = jobs.run(jobs.nightly(["recommendations"])[0], "corner", AS_OF)
    assert run is not None
    return run


def for_you(run: Run, who: Identity) -> list[int]:
    found = CustomerList.objects.filter(run=run, kind="for-you", customer_id=who.customer_id).first()
    return [] if found is None else found.items


@pytest.mark.usefixtures("pairs")
def test_who_only_looked_gets_what_goes_with_it_unless_staff_say_that_looks_mean_nothing(
    platform: Platform, goods: dict[str, Product], person: Callable[[str], Identity]
) -> None:
    looker = person("looker")
    happen(platform, "m1", name="Product Viewed", at=DAY, identity=looker, product=goods["pot"])
    found = for_you(compute(), looker)
    assert goods["cup"].pk in found
    row = CustomerList.objects.filter(kind="for-you", customer_id=looker.customer_id).latest("run_id")
    assert row.anchors == [None] * len(found)  # "because you bought" would not be true
    settings, _ = InteractionSettings.objects.get_or_create(platform=platform)
    settings.cart = settings.wishlist = settings.view = settings.removal = 0
    settings.save()
    assert for_you(compute(), looker) == []


@pytest.mark.usefixtures("pairs")
def test_what_nobody_bought_yet_is_proposed_to_who_has_what_it_is_like(
    platform: Platform, goods: dict[str, Product], person: Callable[[str], Identity]
) -> None:
    run = compute()
    fan = Identity.objects.get(platform=platform, value="c0")
    stranger_to_tea = Identity.objects.get(platform=platform, value="c9")
    assert goods["fresh"].pk in for_you(run, fan)
    assert goods["other"].pk not in for_you(run, fan)
    assert goods["fresh"].pk not in for_you(run, stranger_to_tea)
    row = CustomerList.objects.get(run=run, kind="for-you", customer_id=fan.customer_id)
    assert row.sources[row.items.index(goods["fresh"].pk)] == "content"
    assert row.anchors[row.items.index(goods["fresh"].pk)] == goods["pot"].pk
    Product.objects.filter(pk=goods["fresh"].pk).update(in_stock=False)
    assert goods["fresh"].pk not in for_you(compute(), fan)
