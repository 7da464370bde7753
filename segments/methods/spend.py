"""What a purchase of a customer is worth on average: the gamma-gamma model.

Fader, Hardie (2013), “The Gamma-Gamma Model of Monetary Value” (brucehardie.com/notes/025). A customer's purchases vary
around an own mean by a gamma distribution (shape p); the means differ between customers by another (q, v). How much
somebody spends is taken to be independent of how often.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln

Floats = NDArray[np.float64]
BOUND = 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """A fitted gamma-gamma model."""

    p: float
    q: float
    v: float
    """In the unit of the money."""
    log_likelihood: float
    customers: int

    def population_mean(self) -> float | None:
        """Return the mean value of a purchase over all customers; None where q ≤ 1, as it does not exist then."""
        return self.p * self.v / (self.q - 1) if self.q > 1 else None

    def expected(self, frequency: Floats, mean: Floats) -> Floats:
        """Return the expected value of a purchase of each customer, shape (customers,): between own and population mean.

        `frequency` is the number of purchases that `mean` is taken over. NaN where p·x + q ≤ 1: not defined.
        """
        x, m = np.asarray(frequency, dtype=np.float64), np.asarray(mean, dtype=np.float64)
        below = self.p * x + self.q - 1
        value = self.p * (self.v + x * np.where(x > 0, m, 0.0)) / np.where(below > 0, below, np.nan)
        return np.asarray(value)


def fit(frequency: Floats, mean: Floats) -> Spend:
    """Return the model of greatest likelihood for customers with at least one (repeat) purchase.

    Raises ValueError where a frequency is below 1 or a mean is not above 0.
    """
    x, m = np.asarray(frequency, dtype=np.float64), np.asarray(mean, dtype=np.float64)
    if x.shape != m.shape or x.ndim != 1 or not len(x):
        raise ValueError(f"Frequency and mean have shapes {x.shape} and {m.shape}; give one length above 0.")
    if not np.isfinite(np.concatenate([x, m])).all() or (x < 1).any() or (m <= 0).any():
        raise ValueError("Every customer needs at least one purchase, of a value above 0.")
    scale = float(m.mean())
    scaled = m / scale

    def loss(logs: Floats) -> float:
        p, q, v = np.exp(logs)
        each = (
            gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v) + (p * x - 1) * np.log(scaled)
            + p * x * np.log(x) - (p * x + q) * np.log(x * scaled + v)
        )  # fmt: skip
        return -float(each.mean())

    found = minimize(
        loss, np.log([1.0, 2.0, 1.0]), method="L-BFGS-B", bounds=[(-BOUND, BOUND)] * 3,
        options={"maxiter": 2000, "ftol": 1e-14, "gtol": 1e-8},
    )  # fmt: skip
    p, q, v = np.exp(found.x)
    return Spend(
        p=float(p), q=float(q), v=float(v * scale),
        log_likelihood=-float(found.fun) * len(x) - len(x) * float(np.log(scale)), customers=len(x),
    )  # fmt: skip
