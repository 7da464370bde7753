"""How sure a price class is: the chance of A, B and C, given that the two leads are known with a normal error."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Floats = NDArray[np.float64]
NODES = 16
CHUNK = 100_000
"""Rows at once: bounds the memory of the nodes, about 25 MiB a table."""
LEAST_SD = 1e-9
EDGE = 1e-12


def class_probabilities(
    quality: Floats, discount: Floats, *, quality_sd: Floats, discount_sd: Floats, correlation: float
) -> Floats:
    """Return the probabilities of A, B and C, shape (customers, 3); rows add up to 1.

    The true leads (Q, D) of a customer are normal around the measured ones, with these standard deviations and this
    correlation. B is D > 0 and D ≥ Q, A is Q > 0 and Q > D, C is neither lead positive. D is integrated over NODES
    points of equal probability on each side of 0, Q given D in closed form. All arrays have shape (customers,).
    """
    parts = [
        _probabilities(
            quality[start : start + CHUNK, None],
            discount[start : start + CHUNK, None],
            np.maximum(quality_sd[start : start + CHUNK, None], LEAST_SD),
            np.maximum(discount_sd[start : start + CHUNK, None], LEAST_SD),
            float(np.clip(correlation, -0.99, 0.99)),
        )
        for start in range(0, len(quality), CHUNK)
    ]
    return np.concatenate(parts) if parts else np.empty((0, 3))


def _probabilities(q: Floats, d: Floats, q_sd: Floats, d_sd: Floats, correlation: float) -> Floats:
    nodes = (np.arange(NODES) + 0.5)[None, :] / NODES
    rest_sd = q_sd * np.sqrt(1 - correlation**2)

    def below(at: Floats, limit: Any) -> Floats:
        """Chance of Q ≤ limit given D = at, averaged over the nodes."""
        mean = q + correlation * q_sd / d_sd * (at - d)
        found: Floats = ndtr((limit - mean) / rest_sd).mean(axis=1)
        return found

    negative = ndtr(-d / d_sd)  # chance of D ≤ 0
    positive = 1 - negative
    above = d + d_sd * ndtri(np.clip(negative + positive * nodes, EDGE, 1 - EDGE))
    under = d + d_sd * ndtri(np.clip(negative * nodes, EDGE, 1 - EDGE))
    b = positive[:, 0] * below(above, above)
    c = negative[:, 0] * below(under, 0.0)
    return np.stack([np.clip(1 - b - c, 0.0, 1.0), b, c], axis=1)
