"""Logistic regression as a statistician reads it: known figures, and what cannot be fitted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from statsmodels.datasets import spector

from segments.methods import logit

NAMES = ("GPA", "TUCE", "PSI")


@pytest.fixture(scope="module")
def grades() -> tuple[np.ndarray, np.ndarray]:
    """Spector and Mazzeo (1980): 32 students, whether a grade improved."""
    data = spector.load_pandas()
    return data.exog[list(NAMES)].to_numpy(), data.endog.to_numpy().astype(bool)


def test_golden_figures(grades: tuple[np.ndarray, np.ndarray]) -> None:
    found = logit.fit(*grades, names=NAMES)
    estimates = [each.estimate for each in found.coefficients]
    assert estimates == pytest.approx([-13.0213, 2.8261, 0.0952, 2.3787], abs=5e-5)
    assert [each.name for each in found.coefficients] == ["constant", *NAMES]
    assert found.likelihood_ratio.statistic == pytest.approx(15.4042, abs=5e-5)
    assert found.score.statistic == pytest.approx(13.3088, abs=5e-5)
    assert found.wald.statistic == pytest.approx(8.3763, abs=5e-5)
    assert {each.degrees for each in (found.likelihood_ratio, found.score, found.wald)} == {3}
    assert (found.aic, found.sbc) == (pytest.approx(33.7793, abs=5e-5), pytest.approx(39.6422, abs=5e-5))
    assert found.pairs.c == pytest.approx(0.8831, abs=5e-5)
    assert found.pairs.total == 11 * 21
    assert (found.rows, found.positives) == (32, 11)


def test_a_subset_is_tested_by_leaving_it_out(grades: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = grades
    whole, without = logit.fit(x, y, names=NAMES), logit.fit(x[:, :1], y, names=NAMES[:1])
    found = logit.subset_test(x, y, names=NAMES, subset=("TUCE", "PSI"))
    assert found.statistic == pytest.approx(2 * (whole.log_likelihood - without.log_likelihood))
    assert found.degrees == 2
    everything = logit.subset_test(x, y, names=NAMES, subset=NAMES)
    assert everything.statistic == pytest.approx(whole.likelihood_ratio.statistic)
    with pytest.raises(ValueError, match="must name features"):
        logit.subset_test(x, y, names=NAMES, subset=("AGE",))


def test_chances_are_those_of_the_coefficients(grades: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = grades
    found = logit.fit(x, y, names=NAMES)
    assert found.chances(x).sum() == pytest.approx(y.sum()), "the score equation of the constant"
    assert roc_auc_score(y, found.chances(x)) == pytest.approx(found.pairs.c)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=25))
def test_pairs_are_those_counted_one_by_one(rows: list[tuple[int, bool]]) -> None:
    chances = np.array([row[0] / 4 for row in rows])
    yes = np.array([row[1] for row in rows])
    compared = [np.sign(a - b) for a in chances[yes] for b in chances[~yes]]
    found = logit.pairs(chances, yes)
    assert (found.concordant, found.discordant, found.tied) == (
        compared.count(1), compared.count(-1), compared.count(0),
    )  # fmt: skip
    assert (found.c is None) == (not compared)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x, y: (x, np.ones_like(y)), "All 32 responses are yes"),
        (lambda x, y: (np.column_stack([x[:, :2], np.ones(32)]), y), "'PSI' is the same for everybody"),
        (lambda x, y: (np.column_stack([x[:, :2], x[:, 0] * 2]), y), "only 2 independent"),
        (lambda x, y: (np.where(x > 3.9, np.nan, x), y), "missing or infinite"),
        (lambda x, y: (np.column_stack([x[:, :2], y * 5.0]), y), "without a mistake"),
    ],
)
def test_what_has_no_solution_says_why(
    grades: tuple[np.ndarray, np.ndarray], change: object, words: str
) -> None:
    with pytest.raises(logit.NotFittedError, match=words):
        logit.fit(*change(*grades), names=NAMES)  # type: ignore[operator]
