"""Logistic regression as a statistician reports it.

The model is fitted by statsmodels (maximum likelihood, Newton); this module adds the three global tests (likelihood
ratio, score, Wald), the likelihood-ratio test of a chosen subset, and the association of predicted chances and observed
responses. Formulas: Hosmer, Lemeshow, Sturdivant (2013), “Applied Logistic Regression”, chapters 1, 2 and 5; the pairs
as in Somers (1962). Undefined numbers are None with a reason.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, norm
from statsmodels.api import Logit
from statsmodels.tools.sm_exceptions import (
    ConvergenceWarning,
    PerfectSeparationError,
    PerfectSeparationWarning,
)

Floats = NDArray[np.float64]
CONSTANT = "constant"
MOST_STEPS = 100


class NotFittedError(ValueError):
    """The regression has no finite solution; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficient:
    """One row of the table of estimates."""

    name: str
    estimate: float
    """Change of the logarithm of the odds for one unit more."""
    error: float
    """Standard error."""
    wald: float
    """(estimate / error)², chi-square with one degree of freedom under “no effect”."""
    p: float
    odds_ratio: float
    low: float
    """Bounds of the 95 % interval of the odds ratio."""
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """A chi-square test."""

    statistic: float
    degrees: int
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """All pairs of one who responded and one who did not, by whose predicted chance is higher."""

    concordant: int
    discordant: int
    tied: int

    @property
    def total(self) -> int:
        """All pairs."""
        return self.concordant + self.discordant + self.tied

    @property
    def c(self) -> float | None:
        """Share of concordant pairs, ties counted half: the area under the ROC curve; None without a pair."""
        return (self.concordant + self.tied / 2) / self.total if self.total else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A fitted regression and everything that is said about it."""

    coefficients: tuple[Coefficient, ...]
    rows: int
    positives: int
    log_likelihood: float
    log_likelihood_null: float
    likelihood_ratio: Test
    score: Test
    wald: Test
    """The three tests of “all coefficients but the constant are zero”."""
    aic: float
    sbc: float
    """Schwarz's criterion: −2 ln L + k ln n."""
    pairs: Pairs

    def chances(self, features: Floats) -> Floats:
        """Return the predicted chance of each row of `features`, shape (rows, features without constant)."""
        beta = np.array([each.estimate for each in self.coefficients])
        return np.asarray(1 / (1 + np.exp(-(beta[0] + np.asarray(features) @ beta[1:]))))


def fit(features: Floats, responses: NDArray[np.bool_], *, names: Sequence[str]) -> Report:
    """Return the regression of the responses, shape (rows,), on the features, shape (rows, features).

    A constant is added and comes first. Raises NotFittedError where responses are all alike, features are linearly
    dependent (a constant column is), or separate the responses perfectly.
    """
    x = np.asarray(features, dtype=np.float64)
    y = np.asarray(responses, dtype=np.float64)
    if x.ndim != 2 or len(x) != len(y) or x.shape[1] != len(names):
        raise ValueError(
            f"Features of shape {x.shape} with {len(names)} names and {len(y)} responses do not match."
        )
    _check(x, y, names)
    design = np.column_stack([np.ones(len(y)), x])
    result = _maximise(design, y, names)
    beta, covariance = np.asarray(result.params), np.asarray(result.cov_params())
    error = np.sqrt(np.diag(covariance))
    z = norm.ppf(0.975)
    with np.errstate(over="ignore"):
        coefficients = tuple(
            Coefficient(
                name=name, estimate=float(b), error=float(e), wald=float((b / e) ** 2),
                p=float(chi2.sf((b / e) ** 2, 1)), odds_ratio=float(np.exp(b)), low=float(np.exp(b - z * e)),
                high=float(np.exp(b + z * e)),
            )
            for name, b, e in zip((CONSTANT, *names), beta, error, strict=True)
        )  # fmt: skip
    mean = y.mean()
    null = float(len(y) * (mean * np.log(mean) + (1 - mean) * np.log(1 - mean)))
    degrees = x.shape[1]
    return Report(
        coefficients=coefficients,
        rows=len(y),
        positives=int(y.sum()),
        log_likelihood=float(result.llf),
        log_likelihood_null=null,
        likelihood_ratio=_test(2 * (result.llf - null), degrees),
        score=_test(_score(x, y), degrees),
        wald=_test(float(beta[1:] @ np.linalg.solve(covariance[1:, 1:], beta[1:])), degrees),
        aic=float(-2 * result.llf + 2 * len(beta)),
        sbc=float(-2 * result.llf + len(beta) * np.log(len(y))),
        pairs=pairs(np.asarray(result.predict(design)), y.astype(bool)),
    )


