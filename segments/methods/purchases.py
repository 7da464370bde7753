"""How often customers will buy, and whether they still do: the BG/NBD model.

Fader, Hardie, Lee (2005), “Counting Your Customers the Easy Way: An Alternative to the Pareto/NBD Model”, Marketing
Science 24(2). While active, a customer buys at a Poisson rate that differs between customers by a gamma distribution
(shape r, rate α); after each purchase the customer leaves with a chance that differs by a beta distribution (a, b).

Inputs are three numbers per customer: `frequency` x, the number of repeat purchases (the first one is not counted);
`recency` t_x, the time of the last purchase since the first (0 where x = 0); `age` T, the time from the first purchase
to the end of observation; times in any one unit.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln, digamma, gammaln, hyp2f1

Floats = NDArray[np.float64]
START = np.log([1.0, 1.0, 1.0, 1.0])
BOUND = 12.0
"""Of the logarithms of the parameters: beyond it the likelihood is flat and the numbers say nothing."""


class NotFittedError(ValueError):
    """The model could not be fitted; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchases:
    """A fitted BG/NBD model."""

    r: float
    alpha: float
    """In the unit of the times."""
    a: float
    b: float
    log_likelihood: float
    customers: int

    def expected(self, t: Floats | float) -> Floats:
        """Return the expected number of repeat purchases of a new customer until time `t`, shape of `t`.

        Formula (9) of the paper; a = 1 is its removable singularity and is stepped around.
        """
        t = np.asarray(t, dtype=np.float64)
        a = _off_one(self.a)
        series = hyp2f1(self.r, self.b, a + self.b - 1, t / (self.alpha + t))
        share = (self.alpha / (self.alpha + t)) ** self.r
        return np.asarray((a + self.b - 1) / (a - 1) * (1 - share * series))

    def alive(self, frequency: Floats, recency: Floats, age: Floats) -> Floats:
        """Return the chance that each customer still buys, shape (customers,); 1 for x = 0, by the model's assumption."""
        return np.asarray(1 / (1 + self._left(frequency, recency, age)))

    def predicted(self, t: float, frequency: Floats, recency: Floats, age: Floats) -> Floats:
        """Return the expected number of purchases of each customer in the next `t`, shape (customers,).

        Formula (10) of the paper.
        """
        x, a = np.asarray(frequency, dtype=np.float64), _off_one(self.a)
        before = self.alpha + np.asarray(age, dtype=np.float64)
        series = hyp2f1(self.r + x, self.b + x, a + self.b + x - 1, t / (before + t))
        share = (before / (before + t)) ** (self.r + x)
        lasting = (a + self.b + x - 1) / (a - 1) * (1 - share * series)
        return np.asarray(lasting / (1 + self._left(frequency, recency, age)))

    def _left(self, frequency: Floats, recency: Floats, age: Floats) -> Floats:
        """Return the odds of having left, shape (customers,)."""
        x = np.asarray(frequency, dtype=np.float64)
        ratio = (self.alpha + np.asarray(age)) / (self.alpha + np.asarray(recency))
        odds = self.a / (self.b + np.maximum(x, 1) - 1) * ratio ** (self.r + x)
        return np.where(x > 0, odds, 0.0)


def fit(frequency: Floats, recency: Floats, age: Floats) -> Purchases:
    """Return the model of greatest likelihood.

    Raises ValueError for arrays that contradict the definitions, NotFittedError when nobody ever came back.
    """
    x, t_x, t = (np.asarray(each, dtype=np.float64) for each in (frequency, recency, age))
    _check(x, t_x, t)
    # Customers with the same three numbers count once with a weight: in large shops most share them.
    rows, weights = np.unique(np.column_stack([x, t_x, t]), axis=0, return_counts=True)
    scale = float(t.mean())
    data = (rows[:, 0], rows[:, 1] / scale, rows[:, 2] / scale)

    def loss(logs: Floats) -> tuple[float, Floats]:
        value, slope = _log_likelihood(np.exp(logs), *data, weights=weights)
        return -value / len(x), -slope * np.exp(logs) / len(x)

    found = minimize(
        loss, START, jac=True, method="L-BFGS-B", bounds=[(-BOUND, BOUND)] * 4,
        options={"maxiter": 2000, "ftol": 1e-14, "gtol": 1e-9},
    )  # fmt: skip
    if not np.isfinite(found.fun) or np.abs(found.x).max() >= BOUND:
        raise NotFittedError(
            f"The likelihood of {len(x)} customers has no inner maximum (parameters {np.exp(found.x).round(4).tolist()}); "
            "they buy too alike, or too few came back."
        )
    r, alpha, a, b = np.exp(found.x)
    # Densities were taken per scaled time: x purchases bring the factor scale^-x.
    total = -found.fun * len(x) - float(x.sum()) * np.log(scale)
    return Purchases(
        r=float(r), alpha=float(alpha * scale), a=float(a), b=float(b), log_likelihood=total, customers=len(x)
    )


def _log_likelihood(
    parameters: Floats, x: Floats, t_x: Floats, t: Floats, *, weights: NDArray[np.int64]
) -> tuple[float, Floats]:
    """Return the weighted log-likelihood (formula (6) of the paper) and its gradient in (r, α, a, b)."""
    r, alpha, a, b = parameters
    again = x > 0
    stayed = -(r + x) * np.log(alpha + t)
    left = np.where(
        again, np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + t_x), -np.inf
    )
    either = np.logaddexp(stayed, left)
    each = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + betaln(a, b + x) - betaln(a, b) + either
    w_stay, w_left = np.exp(stayed - either), np.exp(left - either)
    d_r = (
        digamma(r + x)
        - digamma(r)
        + np.log(alpha)
        - w_stay * np.log(alpha + t)
        - w_left * np.log(alpha + t_x)
    )
    d_alpha = r / alpha - (r + x) * (w_stay / (alpha + t) + w_left / (alpha + t_x))
    d_a = digamma(a + b) - digamma(a + b + x) + w_left / a
    d_b = (
        digamma(a + b)
        + digamma(b + x)
        - digamma(b)
        - digamma(a + b + x)
        - w_left / (b + np.maximum(x, 1) - 1)
    )
    gradient = np.array([np.dot(weights, part) for part in (d_r, d_alpha, d_a, d_b)])
    return float(np.dot(weights, each)), gradient


def _off_one(a: float) -> float:
    """Return `a`, moved off the value 1 where the formulas divide by a − 1; their limit there is the same."""
    return a + 1e-6 if abs(a - 1) < 1e-6 else a


def _check(x: Floats, t_x: Floats, t: Floats) -> None:
    if not (x.shape == t_x.shape == t.shape and x.ndim == 1):
        raise ValueError(
            f"Frequency, recency and age have shapes {x.shape}, {t_x.shape}, {t.shape}; give one length."
        )
    if not np.isfinite(np.concatenate([x, t_x, t])).all() or (x < 0).any() or (t <= 0).any():
        raise ValueError("Frequency must be 0 or more, age above 0, and all of them finite.")
    if (t_x < 0).any() or (t_x > t).any() or ((x == 0) != (t_x == 0)).any():
        raise ValueError("Recency lies between 0 and age, and is 0 exactly where nobody came back.")
    if not (x > 0).any():
        raise NotFittedError("Nobody came back: there is no repeat purchase to learn from.")
