"""How often customers will buy, and whether they still do: the BG/NBD model.

Fader, Hardie, Lee (2005), “Counting Your Customers the Easy Way: An Alternative to the Pareto/NBD Model”, Marketing
Science 24(2). While active, a customer buys at a Poisson rate that differs between customers by a gamma distribution
(shape r, rate α); after each purchase the customer leaves with a chance that differs by a beta distribution (a, b).

Inputs are three numbers per customer: `frequency` x, the number of repeat purchases (the first one is not counted);
`recency` t_x, the time of the last purchase since the first (0 where x = 0); `age` T, the time from the first purchase
to the end of observation; times in any one unit.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln, digamma, expit, gammaln, hyp2f1

Floats = NDArray[np.float64]
BOUND: Final = 10.0
"""Of the logarithms of the parameters (times in means of the ages): beyond it the likelihood is flat."""


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

    def logs(self) -> Floats:
        """Return the logarithms of r, α, a, b, shape (4,)."""
        return np.log([self.r, self.alpha, self.a, self.b])

    def moved(self, logs: Floats) -> "Purchases":
        """Return the model with the parameters of these logarithms, shape (4,)."""
        r, alpha, a, b = np.exp(logs).tolist()
        return replace(self, r=r, alpha=alpha, a=a, b=b)

    def expected(self, t: Floats | float) -> Floats:
        """Return the expected number of repeat purchases of a new customer until time `t`, shape of `t`.

        Formula (9) of the paper.
        """
        t = np.asarray(t, dtype=np.float64)
        return self._lasting(t, np.zeros_like(t), np.zeros_like(t))

    def alive(self, frequency: Floats, recency: Floats, age: Floats) -> Floats:
        """Return the chance that each customer still buys, shape (customers,); 1 for x = 0, as the model has it."""
        x = np.asarray(frequency, dtype=np.float64)
        ratio = np.log(self.alpha + np.asarray(age)) - np.log(self.alpha + np.asarray(recency))
        odds = np.log(self.a) - np.log(self.b + np.maximum(x, 1) - 1) + (self.r + x) * ratio
        return np.where(x > 0, expit(-odds), 1.0)

    def predicted(self, t: float, frequency: Floats, recency: Floats, age: Floats) -> Floats:
        """Return the expected number of purchases of each customer in the next `t`, shape (customers,).

        Formula (10) of the paper.
        """
        x, age = np.asarray(frequency, dtype=np.float64), np.asarray(age, dtype=np.float64)
        return self._lasting(np.full_like(age, t), x, age) * self.alive(x, recency, age)

    def _lasting(self, t: Floats, x: Floats, age: Floats) -> Floats:
        """Return the expected purchases within `t` of those who still buy at `age`, having come back x times.

        (a + b + x − 1) / (a − 1) · (1 − (1 − z)^(r+x) · ₂F₁(r + x, b + x; a + b + x − 1; z)),  z = t / (α + age + t).
        Euler's transformation takes the powers of x out of the series, which would overflow after a few hundred
        purchases: (1 − z)^(a−1) · ₂F₁(a + b − 1 − r, a − 1; a + b + x − 1; z).
        """
        a = _off_one(self.a)
        z = t / (self.alpha + age + t)
        third = a + self.b + x - 1
        series = hyp2f1(a + self.b - 1 - self.r, a - 1, third, z)
        return np.asarray(third / (a - 1) * (1 - (1 - z) ** (a - 1) * series))


def fit(
    frequency: Floats,
    recency: Floats,
    age: Floats,
    *,
    weights: Floats | None = None,
    start: Purchases | None = None,
    tolerance: float = 1e-14,
) -> Purchases:
    """Return the model of greatest likelihood; `weights` say how many customers each row stands for.

    `start` is a model to begin from, such as that of nearly the same customers; `tolerance` is the
    relative gain of likelihood at which the search ends. Raises ValueError for arrays that
    contradict the definitions, NotFittedError when nobody ever came back or the likelihood has no inner maximum.
    """
    x, t_x, t = (np.asarray(each, dtype=np.float64) for each in (frequency, recency, age))
    _check(x, t_x, t)
    each = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=np.float64)
    total = float(each.sum())
    scale = float(np.dot(each, t)) / total
    (x, t_x, t), each = _distinct(x, t_x, t, each)
    counts, place = np.unique(x, return_inverse=True)
    data = (counts, place, t_x / scale, t / scale)

    def loss(logs: Floats) -> tuple[float, Floats]:
        value, slope = _log_likelihood(np.exp(logs), *data, weights=each)
        return -value / total, -slope * np.exp(logs) / total

    shift = np.log([1.0, scale, 1.0, 1.0])
    found = minimize(
        loss, np.zeros(4) if start is None else start.logs() - shift, jac=True, method="L-BFGS-B",
        bounds=[(-BOUND, BOUND)] * 4, options={"maxiter": 2000, "ftol": tolerance, "gtol": 1e-9},
    )  # fmt: skip
    if not np.isfinite(found.fun) or np.abs(found.x).max() >= BOUND:
        raise NotFittedError(
            f"The likelihood of {total:.0f} customers has no inner maximum (parameters "
            f"{np.exp(found.x).round(4).tolist()}); they buy too alike, or too few came back."
        )
    r, alpha, a, b = np.exp(found.x + shift).tolist()
    # Densities were taken per scaled time: x purchases bring the factor scale^-x.
    likelihood = -float(found.fun) * total - float(np.dot(each, x)) * float(np.log(scale))
    return Purchases(r=r, alpha=alpha, a=a, b=b, log_likelihood=likelihood, customers=round(total))


def _distinct(
    x: Floats, t_x: Floats, t: Floats, weights: Floats
) -> tuple[tuple[Floats, Floats, Floats], Floats]:
    """Return the rows once each with the sum of their weights: in large shops most customers share theirs."""
    order = np.lexsort((t, t_x, x))
    x, t_x, t, weights = x[order], t_x[order], t[order], weights[order]
    new = np.flatnonzero(np.r_[True, (np.diff(x) != 0) | (np.diff(t_x) != 0) | (np.diff(t) != 0)])
    return (x[new], t_x[new], t[new]), np.add.reduceat(weights, new)


def _log_likelihood(
    parameters: Floats,
    counts: Floats,
    place: NDArray[np.intp],
    t_x: Floats,
    t: Floats,
    *,
    weights: Floats,
) -> tuple[float, Floats]:
    """Return the weighted log-likelihood (formula (6) of the paper) and its gradient in (r, α, a, b).

    x is `counts[place]`: what depends on x alone is computed once for each value that it takes.
    """
    r, alpha, a, b = parameters
    often = np.maximum(counts, 1) - 1
    own = gammaln(r + counts) - gammaln(r) + r * np.log(alpha) + betaln(a, b + counts) - betaln(a, b)
    again = np.where(counts > 0, np.log(a) - np.log(b + often), -np.inf)
    power = (r + counts)[place]
    before, since = np.log(alpha + t_x), np.log(alpha + t)
    stayed, left = -power * since, again[place] - power * before
    either = np.logaddexp(stayed, left)
    w_stay, w_left = np.exp(stayed - either), np.exp(left - either)
    # Sums over the customers of each count; the digamma functions are the same for all of them.
    each = np.bincount(place, weights=weights, minlength=len(counts))
    gone = np.bincount(place, weights=weights * w_left, minlength=len(counts))
    d_r = np.dot(each, digamma(r + counts) - digamma(r) + np.log(alpha)) - np.dot(
        weights, w_stay * since + w_left * before
    )
    d_alpha = np.dot(weights, r / alpha - power * (w_stay / (alpha + t) + w_left / (alpha + t_x)))
    d_a = np.dot(each, digamma(a + b) - digamma(a + b + counts)) + gone.sum() / a
    slopes_b = digamma(a + b) + digamma(b + counts) - digamma(b) - digamma(a + b + counts)
    d_b = np.dot(each, slopes_b) - np.dot(gone, 1 / (b + often))
    total = np.dot(each, own) + np.dot(weights, either)
    return float(total), np.array([d_r, d_alpha, d_a, d_b])


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