def subset_test(
    features: Floats, responses: NDArray[np.bool_], *, names: Sequence[str], subset: Sequence[str]
) -> Test:
    """Return the likelihood-ratio test of “the coefficients of the subset are all zero”.

    Raises ValueError for a name that is no feature or an empty subset.
    """
    unknown = sorted(set(subset) - set(names))
    if unknown or not subset:
        raise ValueError(f"The subset {list(subset)} must name features; they are {', '.join(names)}.")
    kept = [index for index, name in enumerate(names) if name not in subset]
    full = fit(features, responses, names=names)
    if not kept:
        return full.likelihood_ratio
    small = fit(np.asarray(features)[:, kept], responses, names=[names[index] for index in kept])
    return _test(2 * (full.log_likelihood - small.log_likelihood), len(names) - len(kept))


def pairs(chances: Floats, responses: NDArray[np.bool_]) -> Pairs:
    """Return how the pairs of a positive and a negative row agree, by sorting: no loop over pairs."""
    positive, negative = np.sort(chances[responses]), np.sort(chances[~responses])
    below = int(np.searchsorted(negative, positive, side="left").sum())
    upto = int(np.searchsorted(negative, positive, side="right").sum())
    return Pairs(concordant=below, discordant=len(positive) * len(negative) - upto, tied=upto - below)


def _check(x: Floats, y: Floats, names: Sequence[str]) -> None:
    if not np.isfinite(x).all():
        column = int(np.flatnonzero(~np.isfinite(x).all(axis=0))[0])
        raise NotFittedError(
            f"The feature {names[column]!r} has missing or infinite values; fill or leave it out."
        )
    if y.min() == y.max():
        raise NotFittedError(
            f"All {len(y)} responses are {'yes' if y[0] else 'no'}; there is nothing to tell apart."
        )
    flat = np.flatnonzero(np.ptp(x, axis=0) == 0)
    if len(flat):
        raise NotFittedError(f"The feature {names[int(flat[0])]!r} is the same for everybody; leave it out.")
    centred = (x - x.mean(axis=0)) / x.std(axis=0)
    rank = np.linalg.matrix_rank(centred)
    if rank < x.shape[1]:
        raise NotFittedError(f"The {x.shape[1]} features hold only {rank} independent ones; leave some out.")


def _maximise(design: Floats, y: Floats, names: Sequence[str]) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            warnings.simplefilter("error", PerfectSeparationWarning)
            return Logit(y, design).fit(disp=0, maxiter=MOST_STEPS)
    except (
        PerfectSeparationError,
        PerfectSeparationWarning,
        ConvergenceWarning,
        np.linalg.LinAlgError,
    ) as error:
        raise NotFittedError(
            f"The {len(names)} features tell the responses of {len(y)} rows apart without a mistake, or nearly so; "
            "the likelihood has no maximum. Leave features out or give more rows."
        ) from error


def _score(x: Floats, y: Floats) -> float:
    """Return Rao's score statistic at “only the constant”: U' I⁻¹ U with centred features."""
    mean = y.mean()
    centred = x - x.mean(axis=0)
    slope = centred.T @ (y - mean)
    information = mean * (1 - mean) * centred.T @ centred
    return float(slope @ np.linalg.solve(information, slope))


def _test(statistic: float, degrees: int) -> Test:
    return Test(statistic=float(statistic), degrees=degrees, p=float(chi2.sf(statistic, degrees)))
