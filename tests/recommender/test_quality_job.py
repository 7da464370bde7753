"""The job that compares the models: its rows, what it carries over, and shops with next to nothing in them."""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from precision.engine import jobs
from precision.engine.models import Publication, Run
from precision.engine.results import TopItems
from precision.shop.models import Customer, Identity, Order, OrderLine, Platform, Product
from recommender.candidates import blend
from recommender.models import RecommendationQuality
from segments.models import CustomerClass
from tests.shop.lake import buy, happen

pytestmark = pytest.mark.django_db(transaction=True)
AS_OF = date(2026, 7, 1)
START = datetime(2026, 1, 2, 12, tzinfo=UTC)
PEOPLE, GOODS, VISITS = 40, 16, 10


@pytest.fixture(autouse=True)
def _lake(tmp_path: Path, settings: Any) -> None:
    settings.HISTORY = tmp_path / "history"


def compute(as_of: date = AS_OF) -> Run:
    run = jobs.run(jobs.nightly(["recommendation-quality"])[0], "corner", as_of)
    assert run is not None
    return run


@pytest.fixture
def tastes(platform: Platform) -> list[Identity]:
    """Half of the people buy among the even goods, half among the odd: a visit every 18 days, two goods each."""
    rng = np.random.default_rng(3)
    goods = [
        Product.objects.create(platform=platform, external_id=f"P{number}", title=f"Thing {number}", price=1)
        for number in range(GOODS)
    ]
    people = [
        Identity.objects.create(
            platform=platform, kind="customer_id", value=f"c{number}",
            customer=Customer.objects.create(organisation=platform.organisation),
        )
        for number in range(PEOPLE)
    ]  # fmt: skip
    orders = Order.objects.bulk_create(
        Order(
            platform=platform, external_id=f"o{number}-{visit}", identity=who, status="completed", currency="EUR",
            placed_at=START + timedelta(days=18 * visit + number % 9), fingerprint=number,
        )
        for number, who in enumerate(people)
        for visit in range(VISITS)
    )  # fmt: skip
    OrderLine.objects.bulk_create(
        OrderLine(order=order, product=goods[int(place)], quantity=1, unit_price=1)
        for order in orders
        for place in rng.choice(np.arange(order.fingerprint % 2, GOODS, 2), 2, replace=False)
    )
    happen(
        platform, "m1", name="Product Viewed", at=datetime(2026, 6, 20, 9, tzinfo=UTC), identity=people[0],
        product=goods[2],
    )  # fmt: skip
    classes = Run.objects.create(job="price-classes", scope="corner", as_of=AS_OF, status="published")
    Publication.objects.create(job="price-classes", scope="corner", run=classes)
    for number, who in enumerate(people):
        CustomerClass.objects.create(
            run=classes, customer_id=who.customer_id, letter="AB"[number % 2], tests=[], spend=0, saved=0, list_value=0,
            orders=VISITS, lines=2 * VISITS, positioned_lines=0,
        )  # fmt: skip
    return people


def rows(run: Run, **wanted: Any) -> dict[str, RecommendationQuality]:
    return {row.model: row for row in RecommendationQuality.objects.filter(run=run, **wanted)}


def test_every_model_stands_beside_the_others_on_both_folds(tastes: list[Identity]) -> None:
    run = compute()
    assert run.rows == {"recommendation_quality": RecommendationQuality.objects.filter(run=run).count()}
    for fold, first_day in enumerate((date(2026, 6, 1), date(2026, 5, 2))):
        found = rows(run, fold=fold, which="all", group="all")
        assert {"blend", "item-item", "factors", "popular-30", "buy-again"} <= set(found)
        assert {row.cut_day for row in found.values()} == {first_day}
        assert all(row.customers == PEOPLE for row in found.values())
        # A list of 20 holds all 16 goods: whoever knows the tastes finds everything, and nobody finds more.
        assert found["item-item"].recall == pytest.approx(1, abs=0.1)
        for row in found.values():
            assert row.k == 20
            # Where a source knows nothing, as of a year before, there is no list to ask for what is new in it.
            shares = [row.new_share] if row.coverage else []
            for value in (row.recall, row.ndcg, row.map, row.hit_rate, row.coverage, *shares):
                assert value is not None
                assert math.isfinite(value)
                assert 0 <= value <= 1 + 1e-9
    ends = rows(run, fold=0, which="all", group="all")["blend"]
    assert ends.baseline
    assert ends.gain_low is not None
    assert ends.gain is not None
    assert ends.gain_low <= ends.gain <= (ends.gain_high or 0)
    assert [(told["model"], told["which"]) for told in run.measures["gate"]] == [
        ("blend", "all"),
        ("blend", "new"),
    ]
    assert run.measures["computed_as_of"] == "2026-07-01"


