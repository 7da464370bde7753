"""Variables of customers made fit for clusters, components and factors: none missing, none constant, none skewed.

What is missing becomes the median of the others; a variable that most lack, or in which few differ, is left out: one
in a hundred who once sent an inquiry is no kind of customer. Counts and amounts are mostly small with a long tail:
where the skewness is above SKEWED, sign(x) × log(1 + |x|) stands for x. What was done is kept, so that the same can be
done to others, and told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SKEWED: Final = 1.0
MOST_MISSING: Final = 0.5
MOST_SAME: Final = 0.95
LEAST_SPREAD: Final = 1e-9
"""Deviation, as a part of the size of the values, below which a variable counts as constant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """What was done to a variable."""

    name: str
    fill: float
    """Stands for what is missing."""
    log: bool
    """Whether sign(x) × log(1 + |x|) stands for x."""
    mean: float
    """After both, as the deviation."""
    deviation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Variables ready for use."""

    variables: tuple[Variable, ...]
    left_out: Mapping[str, str]
    """Names of those that cannot be used, and why."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the usable ones."""
        return tuple(each.name for each in self.variables)

    def __call__(self, columns: Mapping[str, Floats]) -> Floats:
        """Return the standardised values, shape (rows, variables), of columns that have NaN where unknown."""
        if not self.variables:
            return np.empty((0, 0))
        return np.column_stack([standardised(each, columns[each.name]) for each in self.variables])


def prepare(columns: Mapping[str, Floats], *, names: Sequence[str]) -> Prepared:
    """Return what to do to the columns `names`, shape (rows,) with NaN where unknown, and which are of no use."""
    kept: list[Variable] = []
    left_out: dict[str, str] = {}
    for name in names:
        found = _prepared(name, np.asarray(columns[name], dtype=np.float64))
        if isinstance(found, str):
            left_out[name] = found
        else:
            kept.append(found)
    return Prepared(variables=tuple(kept), left_out=left_out)


def standardised(variable: Variable, values: Floats) -> Floats:
    """Return the values with what is missing filled, as logs where wanted, with mean 0 and deviation 1."""
    filled = np.where(np.isfinite(values), values, variable.fill)
    scaled = _log(filled) if variable.log else filled
    return np.asarray((scaled - variable.mean) / variable.deviation)


def _prepared(name: str, values: Floats) -> Variable | str:
    """Return what to do to a column, or why it is of no use."""
    known = values[np.isfinite(values)]
    missing = 1 - len(known) / len(values) if len(values) else 1.0
    if missing > MOST_MISSING:
        return f"missing for {missing:.0%} of the customers" if len(values) else "there are no customers"
    if _constant(known):
        return "the same for everybody"
    _, counts = np.unique(known, return_counts=True)
    same = counts.max() / len(known)
    if same > MOST_SAME:
        return f"the same for {same:.1%} of the customers"
    fill = float(np.median(known))
    filled = np.where(np.isfinite(values), values, fill)
    log = _skewness(filled) > SKEWED
    scaled = _log(filled) if log else filled
    return Variable(name=name, fill=fill, log=log, mean=float(scaled.mean()), deviation=float(scaled.std()))


def _log(values: Floats) -> Floats:
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


def _constant(values: Floats) -> bool:
    return bool(values.std() <= LEAST_SPREAD * max(1.0, float(np.abs(values).max())))


def _skewness(values: Floats) -> float:
    """Return the third standardised moment."""
    deviation = values.std()
    return float((((values - values.mean()) / deviation) ** 3).mean()) if deviation > 0 else 0.0
