"""Gamma-gamma: the published figures of the CDNOW sample, what was planted, and what it refuses."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from segments.methods import spend
from segments.methods.purchases import NotFittedError
from segments.methods.spend import Spend
from tests.segments import cdnow


def test_the_cdnow_sample() -> None:
    people = cdnow.summary()
    came_back = people.repeats > 0
    model = spend.fit(people.repeats[came_back], people.mean[came_back])
    assert model.customers == 946
    assert model.p == pytest.approx(6.249, abs=1e-3)
    assert model.q == pytest.approx(3.745, abs=1e-3)
    assert model.v == pytest.approx(15.448, abs=2e-3)
    assert model.population_mean() == pytest.approx(35.17, abs=0.01)
    # The note's weighted mean: somebody with one purchase of 100 is expected at 45 + …
    weight = model.p / (model.p + model.q - 1)
    own = model.expected(np.array([1.0, 0.0]), np.array([100.0, 0.0]))
    assert own == pytest.approx([weight * 100 + (1 - weight) * 35.171, 35.171], rel=1e-4)


def test_planted_parameters_come_back_in_any_unit() -> None:
    rng = np.random.default_rng(8)
    x = rng.integers(1, 9, 8000).astype(float)
    scale = 500.0 / rng.gamma(4.0, 1.0, 8000)  # 1/ν of each customer
    mean = rng.gamma(3.0 * x) * scale / x
    for unit in (1.0, 0.01):
        model = spend.fit(x, mean * unit)
        assert model.logs() == pytest.approx(np.log([3.0, 4.0, 500.0 * unit]), abs=0.1)


def test_the_slope_is_that_of_the_likelihood() -> None:
    rng = np.random.default_rng(2)
    x, mean = rng.integers(1, 9, 40).astype(float), rng.uniform(1, 90, 40)
    weights = rng.integers(1, 4, 40).astype(float)
    levels = np.unique(x, return_inverse=True)
    at = np.array([2.0, 3.0, 15.0])
    _, slope = spend._log_likelihood(at, *levels, mean, weights=weights)
    steps = approx_fprime(at, lambda p: spend._log_likelihood(p, *levels, mean, weights=weights)[0], 1e-7)
    assert slope == pytest.approx(steps, rel=1e-4)


def test_weights_stand_for_customers() -> None:
    people = cdnow.summary()
    some = people.taken(np.flatnonzero(people.repeats > 0)[:300])
    twice = some.taken(np.r_[np.arange(300), np.arange(100)])
    weights = np.r_[np.full(100, 2.0), np.ones(200)]
    one = spend.fit(some.repeats, some.mean, weights=weights)
    two = spend.fit(twice.repeats, twice.mean)
    assert one.logs() == pytest.approx(two.logs(), abs=1e-3)
    assert one.log_likelihood == pytest.approx(two.log_likelihood, abs=1e-4)


def test_without_a_mean_of_all_nothing_is_expected_of_a_newcomer() -> None:
    model = Spend(p=2.0, q=0.9, v=10.0, log_likelihood=0, customers=9)
    assert model.population_mean() is None
    assert np.isnan(model.expected(np.array([0.0]), np.array([0.0]))[0])
    assert model.expected(np.array([1.0]), np.array([30.0]))[0] == pytest.approx(2 * 40 / 1.9)


@pytest.mark.parametrize(
    ("x", "mean", "words"),
    [([0], [5], "at least one"), ([1], [0], "above 0"), ([1, 2], [5], "one length"), ([], [], "one length")],
)
def test_contradictions_are_refused(x: list[float], mean: list[float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        spend.fit(np.array(x, float), np.array(mean, float))


def test_people_who_spend_all_alike_are_no_model() -> None:
    with pytest.raises(NotFittedError, match="no inner maximum"):
        spend.fit(np.full(200, 3.0), np.full(200, 20.0))
