"""Learning targets: a planted signal is found, noise is refused, and what was learned can be written down."""

import json

import numpy as np
import pytest

from segments.lifecycle import features, scoring, training
from segments.lifecycle.targets import TARGETS
from segments.lifecycle.training import Sample
from segments.methods import learners

CHURN = TARGETS["churn"]
NAMES = list(features.WORDS)


def _sample(day: int, rng: np.random.Generator, *, rows: int = 1_500, planted: bool) -> Sample:
    """A population whose recency says little; planted: visits say a lot."""
    table = np.full((rows, len(NAMES)), np.nan)
    recency = rng.integers(1, 300, rows)
    visits = rng.poisson(3, rows)
    table[:, NAMES.index("recency_days")] = recency
    table[:, NAMES.index("visit_days_30")] = visits
    table[:, NAMES.index("orders")] = 1 + rng.poisson(2, rows)
    table[:, NAMES.index("money")] = rng.gamma(2, 50, rows)
    table[:, NAMES.index("stores")] = 1  # the same for everybody
    odds = 0.004 * (recency - 150) + (-1.2 * (visits - 3) if planted else 0)
    yes = rng.random(rows) < 1 / (1 + np.exp(-odds))
    return Sample(day=day, customers=np.arange(rows), features=table, responses=yes)


def _samples(*, planted: bool, rows: int = 1_500) -> list[Sample]:
    rng = np.random.default_rng(5)
    return [_sample(day, rng, rows=rows, planted=planted) for day in (100, 160, 220, 280)]


def test_a_planted_signal_is_promoted_and_told() -> None:
    result = training.train(CHURN, _samples(planted=True), rng=np.random.default_rng(1))
    assert result.verdict is not None
    assert result.fitted is not None
    assert result.fitted.kind in scoring.KINDS
    assert result.verdict.against_baseline[result.fitted.kind].low > 0.05
    assert next(iter(result.importance)) == "visit_days_30"
    assert result.report is not None
    estimates = {each["name"]: each["estimate"] for each in result.report["coefficients"]}
    assert estimates["visit_days_30"] < -0.5
    assert "stores" not in estimates, "the same for everybody tells nothing"
    assert 0.75 < result.report["c"] < 1
    fresh = _sample(400, np.random.default_rng(9), planted=True)
    chances = scoring.score(CHURN, result.fitted, fresh.features)
    assert abs(chances.mean() - fresh.responses.mean()) < 0.05
    moved = scoring.contributions(CHURN, result.fitted, fresh.features)
    assert moved.shape == fresh.features.shape
    most = np.abs(moved).mean(axis=0).argmax()
    assert NAMES[most] == "visit_days_30"


def test_what_adds_nothing_is_refused() -> None:
    result = training.train(CHURN, _samples(planted=False), rng=np.random.default_rng(1))
    assert result.fitted is not None
    assert result.fitted.kind == scoring.BASELINE
    assert result.verdict is not None
    assert not result.verdict.network_adds
    assert "nothing beats baseline" in result.reason
    fresh = _sample(400, np.random.default_rng(9), planted=False)
    chances = scoring.score(CHURN, result.fitted, fresh.features)
    recency = fresh.features[:, NAMES.index("recency_days")]
    assert (np.diff(chances[np.argsort(recency)]) >= 0).all(), "the longer silent, the likelier lost"


def test_too_few_are_told_and_the_baseline_is_used() -> None:
    result = training.train(CHURN, _samples(planted=True, rows=60), rng=np.random.default_rng(1))
    assert result.verdict is None
    assert result.fitted is not None
    assert result.fitted.kind == scoring.BASELINE
    assert "a model needs 100 of each" in result.reason
    assert "days since the last order" in result.reason


def test_without_a_date_nothing_is_told() -> None:
    result = training.train(CHURN, [], rng=np.random.default_rng(1))
    assert (result.fitted, result.rows) == (None, 0)
    assert "no chance is told" in result.reason


def test_one_date_is_too_few_to_judge() -> None:
    result = training.train(CHURN, _samples(planted=True)[:1], rng=np.random.default_rng(1))
    assert "There is 1 date" in result.reason
    assert result.fitted is not None
    nobody = np.empty((0, len(NAMES)))
    assert scoring.score(CHURN, result.fitted, nobody).shape == (0,)
    assert scoring.contributions(CHURN, result.fitted, nobody).shape == nobody.shape


@pytest.mark.parametrize("kind", scoring.KINDS)
def test_what_was_learned_can_be_written_down_and_read_back(kind: str) -> None:
    rows = _sample(1, np.random.default_rng(3), planted=True)
    model = learners.fit(kind, rows.features, rows.responses, seed=7)
    again = learners.restore(json.loads(json.dumps(model.state())))
    assert again.scores(rows.features) == pytest.approx(model.scores(rows.features), abs=1e-9)
    assert learners.fit(kind, rows.features, rows.responses, seed=7).scores(rows.features) == pytest.approx(
        model.scores(rows.features)
    )
    moved = model.contributions(rows.features)
    assert np.isfinite(moved).all()
    with pytest.raises(ValueError, match="no classifier 'pickle'"):
        learners.restore({"kind": "pickle"})


def test_contributions_of_the_trees_add_up_and_name_what_shapley_values_name() -> None:
    rows = _sample(1, np.random.default_rng(3), planted=True)
    model = learners.fit(learners.BOOSTING, rows.features, rows.responses, seed=7)
    assert isinstance(model, learners.Trees)
    odds = np.asarray(model.booster.predict(rows.features, raw_score=True))
    moved = model.contributions(rows.features)
    constant = odds - moved.sum(axis=1)
    assert constant == pytest.approx(np.full(len(odds), constant[0]), abs=1e-4)
    shapley = np.asarray(model.booster.predict(rows.features, pred_contrib=True))
    assert constant[0] == pytest.approx(shapley[0, -1], abs=1e-4)
    top = np.abs(moved).argmax(axis=1) == np.abs(shapley[:, :-1]).argmax(axis=1)
    assert top.mean() > 0.9


def test_contributions_of_the_regression_add_up() -> None:
    rows = _sample(1, np.random.default_rng(3), planted=True)
    model = learners.fit(learners.LOGISTIC, rows.features, rows.responses, seed=7)
    assert isinstance(model, learners.Linear)
    odds = model.constant + model.contributions(rows.features).sum(axis=1)
    assert 1 / (1 + np.exp(-odds)) == pytest.approx(model.scores(rows.features))