def test_groups_are_classes_and_lengths_of_history(tastes: list[Identity]) -> None:
    run = compute()
    found = dict(
        RecommendationQuality.objects.filter(run=run, fold=0, which="all", model="blend").values_list(
            "group", "customers"
        )
    )
    assert found["class:A"] == found["class:B"] == PEOPLE // 2
    lengths = {group: count for group, count in found.items() if group.startswith("history:")}
    assert sum(lengths.values()) == PEOPLE
    assert lengths["history:5-9"] == PEOPLE  # nine visits in the five months before
    (seen,) = RecommendationQuality.objects.filter(run=run, fold=0, which="weighted", model="blend")
    assert seen.parts["clicks"] == 1.0  # the one good that was viewed is in the list of all
    assert seen.parts["carts"] is None
    assert not RecommendationQuality.objects.filter(run=run, fold=1, which="weighted").exists()


def test_the_nights_between_carry_the_rows_over_and_the_same_day_computes_anew(
    tastes: list[Identity],
) -> None:
    first = compute()
    next_night = compute(AS_OF + timedelta(days=1))
    assert next_night.measures == first.measures
    figures = ("model", "fold", "which", "group", "recall", "gain_low", "cut_day")
    ours, theirs = (
        list(RecommendationQuality.objects.filter(run=run).order_by(*figures[:4]).values_list(*figures))
        for run in (first, next_night)
    )
    assert ours == theirs
    assert compute(AS_OF + timedelta(days=7)).measures["computed_as_of"] == "2026-07-08"
    again = compute(AS_OF)
    assert again.measures["computed_as_of"] == "2026-07-01"
    repeated = RecommendationQuality.objects.filter(run=again).order_by(*figures[:4]).values_list(*figures)
    assert list(repeated) == ours  # the same input gives the same rows


def test_an_empty_shop_and_a_single_order_crash_nothing(platform: Platform) -> None:
    assert compute().rows == {"recommendation_quality": 0}
    tea = Product.objects.create(platform=platform, external_id="tea", title="Tea", price=1)
    who = Identity.objects.create(
        platform=platform, kind="customer_id", value="ann",
        customer=Customer.objects.create(organisation=platform.organisation),
    )  # fmt: skip
    buy(platform, "o1", tea, at=START, who=who)
    run = compute()
    row = rows(run, fold=0, which="new", group="all")["blend"]
    assert (row.recall, row.customers, row.gain) == (None, 0, None)
    assert [told["decidable"] for told in run.measures["gate"]] == [False, False]
    buy(
        platform, "o2", tea, at=datetime(2026, 6, 20, tzinfo=UTC), who=who
    )  # bought again in the held-out days
    row = rows(compute(), fold=0, which="all", group="all")["buy-again"]
    assert (row.recall, row.customers) == (1.0, 1)


def test_the_gate_refuses_a_model_that_is_worse_than_popularity(
    tastes: list[Identity], monkeypatch: pytest.MonkeyPatch
) -> None:
    def last_first(lists: Mapping[str, TopItems], *, weights: Mapping[str, float], n: int) -> blend.Blended:
        """A model that shows each customer the four products which the others would show last."""
        good = blended(lists, weights=weights, n=n)
        worst = np.full_like(good.items, -1)
        worst[:, :4] = np.array([row[row >= 0][-4:] for row in good.items])
        return replace(good, items=worst)

    blended = blend.blend
    monkeypatch.setattr(blend, "blend", last_first)
    run = compute()
    refused = {told["which"]: told for told in run.measures["gate"]}["all"]
    assert refused["promoted"] is False
    assert refused["decidable"] is True
    assert "it is worse than the baseline" in refused["reason"]
    row = rows(run, fold=0, which="all", group="all")["blend"]
    assert row.gain_high is not None
    assert row.gain_high < 0
