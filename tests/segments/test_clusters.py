"""Clusters: planted groups come back, keep their numbers, and membership is the posterior."""

from collections.abc import Iterator

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from segments.methods import clusters

CENTRES = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]])
SIZES = [200, 120, 80]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with threadpool_limits(limits=1):
        yield


def planted(seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(3), SIZES)
    order = rng.permutation(len(group))
    return (CENTRES[group] + rng.normal(scale=0.7, size=(len(group), 2)))[order], group[order]


def test_planted_groups_come_back_the_largest_first() -> None:
    values, group = planted()
    found = clusters.kmeans(values, ks=range(2, 6), rng=np.random.default_rng(2))
    assert found.centres == pytest.approx(CENTRES, abs=0.3)
    assert adjusted_rand_score(group, clusters.nearest(values, found.centres)) > 0.99


def test_the_choice_of_k_is_shown() -> None:
    values, _ = planted()
    choices = clusters.kmeans(values, ks=range(1, 6), rng=np.random.default_rng(2)).choices
    assert [each.k for each in choices] == [1, 2, 3, 4, 5]
    assert choices[0].silhouette is None
    within = [each.within for each in choices]
    assert within == sorted(within, reverse=True)
    assert within[0] == pytest.approx(((values - values.mean(axis=0)) ** 2).sum() / len(values))
    assert max(choices[1:], key=lambda each: each.silhouette or -1).k == 3
    assert max(choices, key=lambda each: each.gap or -1).k == 3
    assert all(0 < (each.gap_error or 0) < 0.2 for each in choices)


def test_membership_is_the_posterior_of_the_mixture() -> None:
    values, group = planted()
    model = clusters.mixture(values, centres=CENTRES, rng=np.random.default_rng(3))
    found = clusters.membership(values, model)
    densities = np.array(
        [
            weight * norm.pdf(values, mean, np.sqrt(variance)).prod(axis=1)
            for weight, mean, variance in zip(model.weights, model.means, model.variances, strict=True)
        ]
    ).T
    assert found == pytest.approx(densities / densities.sum(axis=1, keepdims=True), abs=1e-9)
    assert found.sum(axis=1) == pytest.approx(np.ones(len(values)))
    assert (found.argmax(axis=1) == group).mean() > 0.99
    assert model.weights == pytest.approx(np.array(SIZES) / sum(SIZES), abs=0.02)


def test_between_two_groups_membership_is_shared() -> None:
    values, _ = planted()
    model = clusters.mixture(values, centres=CENTRES, rng=np.random.default_rng(3))
    line = np.column_stack([np.linspace(0, 6, 601), np.zeros(601)])
    shares = clusters.membership(line, model)[:, 0]
    assert shares[0] > 0.99 > 0.01 > shares[-1]
    assert ((shares > 0.1) & (shares < 0.9)).any()


def test_components_stay_with_their_centres_in_any_order() -> None:
    values, _ = planted()
    turned = clusters.mixture(values, centres=CENTRES[[2, 0, 1]], rng=np.random.default_rng(3))
    assert turned.means == pytest.approx(CENTRES[[2, 0, 1]], abs=0.3)


def test_clusters_go_on_under_their_numbers_from_night_to_night() -> None:
    before = clusters.kmeans(planted(1)[0], ks=[3], rng=np.random.default_rng(1)).centres
    now = clusters.kmeans(planted(9)[0], ks=[3], rng=np.random.default_rng(8)).centres
    assert clusters.matched(now[[2, 0, 1]], before) == [2, 0, 1]


def test_a_cluster_far_from_all_before_is_new() -> None:
    assert clusters.matched(np.array([[0.1, 0.0], [40.0, 40.0]]), CENTRES) == [0, None]
    assert clusters.matched(CENTRES, CENTRES[:2]) == [0, 1, None]
    assert clusters.matched(CENTRES, np.empty((0, 2))) == [None, None, None]


def test_what_sets_a_cluster_apart_is_named_strongest_first() -> None:
    means = np.array([[0.3, -1.2, 0.1, 0.9], [0.0, 0.1, -0.2, 0.24]])
    assert clusters.distinctive(means) == [[1, 3, 0], []]


def test_rows_given_in_blocks_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    values, _ = planted()
    model = clusters.mixture(values, centres=CENTRES, rng=np.random.default_rng(3))
    whole = clusters.nearest(values, CENTRES), clusters.membership(values, model)
    monkeypatch.setattr(clusters, "BLOCK", 7)
    assert (clusters.nearest(values, CENTRES) == whole[0]).all()
    assert (clusters.membership(values, model) == whole[1]).all()
    assert len(clusters.nearest(np.empty((0, 2)), CENTRES)) == 0


def test_too_few_rows_are_refused() -> None:
    same = np.ones((5, 2))
    with pytest.raises(ValueError, match="1 distinct rows make none of"):
        clusters.kmeans(same, ks=[2, 3], rng=np.random.default_rng(1))
    with pytest.raises(ValueError, match="2 rows make no 3 groups"):
        clusters.mixture(same[:2], centres=CENTRES, rng=np.random.default_rng(1))
    with pytest.raises(ValueError, match="finite numbers"):
        clusters.kmeans(np.array([[np.nan, 1.0]]), ks=[1], rng=np.random.default_rng(1))
    one = clusters.kmeans(same[:1], ks=[1, 2], rng=np.random.default_rng(1))
    assert [(each.k, each.silhouette, each.gap) for each in one.choices] == [(1, None, None)]
