"""The gate promotes what beats the baselines beyond chance, and refuses in words what does not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.evaluation.gate import decide


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def noisy(mean: float, *, seed: int, customers: int = 400) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 0.1, customers)


def test_promotes_what_beats_the_best_baseline_and_says_the_figures() -> None:
    weak, strong = noisy(0.1, seed=1), noisy(0.2, seed=2)
    verdict = decide(strong + 0.05, {"popular-7": weak, "item-item": strong}, rng=rng())
    assert verdict.promoted
    assert verdict.decidable
    assert verdict.baseline == "item-item"  # the best, not the first
    assert verdict.against_baseline is not None
    assert verdict.against_baseline.difference == pytest.approx(0.05)
    assert verdict.against_champion is None
    assert verdict.reason.startswith("Promoted: ")
    assert f"{strong.mean() + 0.05:.4f} against {strong.mean():.4f} for item-item" in verdict.reason
    assert "+0.0500" in verdict.reason
    assert "400 customers" in verdict.reason


def test_refuses_what_is_worse_than_popularity() -> None:
    popular = noisy(0.2, seed=1)
    verdict = decide(popular - 0.05, {"popular-30": popular, "nothing": popular * 0}, rng=rng())
    assert not verdict.promoted
    assert verdict.decidable
    assert verdict.reason.startswith("Refused: ")
    assert "worse than the baseline" in verdict.reason
    assert "-0.0500" in verdict.reason


def test_refuses_a_gain_that_may_be_chance() -> None:
    popular = noisy(0.2, seed=1)
    verdict = decide(popular + noisy(0.002, seed=2), {"popular-30": popular}, rng=rng())
    assert not verdict.promoted
    assert "holds 0" in verdict.reason


def test_refuses_what_is_worse_than_the_champion() -> None:
    popular = noisy(0.2, seed=1)
    champion = popular + 0.1
    lost = decide(popular + 0.08, {"popular-30": popular}, champion, rng=rng())
    assert not lost.promoted
    assert lost.reason.endswith("it is worse than the champion.")
    same = decide(champion, {"popular-30": popular}, champion, rng=rng())
    assert same.promoted  # a model trained anew on the same data is not worse


def test_a_loss_that_may_be_chance_is_allowed_up_to_the_tolerance() -> None:
    popular = noisy(0.2, seed=1)
    champion = popular + 0.1
    step = noisy(0.0, seed=3)
    challenger = champion + step - step.mean() - 0.003  # 1 % below, and the interval holds 0
    assert decide(challenger, {"popular-30": popular}, champion, rng=rng()).promoted
    assert not decide(challenger, {"popular-30": popular}, champion, rng=rng(), tolerance=0.005).promoted


def test_too_few_customers_decide_nothing() -> None:
    few = np.array([1.0] * 29 + [np.nan] * 100)
    verdict = decide(few, {"popular-30": few * 0}, rng=rng())
    assert (verdict.promoted, verdict.decidable) == (False, False)
    assert verdict.against_baseline is None
    assert "29 customers" in verdict.reason
    assert "30 are wanted" in verdict.reason
    nobody = decide(np.full(5, np.nan), {"popular-30": np.full(5, np.nan)}, rng=rng(), least_customers=0)
    assert (nobody.promoted, nobody.decidable, nobody.baseline) == (False, False, "")


def test_refuses_values_that_cannot_be_compared() -> None:
    values = np.array([0.1, np.nan, 0.3])
    with pytest.raises(ValueError, match="no baseline"):
        decide(values, {}, rng=rng())
    with pytest.raises(ValueError, match=r"popular-30 has the shape \(2,\)"):
        decide(values, {"popular-30": values[:2]}, rng=rng())
    with pytest.raises(ValueError, match="champion is undefined for other customers"):
        decide(values, {"popular-30": values}, np.array([0.1, 0.2, 0.3]), rng=rng())


@given(shift=st.floats(-0.3, 0.3), seed=st.integers(0, 50))
def test_promoted_exactly_when_the_interval_lies_above_0(shift: float, seed: int) -> None:
    popular = noisy(0.2, seed=seed, customers=60)
    verdict = decide(
        popular + noisy(shift, seed=seed + 100, customers=60), {"p": popular}, rng=rng(), samples=200
    )
    assert verdict.against_baseline is not None
    assert verdict.against_baseline.low is not None
    assert verdict.promoted == (verdict.against_baseline.low > 0)
    again = decide(
        popular + noisy(shift, seed=seed + 100, customers=60), {"p": popular}, rng=rng(), samples=200
    )
    assert again == verdict


def test_where_it_need_not_win_it_may_not_be_worse_either() -> None:
    popular = noisy(0.2, seed=1)
    alike = popular + noisy(0.002, seed=2)
    alike += 0.001 + popular.mean() - alike.mean()  # a little better, within chance
    assert not decide(alike, {"popular-30": popular}, rng=rng()).promoted
    even = decide(alike, {"popular-30": popular}, rng=rng(), must_win=False)
    assert even.promoted
    assert "not worse" in even.reason
    assert not decide(popular - 0.001, {"popular-30": popular}, rng=rng(), must_win=False).promoted
    worse = decide(alike, {"popular-30": popular}, popular + 0.1, rng=rng(), must_win=False)
    assert not worse.promoted
    assert worse.reason.endswith("it is worse than the champion.")
