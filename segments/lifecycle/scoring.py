"""Scores of customers by what a target's training left in force, and what moves each of them."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from segments.lifecycle import features
from segments.lifecycle.targets import Target
from segments.methods import learners
from segments.methods.classifier import Calibration
from segments.methods.learners import BOOSTING, LOGISTIC, NETWORK, Trained

BASELINE: Final = "baseline"
KINDS: Final = (LOGISTIC, BOOSTING, NETWORK)
REASONS: Final = 3
"""Features that are told of each score."""
BLOCK: Final = 100_000
"""Customers whose reasons are worked out at a time: a table of contributions is as large as one of features."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What may score tonight's customers."""

    kind: str
    """One of KINDS, or BASELINE."""
    model: Trained | None
    """None: the baseline feature alone, through the calibration."""
    calibration: Calibration

    def state(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "kind": self.kind,
            "model": None if self.model is None else self.model.state(),
            "calibration": [self.calibration.slope, self.calibration.constant],
        }


def score(target: Target, fitted: Fitted, table: Floats) -> Floats:
    """Return the calibrated chance of each row, shape (rows,)."""
    raw = baseline_scores(target, table) if fitted.model is None else fitted.model.scores(table)
    return fitted.calibration.apply(raw)


def contributions(target: Target, fitted: Fitted, table: Floats) -> Floats:
    """Return how much each feature moves each row's log odds, shape (rows, features)."""
    if fitted.model is not None:
        return fitted.model.contributions(table) * fitted.calibration.slope
    moved = np.zeros_like(table)
    odds = fitted.calibration.slope * _log_odds(baseline_scores(target, table))
    moved[:, list(features.WORDS).index(target.baseline)] = odds - odds.mean() if len(odds) else odds
    return moved


def restored(state: dict[str, Any]) -> Fitted:
    """Return what `Fitted.state` wrote down."""
    slope, constant = state["calibration"]
    return Fitted(
        kind=state["kind"],
        model=None if state["model"] is None else learners.restore(state["model"]),
        calibration=Calibration(slope=slope, constant=constant),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """What moves each score most, the strongest first; arrays of shape (rows, REASONS)."""

    features: NDArray[np.str_]
    moves: Floats
    """Change of the log odds."""
    values: Floats
    """NaN where the feature is not known."""


def reasons(target: Target, fitted: Fitted, table: Floats) -> Reasons:
    """Return the features that move each row's log odds most."""
    names = np.array(list(features.WORDS))
    found = Reasons(
        features=np.empty((len(table), REASONS), dtype=names.dtype),
        moves=np.empty((len(table), REASONS)), values=np.empty((len(table), REASONS)),
    )  # fmt: skip
    for start in range(0, len(table), BLOCK):
        part = slice(start, start + BLOCK)
        moved = contributions(target, fitted, table[part])
        order = np.argsort(-np.abs(moved), axis=1, kind="stable")[:, :REASONS]
        found.features[part] = names[order]
        found.moves[part] = np.take_along_axis(moved, order, axis=1)
        found.values[part] = np.take_along_axis(table[part], order, axis=1)
    return found


def baseline_scores(target: Target, table: Floats) -> Floats:
    """Return the baseline feature as something between 0 and 1 that rises with the chance."""
    values = table[:, list(features.WORDS).index(target.baseline)]
    known = np.where(np.isfinite(values), values, np.inf if target.lower_is_likelier else 0.0)
    share = 1 / (
        1 + np.maximum(known, 0) / 30
    )  # 30 days are half way; only the order matters before calibration
    return np.asarray(share if target.lower_is_likelier else 1 - share)


def _log_odds(chances: Floats) -> Floats:
    clipped = np.clip(chances, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(clipped / (1 - clipped)))
