"""The jobs behind labels of products and portraits, from facts to what readers see."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from precision.engine import jobs
from precision.engine.models import Run
from precision.shop import columns as c
from precision.shop import platforms, scopes
from precision.shop.models import Category, Customer, Identity, Order, Platform, Product
from segments import kept, product_labels, wants
from segments.methods import habits as h
from segments.models import ProductLabelRow
from segments.portraits import JOB
from tests.shop.lake import buy, happen

pytestmark = pytest.mark.django_db(transaction=True)
AS_OF = date(2026, 7, 1)
DAY = datetime(2026, 6, 10, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _own_lake(settings: Any, tmp_path: Path) -> None:
    settings.HISTORY = tmp_path / "var" / "history"


def compute(scope: str, *names: str) -> dict[str, Run]:
    found = {job.name: jobs.run(job, scope, AS_OF) for job in jobs.nightly(names)}
    return {name: run for name, run in found.items() if run is not None}


@pytest.fixture
def sold(platform: Platform) -> dict[str, Product]:
    """Twelve customers bought tea, two of them twice; the first also looked at a cup."""
    food, home = (
        Category.objects.create(platform=platform, path=path) for path in (["Food", "Tea"], ["Home"])
    )
    goods = {
        "tea": Product.objects.create(
            platform=platform,
            external_id="tea",
            title="Tea",
            category=food,
            brand="Leaf",
            labels={"organic": True},
        ),
        "cup": Product.objects.create(platform=platform, external_id="cup", title="Cup", category=home),
        "green": Product.objects.create(
            platform=platform, external_id="green", title="Green tea", category=food
        ),
    }
    for number in range(12):
        owner = Customer.objects.create(organisation=platform.organisation)
        who = Identity.objects.create(
            platform=platform, kind="customer_id", value=f"p{number:02}", customer=owner
        )
        buy(platform, f"o{number}", goods["tea"], at=DAY, who=who, price="4.00", channel="app")
        if number < 2:
            buy(platform, f"again{number}", goods["tea"], at=DAY + timedelta(days=2), who=who, price="4.00")
        if number == 0:
            happen(platform, "m1", at=DAY, name="Product Viewed", identity=who, product=goods["cup"],
                   channel="web", duration_s=12.5)  # fmt: skip
    return goods


def test_from_facts_to_labels_and_back_to_people(platform: Platform, sold: dict[str, Product]) -> None:
    compute(platform.key, product_labels.JOB, JOB)
    run = product_labels.published(platform)
    tea = product_labels.of_product(sold["tea"], run)
    assert tea is not None
    assert (tea["category"], tea["brand"], tea["given"]) == ("Food / Tea", "Leaf", {"organic": True})
    assert (tea["buyers"], tea["lines"], tea["rebuy_share"], tea["repeatable"]) == (
        12,
        14,
        pytest.approx(2 / 12),
        True,
    )
    assert tea["interests"] == ["Tea"]
    assert tea["novelty"] == "new"
    cup = product_labels.of_product(sold["cup"], run)
    assert cup is not None
    assert (cup["novelty"], cup["lines"], cup["age_days"], cup["rebuy_share"]) == ("new", 0, 20, None)
    assert ProductLabelRow.objects.filter(run=run).count() == 3

    counted = kept.published(JOB, platform.key, JOB)
    assert counted is not None
    first = Identity.objects.get(value="p00").customer_id
    own = counted[1].filter(pl.col(c.CUSTOMER) == first).collect()
    found = {row[0]: row[1:] for row in own.select(h.DIMENSION, h.VALUE, h.TIMES, h.WEIGHT).rows()}
    assert found["category"] == ("Food / Tea", 2, 80_000)
    by_channel = {
        row[1]: row[2:] for row in own.select(h.DIMENSION, *h.COLUMNS[2:]).rows() if row[0] == "channel"
    }
    assert by_channel == {"app": (1, 0), "web": (1, 12_500)}

    people = wants.audience(platform, {"category": "Food / Tea"}, most=3)
    assert [each["customer"] for each in people[:1]] == [first]
    assert wants.buyers(sold["tea"]) == frozenset(Customer.objects.values_list("pk", flat=True))
    goods = [each["product"] for each in wants.wanted(platform, first, most=5)]
    assert set(goods) == {product.pk for product in sold.values()}  # tea is bought again


def test_hidden_goods_and_those_that_nobody_needs_twice_are_not_wanted(
    platform: Platform, sold: dict[str, Product]
) -> None:
    Product.objects.filter(pk=sold["tea"].pk).update(repeatable=False)
    Product.objects.filter(pk=sold["cup"].pk).update(in_stock=False)
    compute(platform.key, product_labels.JOB, JOB)
    first = Identity.objects.get(value="p00").customer_id
    assert [each["product"] for each in wants.wanted(platform, first, most=5)] == [sold["green"].pk]


def test_nothing_on_or_after_the_date_is_seen(platform: Platform, sold: dict[str, Product]) -> None:
    who = Identity.objects.get(value="p05")
    late = datetime(2026, 7, 1, 12, tzinfo=UTC)
    buy(platform, "late", sold["green"], at=late, who=who, price="9.00", channel="web")
    happen(platform, "m2", at=late, name="Page Viewed", identity=who, channel="kiosk")
    compute(platform.key, product_labels.JOB, JOB)
    green = product_labels.of_product(sold["green"], product_labels.published(platform))
    assert green is not None
    assert (green["lines"], green["novelty"]) == (0, None)
    counted = kept.published(JOB, platform.key, JOB)
    assert counted is not None
    channels = counted[1].filter(pl.col(h.DIMENSION) == h.CHANNEL).collect()[h.VALUE]
    assert set(channels) == {"app", "web"}
    assert channels.to_list().count("web") == 1


def test_overall_habits_join_the_people_of_several_shops(
    platform: Platform, sold: dict[str, Product]
) -> None:
    platforms.create_platform("pier", name="Pier", organisation=platform.organisation.key)
    pier = Platform.objects.get(key="pier")
    first = Identity.objects.get(value="p00").customer
    other = Identity.objects.create(platform=pier, kind="customer_id", value="x", customer=first)
    tea = Product.objects.create(
        platform=pier,
        external_id="t",
        title="T",
        category=Category.objects.create(platform=pier, path=["Food", "Tea"]),
    )
    buy(pier, "p1", tea, at=DAY, who=other, price="4.00")
    for key in (platform.key, "pier"):
        compute(key, product_labels.JOB)
    scope = scopes.overall(platform.organisation).key
    compute(scope, JOB)
    counted = kept.published(JOB, scope, JOB)
    assert counted is not None
    own = counted[1].filter(pl.col(c.CUSTOMER) == first.pk, pl.col(h.DIMENSION) == "category").collect()
    assert own.select(h.VALUE, h.TIMES).rows() == [("Food / Tea", 3)]


def test_an_empty_shop_has_no_labels_and_breaks_nothing(platform: Platform) -> None:
    done = compute(platform.key, product_labels.JOB, JOB)
    assert {name: run.status for name, run in done.items()} == {
        product_labels.JOB: Run.Status.PUBLISHED, JOB: Run.Status.PUBLISHED,
    }  # fmt: skip
    assert wants.audience(platform, {"category": "Tea"}, most=3) == []
    assert not Order.objects.exists()


def test_files_of_runs_that_are_gone_are_deleted(platform: Platform) -> None:
    first = compute(platform.key, product_labels.JOB)[product_labels.JOB]
    second = compute(platform.key, product_labels.JOB)[product_labels.JOB]
    names = {path.stem for path in kept.folder(product_labels.JOB).glob("*.parquet")}
    assert names == {str(first.pk), str(second.pk)}
    Run.objects.filter(pk=first.pk).delete()
    third = compute(platform.key, product_labels.JOB)[product_labels.JOB]
    names = {path.stem for path in kept.folder(product_labels.JOB).glob("*")}
    assert names == {str(second.pk), str(third.pk)}
