"""Components, factors and clusters of variables: figures from the literature, planted blocks, and refusals."""

from itertools import combinations

import numpy as np
import pytest
from sklearn.datasets import load_iris, load_wine

from segments.methods import reduction

IRIS, WINE = load_iris(), load_wine()


def test_components_of_iris_by_covariance() -> None:
    found = reduction.components(IRIS.data, names=IRIS.feature_names, standardise=False)
    assert found.eigenvalues == pytest.approx([4.2282, 0.2427, 0.0782, 0.0238], abs=5e-5)
    assert found.cumulative[:3] == pytest.approx([0.9246, 0.9777, 0.9948], abs=5e-5)
    assert found.contribution.sum() == pytest.approx(1)


@pytest.mark.parametrize("standardise", [True, False])
def test_loadings_are_correlations_with_the_component_scores(standardise: bool) -> None:
    found = reduction.components(WINE.data, names=WINE.feature_names, standardise=standardise)
    centred = WINE.data - WINE.data.mean(axis=0)
    scaled = centred / WINE.data.std(axis=0, ddof=1) if standardise else centred
    _, _, axes = np.linalg.svd(scaled, full_matrices=False)
    scores = scaled @ axes.T
    for place in range(3):
        expected = [np.corrcoef(WINE.data[:, column], scores[:, place])[0, 1] for column in range(13)]
        assert np.abs(found.loadings[:, place]) == pytest.approx(np.abs(expected), abs=1e-8)


def test_every_component_points_where_its_largest_vector_entry_is_positive() -> None:
    found = reduction.components(WINE.data, names=WINE.feature_names)
    largest = np.abs(found.loadings).argmax(axis=0)
    assert (found.loadings[largest, np.arange(13)] > 0).all()


def test_communalities_of_wine_by_maximum_likelihood() -> None:
    found = reduction.factors(WINE.data, names=WINE.feature_names, count=3)
    assert found.communalities[:6] == pytest.approx(
        [0.6125, 0.2735, 0.4784, 0.9272, 0.1628, 0.8014], abs=1e-3
    )
    assert found.converged
    explained = (found.loadings**2).sum(axis=0)
    assert (np.diff(explained) <= 0).all()
    assert (found.loadings.sum(axis=0) > 0).all()


def test_varimax_is_at_its_maximum() -> None:
    """No turn of two factors in their plane makes the variance of the squared loadings larger."""
    loadings = reduction.factors(WINE.data, names=WINE.feature_names, count=3).loadings

    def simplicity(found: np.ndarray) -> float:
        return float((found**2).var(axis=0).sum())

    best = simplicity(loadings)
    for first, second in combinations(range(3), 2):
        for angle in (-0.2, -0.05, 0.05, 0.2):
            turn = np.eye(3)
            turn[[first, second], [first, second]] = np.cos(angle)
            turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
            assert simplicity(loadings @ turn) < best


def test_factors_need_correlations_only_and_not_how_many_rows_there_are() -> None:
    once = reduction.factors(WINE.data, names=WINE.feature_names, count=2)
    many = reduction.factors(np.tile(WINE.data, (5, 1)) * 3 + 7, names=WINE.feature_names, count=2)
    assert many.loadings == pytest.approx(once.loadings, abs=1e-4)


def blocks(inner: float, between: float) -> tuple[np.ndarray, list[str]]:
    """Three blocks of four, three and two variables; every other variable counts downwards."""
    of = np.repeat([0, 1, 2], [4, 3, 2])
    found = np.where(of[:, None] == of[None, :], inner, between)
    np.fill_diagonal(found, 1.0)
    sign = np.where(np.arange(9) % 2, -1, 1)
    return found * np.outer(sign, sign), [f"v{number}" for number in range(9)]


def test_three_planted_blocks_come_back() -> None:
    correlation, names = blocks(0.85, 0.2)
    order = np.random.default_rng(4).permutation(9)
    found = reduction.variable_clusters(
        correlation[np.ix_(order, order)], names=[names[each] for each in order]
    )
    assert {frozenset(each.names) for each in found} == {
        frozenset(names[:4]), frozenset(names[4:7]), frozenset(names[7:])
    }  # fmt: skip
    assert [each.mean_correlation for each in found] == pytest.approx([0.85] * 3)
    assert all(each.representative in each.names for each in found)


def test_the_representative_goes_most_with_the_others() -> None:
    correlation = np.array([[1, 0.95, 0.75], [0.95, 1, 0.9], [0.75, 0.9, 1]])
    (found,) = reduction.variable_clusters(correlation, names=["a", "b", "c"])
    assert found.representative == "b"
    assert found.mean_correlation == pytest.approx((0.95 + 0.75 + 0.9) / 3)


def test_a_single_variable_is_a_cluster_without_a_correlation() -> None:
    (found,) = reduction.variable_clusters(np.ones((1, 1)), names=["a"])
    assert (found.names, found.representative, found.mean_correlation) == (("a",), "a", None)


def test_repeats_leave_the_earlier_one() -> None:
    correlation = np.array([[1, -0.97, 0.2], [-0.97, 1, 0.2], [0.2, 0.2, 1]])
    assert reduction.without_repeats(correlation, names=["a", "b", "c"]) == ([0, 2], {"b": "a"})


def test_what_cannot_be_reduced_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'b' is the same in every row"):
        reduction.components(np.array([[1, 5.0], [2, 5.0]]), names=["a", "b"])
    with pytest.raises(ValueError, match="must be finite"):
        reduction.components(np.array([[1, np.nan], [2, 5.0]]), names=["a", "b"])
    with pytest.raises(ValueError, match="fewer than 2 rows"):
        reduction.components(np.array([[1.0, 5.0]]), names=["a", "b"])
    with pytest.raises(ValueError, match="2 factors of 2 variables"):
        reduction.factors(np.eye(2), names=["a", "b"], count=2)
    with pytest.raises(ValueError, match="finite square"):
        reduction.variable_clusters(np.array([[1, np.nan], [np.nan, 1]]), names=["a", "b"])
