"""The jobs `models` and `scores`: from facts to chances with reasons, and what a small shop is told."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from precision.engine import jobs, runs
from precision.engine.windows import epoch_day
from precision.shop import scopes
from precision.shop.models import Customer, Identity, Platform, Product, Response, Send
from segments.labels import from_scores
from segments.lifecycle import features, samples, training
from segments.lifecycle.targets import TARGETS
from segments.methods import classifier
from segments.models import TargetModel, TargetScore
from tests.shop.lake import buy

AS_OF = date(2026, 7, 1)
NAMES = ("models", "scores")


@pytest.fixture
def var(tmp_path: Any, settings: Any) -> None:
    settings.VAR = tmp_path / "var"
    settings.HISTORY = tmp_path / "var" / "history"


def _compute(platform: Platform) -> None:
    for name in NAMES:
        assert jobs.run(jobs.nightly([name])[0], platform.key, AS_OF) is not None


def _buyer(platform: Platform, number: str) -> Identity:
    who = Customer.objects.create(organisation=platform.organisation)
    return Identity.objects.create(platform=platform, kind="customer_id", value=number, customer=who)


def _days(*ago: int) -> Iterator[datetime]:
    for each in ago:
        yield datetime(AS_OF.year, AS_OF.month, AS_OF.day, 9, tzinfo=UTC) - timedelta(days=each)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("var")
def test_an_empty_shop_and_one_order(platform: Platform) -> None:
    _compute(platform)
    assert {row.kind for row in TargetModel.objects.all()} == {"nothing"}
    assert not TargetScore.objects.exists()
    soap = Product.objects.create(platform=platform, external_id="S", title="Soap")
    who = _buyer(platform, "1")
    for when in _days(10):
        buy(platform, "1", soap, at=when, who=who)
    _compute(platform)
    run = runs.published("scores", platform.key)
    assert run is not None
    assert not TargetScore.objects.exists(), "nobody was there on an earlier date: no chance is invented"
    model = TargetModel.objects.get(run=runs.published("models", platform.key), target="churn")
    assert (model.kind, model.rows) == ("nothing", 0)
    assert "no chance is told" in model.reason
    assert model.report is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("var")
def test_who_stops_is_told_from_who_goes_on(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "FEWEST_POSITIVES", 5)
    monkeypatch.setattr(training, "FEWEST_JUDGED", 5)
    monkeypatch.setattr(samples, "DATES", 3)
    soap = Product.objects.create(platform=platform, external_id="S", title="Soap")
    loyal: list[int] = []
    leaving: list[int] = []
    for number in range(40):
        who = _buyer(platform, str(number))
        (leaving if number % 2 else loyal).append(who.customer_id)
        # Those who leave order once or twice, whenever; the others every month.
        last = 95 + 9 * number
        ago = (last, last + 3) if number % 2 else tuple(range(number % 28 + 1, 500, 28))
        for place, when in enumerate(_days(*ago)):
            buy(platform, f"{number}-{place}", soap, at=when, who=who)
    _compute(platform)
    row = TargetModel.objects.get(run=runs.published("models", platform.key), target="churn")
    assert row.measures["ways"][row.kind]["auc"] > 0.9
    told = TargetScore.objects.filter(run=runs.published("scores", platform.key), target="churn")
    chances = dict(told.values_list("customer_id", "chance"))
    assert max(chances[who] for who in loyal) < min(chances[who] for who in leaving if who in chances)
    one = told.get(customer_id=loyal[0])
    assert set(one.features) <= set(features.WORDS)
    assert len(one.features) == len(one.moves) == len(one.values) == 3
    scope = scopes.of(platform)
    labels = from_scores.frame(scope, AS_OF)
    assert set(labels.columns) == {"customer", *from_scores.KEYS}
    risk = dict(labels.select("customer", "churn_risk").iter_rows())
    assert risk[loyal[0]] == pytest.approx(chances[loyal[0]])
    evidence = from_scores.evidence(scope, AS_OF, loyal[0], "churn_risk")
    assert evidence is not None
    assert evidence["chance"] == pytest.approx(risk[loyal[0]])
    assert from_scores.evidence(scope, AS_OF, loyal[0], "purchase_propensity") is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("var")
def test_campaigns_that_ended_are_judged_on_the_last_date_on_which_one_ran(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "FEWEST_POSITIVES", 5)
    monkeypatch.setattr(training, "FEWEST_JUDGED", 5)
    soap = Product.objects.create(platform=platform, external_id="S", title="Soap")
    sent, answered = [], []
    for number in range(40):
        who = _buyer(platform, str(number))
        for place, when in enumerate(_days(*range(number % 28 + 1, 500, 28))):
            buy(platform, f"{number}-{place}", soap, at=when, who=who)
        for campaign, when in zip(("spring", "summer"), _days(215, 187), strict=True):
            sent.append(
                Send(platform=platform, identity=who, campaign=campaign, step="1", channel="email", at=when)
            )
            if number % 3 == 0:
                answered.append(
                    Response(
                        platform=platform, identity=who, campaign=campaign,
                        message=f"{campaign}-{number}".encode(),
                        kind="clicked", at=when + timedelta(hours=1),
                    )
                )  # fmt: skip
    Send.objects.bulk_create(sent)
    Response.objects.bulk_create(answered)
    _compute(platform)
    model = TargetModel.objects.get(run=runs.published("models", platform.key), target="campaign-response")
    assert model.positives > 0
    assert model.dates[-1] < epoch_day(AS_OF) - TARGETS["campaign-response"].horizon_days
    assert [each["campaign"] for each in model.measures["campaigns"]] == ["summer"]
    told = model.measures["campaigns"][0]
    assert (told["reached"], told["answered"]) == (40, 14)


def test_every_target_has_words_and_a_baseline() -> None:
    for target in TARGETS.values():
        assert target.baseline in features.WORDS
        assert target.population
    assert set(from_scores.KEYS.values()) == set(TARGETS)
