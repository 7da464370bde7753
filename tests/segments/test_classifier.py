"""Judging classifiers: the area under the curve, its bootstrap, the gate, and calibration."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from segments.methods import classifier


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), min_size=2, max_size=30))
def test_the_weighted_area_is_that_of_repeated_rows(rows: list[tuple[int, bool, int]]) -> None:
    scores = np.array([row[0] for row in rows], dtype=np.float64)
    yes = np.array([row[1] for row in rows])
    weights = np.array([row[2] for row in rows])
    found = classifier._Curve(scores, yes).area(weights.astype(np.float64))
    repeated = np.repeat(yes, weights)
    if not 0 < repeated.sum() < len(repeated):
        assert np.isnan(found)
    else:
        assert found == pytest.approx(roc_auc_score(repeated, np.repeat(scores, weights)))


def test_the_gate_by_intervals() -> None:
    rng = np.random.default_rng(2)
    yes = rng.random(4_000) < 0.3
    signal = yes + rng.normal(0, 1.5, 4_000)
    better = yes + rng.normal(0, 0.7, 4_000)
    noise = rng.normal(0, 1, 4_000)
    found = classifier.judge(
        {"baseline": signal, "boosting": better, "network": better + rng.normal(0, 0.01, 4_000), "logistic": noise},
        yes, baseline="baseline", rng=rng,
    )  # fmt: skip
    assert found.promoted in {"boosting", "network"}
    assert not found.network_adds
    assert not found.against_baseline["logistic"].wins
    assert found.base_rate == pytest.approx(yes.mean())
    refused = classifier.judge({"baseline": signal, "boosting": noise}, yes, baseline="baseline", rng=rng)
    assert (refused.promoted, refused.network_adds) == ("baseline", False)


def test_a_champion_stays_until_it_is_clearly_beaten() -> None:
    rng = np.random.default_rng(2)
    yes = rng.random(4_000) < 0.3
    baseline = yes + rng.normal(0, 3, 4_000)
    good = yes + rng.normal(0, 1, 4_000)
    alike = good + rng.normal(0, 0.02, 4_000)
    better = yes + rng.normal(0, 0.5, 4_000)

    def judged(champion: str | None, **scores: np.ndarray) -> classifier.Verdict:
        return classifier.judge(
            {"baseline": baseline, **scores}, yes, baseline="baseline", champion=champion, rng=rng
        )

    stays = judged("logistic", logistic=good, boosting=alike)
    assert (stays.promoted, stays.champion) == ("logistic", "logistic")
    assert "beats logistic, in force, by no interval above zero" in stays.refused["boosting"]
    beaten = judged("logistic", logistic=good, boosting=better)
    assert beaten.promoted == "boosting"
    assert beaten.against_champion["boosting"].low > 0
    assert "is below" in beaten.refused["logistic"]
    noise = rng.normal(0, 1, 4_000)
    dropped = judged("logistic", logistic=noise, boosting=better)
    assert (dropped.promoted, dropped.champion) == ("boosting", None), (
        "a champion that lost to the baseline is none"
    )
    assert judged("logistic", logistic=noise).promoted == "baseline"
    assert "beats baseline by no interval above zero" in judged(None, logistic=noise).refused["logistic"]


def test_calibration_gives_back_planted_chances() -> None:
    rng = np.random.default_rng(4)
    true = rng.uniform(0.02, 0.6, 20_000)
    yes = rng.random(20_000) < true
    raw = true**2
    calibrated = classifier.calibrate(raw, yes).apply(raw)
    assert np.abs(calibrated - true).mean() < 0.02


@pytest.mark.parametrize("yes", [np.zeros(50, np.bool_), np.ones(50, np.bool_)])
def test_one_kind_of_response_calibrates_to_its_rate(yes: np.ndarray) -> None:
    chances = classifier.calibrate(np.linspace(0, 1, 50), yes).apply(np.linspace(0, 1, 50))
    assert chances == pytest.approx([(yes.sum() + 0.5) / 51] * 50)


def test_calibration_never_turns_the_order_around() -> None:
    raw = np.linspace(0.01, 0.99, 200)
    chances = classifier.calibrate(raw, raw < 0.5).apply(raw)
    assert np.ptp(chances) == pytest.approx(0)
