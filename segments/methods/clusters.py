"""Groups of customers who are alike: k-means with the choice of k shown, and a mixture for fuzzy membership.

k-means: Lloyd (1982) with k-means++ (Arthur, Vassilvitskii 2007), by scikit-learn. The choice of k: mean silhouette
(Rousseeuw 1987) on a sample, beside the within-cluster sum of squares. Mixture of Gaussians with diagonal covariances
(Dempster, Laird, Rubin 1977): its posterior is the fuzzy membership.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from sklearn.mixture import GaussianMixture

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
STARTS = 10
SAMPLE = 5_000
"""Rows on which the silhouette is taken: it needs every pair."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How well one number of clusters fits."""

    k: int
    within: float
    """Sum of squared distances to the centre of the own cluster."""
    silhouette: float | None
    """Mean silhouette on a sample, −1 to 1; None where only one cluster has rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clusters:
    """Clusters of rows; cluster 0 is the largest."""

    labels: Labels
    """Cluster of each row, shape (rows,)."""
    centres: Floats
    """In the units of the values given, shape (k, features)."""
    choices: tuple[Choice, ...]
    """All numbers of clusters that were tried; one of best silhouette was taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """Fuzzy membership of rows in groups."""

    membership: Floats
    """Share of each row in each group, shape (rows, k); rows add up to 1."""
    centres: Floats
    bic: float


def kmeans(values: Floats, *, ks: Sequence[int], rng: np.random.Generator) -> Clusters:
    """Return the clusters of `values`, shape (rows, features), for the k of `ks` with the best silhouette.

    Features are standardised; one that is constant counts nothing. With fewer distinct rows than a k, that k is left
    out; raises ValueError when none is left.
    """
    scaled, mean, deviation = _scaled(values)
    distinct = len(np.unique(scaled, axis=0))
    usable = [k for k in ks if 1 <= k <= distinct]
    if not usable:
        raise ValueError(f"{distinct} distinct rows make none of {list(ks)} clusters; give smaller numbers.")
    sample = rng.choice(len(scaled), min(SAMPLE, len(scaled)), replace=False)
    fits, choices = {}, []
    for k in usable:
        fitted = KMeans(k, n_init=STARTS, random_state=int(rng.integers(2**31))).fit(scaled)
        seen = fitted.labels_[sample]
        many = 1 < len(np.unique(seen)) < len(sample)
        silhouette = float(silhouette_score(scaled[sample], seen)) if many else None
        fits[k] = fitted
        choices.append(Choice(k=k, within=float(fitted.inertia_), silhouette=silhouette))
    best = max(
        choices, key=lambda choice: (choice.silhouette is not None, choice.silhouette or 0.0, -choice.k)
    )
    labels, centres = _largest_first(fits[best.k].labels_, fits[best.k].cluster_centers_)
    return Clusters(labels=labels, centres=centres * deviation + mean, choices=tuple(choices))


def mixture(values: Floats, *, k: int, rng: np.random.Generator) -> Mixture:
    """Return the membership of each row of `values`, shape (rows, features), in k groups, the largest first."""
    scaled, mean, deviation = _scaled(values)
    if len(scaled) < k:
        raise ValueError(f"{len(scaled)} rows make no {k} groups; give a smaller number.")
    model = GaussianMixture(
        k, covariance_type="diag", n_init=3, reg_covar=1e-4, random_state=int(rng.integers(2**31))
    ).fit(scaled)
    membership = model.predict_proba(scaled)
    order = np.argsort(-membership.sum(axis=0), kind="stable")
    return Mixture(
        membership=membership[:, order],
        centres=model.means_[order] * deviation + mean,
        bic=float(model.bic(scaled)),
    )


def _scaled(values: Floats) -> tuple[Floats, Floats, Floats]:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or not len(values) or not np.isfinite(values).all():
        raise ValueError(
            f"Values of shape {values.shape} must be a table of finite numbers with at least one row."
        )
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    return (values - mean) / deviation, mean, deviation


def _largest_first(labels: NDArray[np.int32], centres: Floats) -> tuple[Labels, Floats]:
    order = np.argsort(-np.bincount(labels, minlength=len(centres)), kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return place[labels].astype(np.int64), centres[order]
