"""The jobs that learn to rank and that write each customer's lists, on a small shop in the database."""

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from precision.engine import jobs
from precision.engine.models import Run
from precision.shop.models import Customer, Identity, Order, OrderLine, Platform, Product
from recommender.jobs import ranker as ranker_job
from recommender.models import CustomerList, LearnedRanker, RecommendationQuality
from recommender.ranking import candidates, cuts, judging, learning
from recommender.ranking.boosting import BINARY, Setting

pytestmark = pytest.mark.django_db(transaction=True)
AS_OF = date(2026, 7, 1)
DAYS, INTERVAL = 420, 120
PEOPLE, GOODS, EACH = 32, 50, 36
START = datetime(2026, 7, 1, tzinfo=UTC) - timedelta(days=DAYS)
SMALL = Setting(objective=BINARY, trees=40, leaves=7, learning_rate=0.2, least_rows=20)


@pytest.fixture(autouse=True)
def _lake(tmp_path: Path, settings: Any) -> None:
    settings.HISTORY = tmp_path / "history"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few cuts and small trees, so that learning takes a second."""
    small = replace(cuts.Learning(), cuts=(1, 2, 3), year=False, settings=(SMALL,))
    monkeypatch.setattr(learning, "Learning", lambda: small)


def compute(name: str, as_of: date = AS_OF) -> Run:
    run = jobs.run(jobs.nightly([name])[0], "corner", as_of)
    assert run is not None
    return run


@pytest.fixture
def rhythm(platform: Platform) -> list[Identity]:
    """Everybody buys each of their goods every INTERVAL days, in a phase of its own."""
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
    planned = [
        (who, number, goods[int(good)], day)
        for number, who in enumerate(people)
        for good in rng.choice(GOODS, EACH, replace=False)
        for day in range(int(rng.integers(INTERVAL)), DAYS, INTERVAL)
    ]
    orders = Order.objects.bulk_create(
        Order(
            platform=platform, external_id=f"o{number}", identity=who, status="completed", currency="EUR",
            placed_at=START + timedelta(days=day, hours=12), fingerprint=number,
        )
        for number, (who, _, _, day) in enumerate(planned)
    )  # fmt: skip
    OrderLine.objects.bulk_create(
        OrderLine(order=order, product=good, quantity=1, unit_price=1)
        for order, (_, _, good, _) in zip(orders, planned, strict=True)
    )
    return people


def lists(run: Run, kind: str = "buy-again") -> dict[int, tuple[list[int], list[float], list[str]]]:
    return {
        row.customer_id: (row.items, row.scores, row.sources)
        for row in CustomerList.objects.filter(run=run, kind=kind)
    }


def test_the_ranker_is_learned_and_writes_the_lists(rhythm: list[Identity]) -> None:
    learned = compute("recommendation-ranker")
    row = LearnedRanker.objects.get(run=learned)
    assert row.used, row.reason
    assert learned.measures["used"] is True
    assert candidates.REPEAT in row.state["boosters"]
    gone = Product.objects.get(external_id="P3")
    gone.active = False
    gone.save()
    run = compute("recommendations")
    found = lists(run)
    assert len(found) == PEOPLE
    assert run.rows["customer_list"] == CustomerList.objects.filter(run=run).count()
    assert run.measures["ranker"]["used"] is True
    assert run.measures["quality"]["all"]["ours"] > 0.9
    for items, scores, sources in found.values():
        assert len(items) == len(set(items)) == 20
        assert gone.pk not in items
        assert all(math.isfinite(score) and 0 < score < 1 for score in scores)
        assert scores == sorted(scores, reverse=True)
        assert set(sources) == {"buy-again"}
    # Of what a person has, that is due which they did not buy in the last 90 days: just that stands at the top.
    for who in rhythm:
        have = OrderLine.objects.filter(order__identity=who)
        lately = have.filter(order__placed_at__gte=START + timedelta(days=DAYS - 90)).values_list(
            "product_id", flat=True
        )
        due = set(have.values_list("product_id", flat=True)) - set(lately) - {gone.pk}
        assert set(found[who.customer_id][0][: len(due)]) == due
    assert lists(compute("recommendations")) == found  # the same input, the same lists


def test_the_nights_between_carry_the_ranker_over(
    rhythm: list[Identity], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = compute("recommendation-ranker")
    monkeypatch.setattr(learning, "learn", None)  # may not be called
    second = compute("recommendation-ranker", AS_OF + timedelta(days=1))
    assert second.measures == first.measures
    assert LearnedRanker.objects.get(run=second).state == LearnedRanker.objects.get(run=first).state
    assert LearnedRanker.objects.filter(run=first).exists()
    assert ranker_job.in_force("corner")[0] is not None


def test_a_second_time_on_a_day_it_learns_anew_only_from_other_lines(
    rhythm: list[Identity], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = compute("recommendation-ranker")
    asked: list[int] = []
    learn = learning.learn
    monkeypatch.setattr(learning, "learn", lambda *given, **named: asked.append(1) or learn(*given, **named))
    second = compute("recommendation-ranker")
    assert not asked
    assert LearnedRanker.objects.get(run=second).state == LearnedRanker.objects.get(run=first).state
    Order.objects.filter(external_id="o0").update(placed_at=START + timedelta(days=1))
    compute("recommendation-ranker")
    assert asked


def test_a_refused_ranker_leaves_the_blend_and_says_why(
    rhythm: list[Identity], monkeypatch: pytest.MonkeyPatch
) -> None:
    odds = judging.odds
    monkeypatch.setattr(
        judging, "odds", lambda *given: {kind: -values for kind, values in odds(*given).items()}
    )
    learned = compute("recommendation-ranker")
    assert learned.measures["used"] is False
    assert learned.measures["reason"].startswith("Refused")
    run = compute("recommendations")
    assert run.measures["ranker"]["used"] is False
    assert run.measures["ranker"]["reason"] == learned.measures["reason"]
    compared = compute("recommendation-quality")
    (row,) = RecommendationQuality.objects.filter(run=compared, model="ranker", which="all", group="all")
    assert (row.gain_high or 0) < 0
    told = {each["which"]: each for each in compared.measures["gate"] if each["model"] == "ranker"}
    assert told["all"]["promoted"] is False
    assert len(lists(run)) == PEOPLE


def quality(run: Run, model: str, which: str = "all") -> dict[tuple[int, str], RecommendationQuality]:
    rows = RecommendationQuality.objects.filter(run=run, model=model, which=which)
    return {(row.fold, row.group): row for row in rows}


def test_the_ranker_stands_beside_the_others_on_days_it_was_not_learned_from(rhythm: list[Identity]) -> None:
    learned = compute("recommendation-ranker")
    run = compute("recommendation-quality")
    assert run.rows["recommendation_quality"] == RecommendationQuality.objects.filter(run=run).count()
    ours, blend, again = (quality(run, model) for model in ("ranker", "blend", "buy-again"))
    # The same days, and the same people, of whom a quarter of the goods is due: see `rhythm`.
    assert ours[0, "all"].cut_day == blend[0, "all"].cut_day == date(2026, 6, 1)
    assert ours[0, "all"].customers == blend[0, "all"].customers == PEOPLE
    assert {group for _, group in ours} == {group for fold, group in blend if fold == 0}
    assert {fold for fold, _ in ours} == {0}
    figures = LearnedRanker.objects.get(run=learned).report["all"]
    assert ours[0, "all"].recall == pytest.approx(figures["ranker"])
    assert blend[0, "all"].recall == pytest.approx(figures["blend"])
    assert (ours[0, "all"].recall or 0) > 0.9
    assert ours[0, "all"].baseline == blend[0, "all"].baseline
    best = max(row.recall or 0 for row in quality(run, ours[0, "all"].baseline).values() if row.fold == 0)
    assert best >= (again[0, "all"].recall or 0)
    assert (ours[0, "all"].gain_low or 0) > 0
    told = {each["which"]: each for each in run.measures["gate"] if each["model"] == "ranker"}
    assert (told["all"]["promoted"], told["all"]["decidable"]) == (True, True)
    assert told["all"]["reason"] == figures["reason"]


def test_a_ranker_learned_on_another_day_says_so(rhythm: list[Identity]) -> None:
    compute("recommendation-quality")
    assert not RecommendationQuality.objects.filter(model="ranker").exists()
    later = AS_OF + timedelta(days=1)
    learned = compute("recommendation-ranker", later)
    run = compute("recommendation-quality", later)  # carries the others over
    assert quality(run, "blend")[0, "all"].cut_day == date(2026, 6, 1)
    assert quality(run, "ranker")[0, "all"].cut_day == date(2026, 6, 2)
    again = compute("recommendation-quality", later + timedelta(days=1))
    assert len(quality(again, "ranker")) == len(quality(run, "ranker")) > 0
    models = [told["model"] for told in again.measures["gate"] if told["which"] == "all"]
    assert sorted(models) == ["blend", "ranker"]
    assert learned.measures["used"] is True


@pytest.mark.parametrize("bought", [0, 1])
def test_a_shop_with_nothing_or_one_order(platform: Platform, bought: int) -> None:
    if bought:
        good = Product.objects.create(platform=platform, external_id="P1", title="Thing", price=1)
        who = Identity.objects.create(
            platform=platform, kind="customer_id", value="c",
            customer=Customer.objects.create(organisation=platform.organisation),
        )  # fmt: skip
        order = Order.objects.create(
            platform=platform, external_id="o", identity=who, status="completed", currency="EUR",
            placed_at=datetime(2026, 6, 20, tzinfo=UTC), fingerprint=1,
        )  # fmt: skip
        OrderLine.objects.create(order=order, product=good, quantity=1, unit_price=1)
    row = LearnedRanker.objects.get(run=compute("recommendation-ranker"))
    assert row.used is False
    told = [each for each in compute("recommendation-quality").measures["gate"] if each["model"] == "ranker"]
    assert [(each["which"], each["decidable"], each["reason"]) for each in told] == [
        ("all", False, row.reason),
        ("new", False, row.reason),
    ]
    run = compute("recommendations")
    assert {kind: len(lists(run, kind)) for kind in ("for-you", "buy-again")} == {
        "for-you": 0,
        "buy-again": bought,
    }
    assert run.measures["ranker"]["reason"]


def test_without_a_learned_ranker_the_blend_serves(rhythm: list[Identity]) -> None:
    run = compute("recommendations")
    assert len(lists(run)) == PEOPLE
    assert "has not run yet" in run.measures["ranker"]["reason"]
