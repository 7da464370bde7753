"""What those who did it had in common beforehand, beside the others: a report in words.

For each feature the means of both groups and Cohen's d (the difference in pooled standard deviations) with its interval
by Hedges and Olkin (1985): d ± z·√(1/n₁ + 1/n₂ + d²/(2(n₁ + n₂))). Features are compared on the scale of the signed
logarithm, so that a few wholesalers do not make the difference; the means shown are plain. The bound on the level is
shared by all features (Bonferroni): a report of fifty comparisons must not find two by chance.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from segments.lifecycle import features
from segments.lifecycle.training import Sample

LEVEL: Final = 0.95
FEWEST: Final = 30
"""Customers that each group must have with a value."""
MOST: Final = 15
SMALL: Final = 0.1
"""A smaller d is no pattern that anybody could act on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One feature in which the two groups differ."""

    feature: str
    words: str
    did: float
    """Mean of those who did."""
    others: float
    d: float
    low: float
    high: float
    text: str


def patterns(sample: Sample) -> list[dict[str, Any]]:
    """Return the features in which those who did differ most from the others, the clearest first, as JSON values."""
    found = []
    z = norm.ppf(1 - (1 - LEVEL) / 2 / len(features.WORDS))
    for column, (name, words) in enumerate(features.WORDS.items()):
        values = sample.features[:, column]
        known = np.isfinite(values)
        did, others = values[known & sample.responses], values[known & ~sample.responses]
        if min(len(did), len(others)) < FEWEST:
            continue
        d = _difference(_log(did), _log(others))
        if d is None:
            continue
        error = np.sqrt(1 / len(did) + 1 / len(others) + d * d / (2 * (len(did) + len(others))))
        low, high = d - z * error, d + z * error
        if abs(d) >= SMALL and (low > 0 or high < 0):
            found.append(
                Pattern(
                    feature=name,
                    words=words,
                    did=float(did.mean()),
                    others=float(others.mean()),
                    d=float(d),
                    low=float(low),
                    high=float(high),
                    text=_text(words, did, others),
                )
            )
    return [asdict(each) for each in sorted(found, key=lambda each: -abs(each.d))[:MOST]]


def _difference(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    """Return Cohen's d, None where nobody differs."""
    spread = ((len(one) - 1) * one.var(ddof=1) + (len(other) - 1) * other.var(ddof=1)) / (
        len(one) + len(other) - 2
    )
    return float((one.mean() - other.mean()) / np.sqrt(spread)) if spread > 0 else None


def _log(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


def _text(words: str, did: NDArray[np.float64], others: NDArray[np.float64]) -> str:
    return f"{words}: {_number(did.mean())} on average, against {_number(others.mean())} of the others"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}"
