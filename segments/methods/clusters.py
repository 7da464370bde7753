"""Groups of customers who are alike: k-means with the choice of k shown, and a mixture for fuzzy membership.

All values are standardised variables (`variables.py`), shape (rows, variables).

k-means: Lloyd (1982) with k-means++ (Arthur, Vassilvitskii 2007), by scikit-learn. The choice of k: mean silhouette
(Rousseeuw 1987) on a sample; beside it the within-cluster sum of squares and the gap statistic (Tibshirani, Walther,
Hastie 2001). Mixture of Gaussians with diagonal covariances (Dempster, Laird, Rubin 1977), begun at the centres of
k-means: its posterior is the fuzzy membership. Clusters keep their numbers from night to night: `matched` pairs centres
at the least sum of distances (Kuhn 1955).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist, pdist
from scipy.special import logsumexp
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from sklearn.mixture import GaussianMixture

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
STARTS: Final = 5
SAMPLE: Final = 3_000
"""Rows on which silhouette and gap are taken: they need every pair, or many fits."""
FIT_ROWS: Final = 50_000
"""Rows from which centres and mixtures are learnt; all others are given to them."""
CLEARLY: Final = 0.05
"""By so much another number of clusters must have a better silhouette before it takes the place of the last one."""
REFERENCES: Final = 10
"""Tables without clusters that the gap compares with."""
LEAST_VARIANCE: Final = 0.05
"""Added to the variances of the mixture: without it a variable that is 0 for a whole cluster would decide alone."""
BLOCK: Final = 100_000
"""Rows given to centres at once, which bounds the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How well one number of clusters fits."""

    k: int
    within: float
    """Mean squared distance to the centre of the own cluster."""
    silhouette: float | None
    """Mean silhouette on a sample, −1 to 1; None where only one cluster has rows."""
    gap: float | None
    """How far log(within) is below that of tables without clusters; None where within is 0."""
    gap_error: float | None
    """Its standard error by simulation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clusters:
    """Clusters of rows; cluster 0 is the largest."""

    centres: Floats
    """Shape (k, variables)."""
    choices: tuple[Choice, ...]
    """All numbers of clusters that were tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """A mixture of Gaussians; component i belongs to cluster i."""

    weights: Floats
    """Shape (k,), sum 1."""
    means: Floats
    """Shape (k, variables)."""
    variances: Floats
    """Shape (k, variables)."""
    bic: float
    """−2 log-likelihood + parameters × log(rows), of the rows that it was learnt from."""


def kmeans(
    values: Floats, *, ks: Sequence[int], rng: np.random.Generator, before: Floats | None = None
) -> Clusters:
    """Return the clusters of `values` for the k of `ks` with the best silhouette, the smaller one of equals.

    `before` are the centres of the last time, in the same variables: the search for their number begins from them,
    and their number stays unless the silhouette of another is higher by more than CLEARLY. With fewer distinct rows
    than a k, that k is left out; raises ValueError when none is left.
    """
    values = _sampled(_checked(values), FIT_ROWS, rng)
    distinct = len(np.unique(values, axis=0))
    usable = [k for k in ks if 1 <= k <= distinct]
    if not usable:
        raise ValueError(f"{distinct} distinct rows make none of {list(ks)} clusters; give smaller numbers.")
    sample = _sampled(values, SAMPLE, rng)
    references = [_without_clusters(sample, rng) for _ in range(REFERENCES)]
    fits, choices = {}, []
    for k in usable:
        seed = int(rng.integers(2**31))
        begun = before is not None and len(before) == k
        fitted = KMeans(
            k, init=before if begun else "k-means++", n_init=1 if begun else STARTS, random_state=seed
        ).fit(values)
        seen = nearest(sample, fitted.cluster_centers_)
        many = 1 < len(np.unique(seen)) < len(sample)
        gap, gap_error = _gap(sample, references, k, rng)
        fits[k] = fitted
        choices.append(
            Choice(
                k=k, within=float(fitted.inertia_) / len(values), gap=gap, gap_error=gap_error,
                silhouette=float(silhouette_score(sample, seen)) if many else None,
            )
        )  # fmt: skip
    best = max(choices, key=_rank)
    kept = next((each for each in choices if before is not None and each.k == len(before)), None)
    if kept is not None and kept.silhouette is not None and _rank(best)[1] <= kept.silhouette + CLEARLY:
        best = kept
    fitted = fits[best.k]
    order = np.argsort(-np.bincount(fitted.labels_, minlength=best.k), kind="stable")
    return Clusters(
        centres=np.asarray(fitted.cluster_centers_[order], dtype=np.float64), choices=tuple(choices)
    )


def _rank(choice: Choice) -> tuple[bool, float, int]:
    return choice.silhouette is not None, choice.silhouette or 0.0, -choice.k


def nearest(values: Floats, centres: Floats) -> Labels:
    """Return the number of the centre that is nearest to each row, shape (rows,)."""
    blocks = [values[start : start + BLOCK] for start in range(0, len(values), BLOCK)]
    found = [cdist(block, centres, "sqeuclidean").argmin(axis=1) for block in blocks]
    return np.concatenate([np.empty(0, dtype=np.int64), *found]).astype(np.int64)


def mixture(values: Floats, *, centres: Floats, rng: np.random.Generator) -> Mixture:
    """Return a mixture with a component for each of `centres`, begun there and paired with them again afterwards.

    Raises ValueError for fewer rows than centres.
    """
    values = _sampled(_checked(values), FIT_ROWS, rng)
    if len(values) < max(len(centres), 2):
        raise ValueError(f"{len(values)} rows make no {len(centres)} groups; give fewer centres.")
    model = GaussianMixture(
        len(centres), covariance_type="diag", means_init=centres, reg_covar=LEAST_VARIANCE,
        max_iter=200, random_state=int(rng.integers(2**31)),
    ).fit(values)  # fmt: skip
    _, order = linear_sum_assignment(cdist(centres, model.means_))
    return Mixture(
        weights=np.asarray(model.weights_[order]), means=np.asarray(model.means_[order]),
        variances=np.asarray(model.covariances_[order]), bic=float(model.bic(values)),
    )  # fmt: skip


def membership(values: Floats, model: Mixture) -> Floats:
    """Return the share of each row in each component, shape (rows, k); rows add up to 1.

    The posterior π_i N(x; μ_i, σ²_i) / Σ_j π_j N(x; μ_j, σ²_j).
    """
    found = [np.empty((0, len(model.weights)))]
    constant = np.log(model.weights) - 0.5 * np.log(2 * np.pi * model.variances).sum(axis=1)
    for start in range(0, len(values), BLOCK):
        away = values[start : start + BLOCK, None, :] - model.means
        logs = constant - 0.5 * (away**2 / model.variances).sum(axis=2)
        found.append(np.exp(logs - logsumexp(logs, axis=1, keepdims=True)))
    return np.concatenate(found)


def matched(centres: Floats, before: Floats, *, close: float = 0.5) -> list[int | None]:
    """Return which of the centres `before` each of `centres` goes on from; None for a new one.

    Each centre of before is given once, so that the distances add up to the least. A pair farther apart than `close`
    times the median distance among the centres of before (among the new ones, if there was one only) is none.
    """
    if not len(before) or not len(centres):
        return [None] * len(centres)
    apart = pdist(before) if len(before) > 1 else pdist(centres)
    limit = close * float(np.median(apart)) if len(apart) else np.inf
    distances = cdist(centres, before)
    found: list[int | None] = [None] * len(centres)
    for row, column in zip(*linear_sum_assignment(distances), strict=True):
        if distances[row, column] <= limit:
            found[int(row)] = int(column)
    return found


def distinctive(means: Floats, *, least: float = 0.25, most: int = 3) -> list[list[int]]:
    """Return for each cluster the variables in which it differs most from everybody, the strongest first.

    `means` are those of standardised variables, shape (k, variables), so that they count standard deviations from
    everybody's mean; below `least` of them a variable is not named.
    """
    found = []
    for mean in means:
        order = np.argsort(-np.abs(mean), kind="stable")[:most]
        found.append([int(each) for each in order if abs(mean[each]) >= least])
    return found


def _gap(
    sample: Floats, references: Sequence[Floats], k: int, rng: np.random.Generator
) -> tuple[float | None, float | None]:
    """Return mean(log within of the references) − log within of the sample, and its error; None where one is 0."""
    if k > len(sample):
        return None, None
    own = _within(sample, k, rng)
    others = np.array([_within(each, k, rng) for each in references])
    if own <= 0 or (others <= 0).any():
        return None, None
    logs = np.log(others)
    return float(logs.mean() - np.log(own)), float(logs.std() * np.sqrt(1 + 1 / len(logs)))


def _within(values: Floats, k: int, rng: np.random.Generator) -> float:
    return float(KMeans(k, n_init=1, random_state=int(rng.integers(2**31))).fit(values).inertia_)


def _without_clusters(values: Floats, rng: np.random.Generator) -> Floats:
    """Return as many rows, uniform over the box of the values along their principal axes."""
    mean = values.mean(axis=0)
    _, _, axes = np.linalg.svd(values - mean, full_matrices=False)
    turned = (values - mean) @ axes.T
    drawn = rng.uniform(turned.min(axis=0), turned.max(axis=0), size=turned.shape)
    return np.asarray(drawn @ axes + mean)


def _sampled(values: Floats, most: int, rng: np.random.Generator) -> Floats:
    if len(values) <= most:
        return values
    return np.asarray(values[np.sort(rng.choice(len(values), most, replace=False))])


def _checked(values: Floats) -> Floats:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or not values.size or not np.isfinite(values).all():
        raise ValueError(
            f"Values of shape {values.shape} must be a table of finite numbers with a row and a variable at least."
        )
    return values
