"""What a purchase of a customer is worth on average: the gamma-gamma model.

Fader, Hardie (2013), “The Gamma-Gamma Model of Monetary Value” (brucehardie.com/notes/025). A customer's purchases vary
around an own mean by a gamma distribution (shape p); the means differ between customers by another (q, v). How much
somebody spends is taken to be independent of how often.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import digamma, gammaln

from segments.methods.purchases import NotFittedError

Floats = NDArray[np.float64]
BOUND: Final = 10.0
"""Of the logarithms of the parameters (money in mean values): beyond it the likelihood is flat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """A fitted gamma-gamma model."""

    p: float
    q: float
    v: float
    """In the unit of the money."""
    log_likelihood: float
    customers: int

    def logs(self) -> Floats:
        """Return the logarithms of p, q, v, shape (3,)."""
        return np.log([self.p, self.q, self.v])

    def moved(self, logs: Floats) -> "Spend":
        """Return the model with the parameters of these logarithms, shape (3,)."""
        p, q, v = np.exp(logs).tolist()
        return replace(self, p=p, q=q, v=v)

    def population_mean(self) -> float | None:
        """Return the mean value of a purchase over all customers; None where q ≤ 1, as it does not exist then."""
        return self.p * self.v / (self.q - 1) if self.q > 1 else None

    def expected(self, frequency: Floats, mean: Floats) -> Floats:
        """Return the expected value of a purchase of each customer, between own and common mean; shape (customers,).

        `frequency` is the number of purchases that `mean` is taken over. NaN where p·x + q ≤ 1: not defined.
        """
        x, m = np.asarray(frequency, dtype=np.float64), np.asarray(mean, dtype=np.float64)
        below = self.p * x + self.q - 1
        value = self.p * (self.v + x * np.where(x > 0, m, 0.0)) / np.where(below > 0, below, np.nan)
        return np.asarray(value)


def fit(
    frequency: Floats,
    mean: Floats,
    *,
    weights: Floats | None = None,
    start: Spend | None = None,
    tolerance: float = 1e-14,
) -> Spend:
    """Return the model of greatest likelihood for customers with at least one (repeat) purchase.

    `weights` say how many customers each row stands for; `start` is a model to begin from,
    `tolerance` the relative gain of likelihood at which the search ends. Raises ValueError where a
    frequency is below 1 or a mean is not above 0, NotFittedError where the likelihood has no inner maximum.
    """
    x, m = np.asarray(frequency, dtype=np.float64), np.asarray(mean, dtype=np.float64)
    if x.shape != m.shape or x.ndim != 1 or not len(x):
        raise ValueError(f"Frequency and mean have shapes {x.shape} and {m.shape}; give one length above 0.")
    if not np.isfinite(np.concatenate([x, m])).all() or (x < 1).any() or (m <= 0).any():
        raise ValueError("Every customer needs at least one purchase, of a value above 0.")
    each = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=np.float64)
    total = float(each.sum())
    scale = float(np.dot(each, m)) / total
    counts, place = np.unique(x, return_inverse=True)

    def loss(logs: Floats) -> tuple[float, Floats]:
        value, slope = _log_likelihood(np.exp(logs), counts, place, m / scale, weights=each)
        return -value / total, -slope * np.exp(logs) / total

    shift = np.log([1.0, 1.0, scale])
    found = minimize(
        loss, np.log([1.0, 2.0, 1.0]) if start is None else start.logs() - shift, jac=True, method="L-BFGS-B",
        bounds=[(-BOUND, BOUND)] * 3, options={"maxiter": 2000, "ftol": tolerance, "gtol": 1e-9},
    )  # fmt: skip
    if not np.isfinite(found.fun) or np.abs(found.x).max() >= BOUND:
        raise NotFittedError(
            f"The likelihood of the spending of {total:.0f} customers has no inner maximum (parameters "
            f"{np.exp(found.x).round(4).tolist()}); they spend too alike."
        )
    p, q, v = np.exp(found.x + shift).tolist()
    likelihood = -float(found.fun) * total - total * float(np.log(scale))
    return Spend(p=p, q=q, v=v, log_likelihood=likelihood, customers=round(total))


def _log_likelihood(
    parameters: Floats, counts: Floats, place: NDArray[np.intp], m: Floats, *, weights: Floats
) -> tuple[float, Floats]:
    """Return the weighted log-likelihood (formula (1a) of the note) and its gradient in (p, q, v).

    x is `counts[place]`: what depends on x alone is computed once for each value that it takes.
    """
    p, q, v = parameters
    px = p * counts
    own = gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(v) + px * np.log(counts)
    each = np.bincount(place, weights=weights, minlength=len(counts))
    x, logs, below = counts[place], np.log(m), np.log(counts[place] * m + v)
    total = np.dot(each, own) + np.dot(weights, (p * x - 1) * logs - (p * x + q) * below)
    d_p = np.dot(each, counts * (digamma(px + q) - digamma(px) + np.log(counts)))
    d_p += np.dot(weights, x * (logs - below))
    d_q = np.dot(each, digamma(px + q) - digamma(q) + np.log(v)) - np.dot(weights, below)
    d_v = np.dot(weights, q / v - (p * x + q) / (x * m + v))
    return float(total), np.array([d_p, d_q, d_v])
