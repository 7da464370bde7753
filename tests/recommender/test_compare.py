"""The paired bootstrap: known answers, and intervals that cover what they promise."""

import math

import numpy as np
import pytest

from recommender.evaluation.compare import paired_bootstrap


def test_a_constant_gain_has_an_interval_of_no_width():
    b = np.linspace(0, 1, 50)
    found = paired_bootstrap(b + 0.25, b, rng=np.random.default_rng(0))
    assert found.difference == pytest.approx(0.25)
    assert (found.low, found.high) == (pytest.approx(0.25), pytest.approx(0.25))
    assert found.a_wins
    assert found.mean_a == pytest.approx(0.75)


def test_the_pairing_counts():
    rng = np.random.default_rng(1)
    level = rng.normal(size=200) * 10  # customers differ far more than the models do
    a = level + 0.1 + rng.normal(size=200) * 0.05
    assert paired_bootstrap(a, level, rng=rng).a_wins
    assert not paired_bootstrap(a, rng.permutation(level), rng=rng).a_wins


def test_against_the_normal_interval():
    rng = np.random.default_rng(2)
    gains = rng.normal(0.3, 1, size=2000)
    found = paired_bootstrap(gains, np.zeros(2000), rng=rng, samples=4000)
    half = 1.96 * gains.std() / math.sqrt(2000)
    assert found.low == pytest.approx(gains.mean() - half, abs=0.006)
    assert found.high == pytest.approx(gains.mean() + half, abs=0.006)


def test_intervals_cover_the_truth_about_as_often_as_promised():
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(200):
        gains = rng.normal(0.2, 1, size=60)
        found = paired_bootstrap(gains, np.zeros(60), rng=rng, samples=400, level=0.9)
        covered += found.low <= 0.2 <= found.high
    assert 0.84 <= covered / 200 <= 0.95


def test_swapping_the_models_turns_the_sign():
    rng = np.random.default_rng(4)
    a, b = rng.random(100), rng.random(100)
    one = paired_bootstrap(a, b, rng=np.random.default_rng(9))
    other = paired_bootstrap(b, a, rng=np.random.default_rng(9))
    assert one.difference == pytest.approx(-other.difference)
    assert one.low == pytest.approx(-other.high)


def test_a_seed_repeats():
    a, b = np.random.default_rng(5).random((2, 80))
    assert paired_bootstrap(a, b, rng=np.random.default_rng(1)) == paired_bootstrap(
        a, b, rng=np.random.default_rng(1)
    )


def test_undefined_values_leave_with_a_count():
    a = np.array([1.0, math.nan, 0.0, 1.0])
    b = np.array([0.0, 0.0, math.nan, 1.0])
    found = paired_bootstrap(a, b, rng=np.random.default_rng(0))
    assert (found.customers, found.undefined, found.difference) == (2, 2, 0.5)


@pytest.mark.parametrize("customers", [0, 1])
def test_one_customer_makes_no_interval(customers):
    values = np.ones(customers)
    found = paired_bootstrap(values, values * 0, rng=np.random.default_rng(0))
    assert (found.difference, found.low, found.high) == (None, None, None)
    assert found.mean_a == (1.0 if customers else None)
    assert not found.a_wins


def test_refusals():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="one value a customer"):
        paired_bootstrap(np.ones(2), np.ones(3), rng=rng)
    with pytest.raises(ValueError, match="samples is 10"):
        paired_bootstrap(np.ones(2), np.ones(2), rng=rng, samples=10)
    with pytest.raises(ValueError, match="level 1"):
        paired_bootstrap(np.ones(2), np.ones(2), rng=rng, level=1)
