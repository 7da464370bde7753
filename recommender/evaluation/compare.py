"""Is one model better than another? The paired bootstrap over customers (Efron and Tibshirani 1993, ch. 16)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK_CELLS = 4_000_000  # cells of the table of draws held at once


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean of a − b over customers, with a percentile interval.

    `difference`, `low` and `high` are None where there are fewer than two customers with both values: an
    interval cannot be drawn from one.
    """

    mean_a: float | None
    mean_b: float | None
    difference: float | None
    low: float | None
    high: float | None
    level: float  # confidence of the interval, e.g. 0.95
    customers: int  # with both values
    undefined: int  # with one value or none, left out

    @property
    def a_wins(self) -> bool:
        """The whole interval lies above 0."""
        return self.low is not None and self.low > 0


def paired_bootstrap(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    *,
    rng: np.random.Generator,
    samples: int = 2000,
    level: float = 0.95,
) -> Difference:
    """The difference of the means of two measures of the same customers, in the same order; nan: undefined.

    Customers are drawn with replacement, each with both values, `samples` times.

    Raises:
        ValueError: the arrays differ in length, `samples` is below 100 or `level` not between 0 and 1.
    """
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"shapes are {a.shape} and {b.shape}; wanted one value a customer in both")
    if samples < 100 or not 0 < level < 1:
        raise ValueError(f"samples is {samples}, level {level}; wanted at least 100 and between 0 and 1")
    both = ~(np.isnan(a) | np.isnan(b))
    first, second = a[both], b[both]
    customers = len(first)
    undefined = len(a) - customers
    if customers < 2:
        mean_a, mean_b = (float(v.mean()) if customers else None for v in (first, second))
        return Difference(mean_a, mean_b, None, None, None, level, customers, undefined)
    gains = first - second
    means = np.empty(samples)
    step = max(1, BLOCK_CELLS // customers)
    for start in range(0, samples, step):
        drawn = rng.integers(customers, size=(min(step, samples - start), customers))
        means[start : start + len(drawn)] = gains[drawn].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Difference(
        mean_a=float(first.mean()),
        mean_b=float(second.mean()),
        difference=float(gains.mean()),
        low=float(low),
        high=float(high),
        level=level,
        customers=customers,
        undefined=undefined,
    )
