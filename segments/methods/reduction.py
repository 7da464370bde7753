"""Fewer variables that say nearly the same: principal components, orthogonal factors, clusters of variables.

Principal components: Jolliffe (2002), “Principal Component Analysis”. Factors: maximum
likelihood (Lawley, Maxwell 1971) by scikit-learn's FactorAnalysis, turned by varimax (Kaiser 1958). Clusters of
variables: average linkage on 1 − |r| (Hastie, Tibshirani, Friedman 2009, 14.3.12), a representative being the variable
most correlated with its cluster.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from sklearn.decomposition import FactorAnalysis
from sklearn.exceptions import ConvergenceWarning

Floats = NDArray[np.float64]
FACTOR_STEPS: Final = 5_000
FACTOR_CLOSE: Final = 1e-10
"""Gain of log-likelihood at which the search for factors ends."""
CLOSE: Final = 0.7
"""Mean |r| from which variables count as saying nearly the same."""
REPEATED: Final = 0.95
"""|r| above which one of two variables is left out of the factors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """Principal components; rows of `loadings` are variables, columns components."""

    names: tuple[str, ...]
    eigenvalues: Floats
    loadings: Floats
    """Correlation of each variable with each component."""

    @property
    def contribution(self) -> Floats:
        """Share of the variance of all variables that each component explains."""
        return np.asarray(self.eigenvalues / self.eigenvalues.sum())

    @property
    def cumulative(self) -> Floats:
        """Share explained by each component and those before it."""
        return np.asarray(np.cumsum(self.contribution))


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """Orthogonal factors of standardised variables; rows of `loadings` are variables, columns factors."""

    names: tuple[str, ...]
    loadings: Floats
    converged: bool
    """Whether the likelihood stopped rising; where it did not, a variable is mostly explained as a whole."""

    @property
    def communalities(self) -> Floats:
        """Share of each variable's variance that the factors explain together."""
        return np.asarray((self.loadings**2).sum(axis=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableCluster:
    """Variables that say nearly the same, and the one to keep."""

    names: tuple[str, ...]
    representative: str
    mean_correlation: float | None
    """Mean |r| between its variables; None for a single one."""


def components(values: Floats, *, names: Sequence[str], standardise: bool = True) -> Components:
    """Return the principal components of `values`, shape (rows, variables), largest first.

    Of the correlation matrix, or with `standardise` off of the covariance matrix (divisor rows − 1): right where all
    variables have one unit. Each component points where its largest loading is positive.
    """
    values = _checked(values, names)
    spread = values.std(axis=0, ddof=1)
    scaled = values / spread if standardise else values
    eigenvalues, vectors = np.linalg.eigh(np.atleast_2d(np.cov(scaled, rowvar=False)))
    order = np.argsort(eigenvalues)[::-1]
    eigenvalues, vectors = np.clip(eigenvalues[order], 0, None), vectors[:, order]
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])])
    deviation = np.ones(len(spread)) if standardise else spread
    loadings = vectors * np.sqrt(eigenvalues) / deviation[:, None]
    return Components(names=tuple(names), eigenvalues=eigenvalues, loadings=loadings)


def factors(values: Floats, *, names: Sequence[str], count: int) -> Factors:
    """Return `count` orthogonal factors of `values`, shape (rows, variables), turned by varimax.

    Raises ValueError where there are not more variables than factors.
    """
    if not 0 < count < len(names):
        raise ValueError(
            f"{count} factors of {len(names)} variables: give at least one factor and more variables."
        )
    # The likelihood needs the correlations alone: a few rows that have the same stand for any number of customers.
    few = _rows_with(np.atleast_2d(np.corrcoef(_checked(values, names), rowvar=False)))
    model = FactorAnalysis(
        n_components=count, rotation="varimax", svd_method="lapack", tol=FACTOR_CLOSE, max_iter=FACTOR_STEPS
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # told in the answer
        loadings = model.fit(few).components_.T
    order = np.argsort((loadings**2).sum(axis=0))[::-1]
    loadings = loadings[:, order]
    return Factors(
        names=tuple(names),
        loadings=loadings * np.where(loadings.sum(axis=0) < 0, -1, 1),
        converged=model.n_iter_ < FACTOR_STEPS,
    )


def without_repeats(
    correlation: Floats, *, names: Sequence[str], most: float = REPEATED
) -> tuple[list[int], dict[str, str]]:
    """Return the places of the variables to keep, and for each other one the kept one that says the same.

    Factors of variables that repeat each other explain the repetition and nothing else. The earlier one is kept.
    """
    strength = np.abs(np.asarray(correlation, dtype=np.float64))
    kept: list[int] = []
    repeats: dict[str, str] = {}
    for place, name in enumerate(names):
        same = next((each for each in kept if strength[each, place] > most), None)
        if same is None:
            kept.append(place)
        else:
            repeats[name] = names[same]
    return kept, repeats


def variable_clusters(
    correlation: Floats, *, names: Sequence[str], close: float = CLOSE
) -> list[VariableCluster]:
    """Return clusters of variables from their correlation matrix, shape (variables, variables), in order of names.

    Variables end in one cluster when their mean |r| is at least `close`.
    """
    strength = np.abs(np.asarray(correlation, dtype=np.float64))
    if strength.shape != (len(names), len(names)) or not np.isfinite(strength).all():
        raise ValueError(f"The correlations of {len(names)} variables must be a finite square of that size.")
    if len(names) == 1:
        return [VariableCluster(names=tuple(names), representative=names[0], mean_correlation=None)]
    distance = np.clip(1 - (strength + strength.T) / 2, 0, None)
    np.fill_diagonal(distance, 0)
    labels = fcluster(linkage(squareform(distance, checks=False), "average"), 1 - close, "distance")
    found = {}
    for label in dict.fromkeys(labels.tolist()):
        members = np.flatnonzero(labels == label)
        inner = strength[np.ix_(members, members)]
        best = int(members[inner.sum(axis=1).argmax()])
        pairs = inner[np.triu_indices(len(members), 1)]
        found[label] = VariableCluster(
            names=tuple(names[int(member)] for member in members), representative=names[best],
            mean_correlation=float(pairs.mean()) if len(pairs) else None,
        )  # fmt: skip
    return list(found.values())


def _rows_with(correlation: Floats) -> Floats:
    """Return rows of mean 0, shape (2 × variables, variables), with the correlations as covariances (divisor rows)."""
    eigenvalues, vectors = np.linalg.eigh(correlation)
    root = (vectors * np.sqrt(np.clip(eigenvalues, 0, None))) @ vectors.T
    half = root * np.sqrt(len(root))
    return np.vstack([half, -half])


def _checked(values: Floats, names: Sequence[str]) -> Floats:
    """Return the values as floats; raise ValueError where they do not match, lack something, or do not vary."""
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(names) or len(values) < 2:
        raise ValueError(
            f"Values of shape {values.shape} do not match {len(names)} names, or have fewer than 2 rows."
        )
    if not np.isfinite(values).all():
        raise ValueError("Values must be finite; fill or leave out what is missing.")
    flat = np.flatnonzero(np.ptp(values, axis=0) == 0)
    if len(flat):
        raise ValueError(f"The variable {names[int(flat[0])]!r} is the same in every row; leave it out.")
    return values
