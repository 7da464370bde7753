"""Who will: classifiers judged on later time before one of them may be used.

The classifiers of `learners` learn from the same rows; each is calibrated on rows that it has not seen (Platt 1999).
They are compared on held-out rows of a later time by the area under the ROC curve with a paired bootstrap (Efron,
Tibshirani 1993); the winner is promoted only where it beats the baseline, and the champion in force, by an interval
that excludes zero. Undefined is None with a reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from segments.methods.learners import NETWORK

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
FEWEST_POSITIVES = 100
DRAWS = 1_000
MOST_ROWS = 20_000
"""Held-out rows that decide on the interval."""
LEVEL = 0.95


class TooFewError(ValueError):
    """There are too few positives or negatives to learn from; the message says how many and what is used instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One way of scoring on the held-out rows."""

    name: str
    auc: float | None
    log_loss: float | None
    brier: float | None
    accuracy: float
    """Share of right answers at the threshold of one half."""
    scores: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How much one area under the curve exceeds another, with its interval."""

    value: float
    low: float
    high: float

    @property
    def wins(self) -> bool:
        """Whether the interval lies above zero."""
        return self.low > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The comparison of all ways, and which one may be used."""

    scored: tuple[Scored, ...]
    base_rate: float
    """Share of positives among the held-out rows."""
    promoted: str
    """Name of the way that may be used: the baseline, where nothing beats it."""
    against_baseline: Mapping[str, Difference]
    network_adds: bool
    """Whether the neural network beats the best of the others by an interval that excludes zero."""
    reason: str
    champion: str | None
    """The way that was in force and beats the baseline; None: there was none, or it does no longer."""
    against_champion: Mapping[str, Difference]
    refused: Mapping[str, str]
    """Each way that is not promoted, but the baseline, and why."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Platt's map from raw chances to calibrated ones: a logistic regression on their log odds."""

    slope: float
    constant: float

    def apply(self, raw: Floats) -> Floats:
        """Return the calibrated chances, shape (rows,)."""
        return np.asarray(1 / (1 + np.exp(-(self.constant + self.slope * _logit(raw)))))


def calibrate(raw: Floats, responses: Flags) -> Calibration:
    """Return the map learned on rows that the model has not seen; never one that turns the order around.

    Where all responses are alike, or higher chances respond no more often, the mean is all that is told.
    """
    if 0 < responses.sum() < len(responses):
        fitted = LogisticRegression(C=1e6).fit(_logit(raw)[:, None], responses)
        if fitted.coef_[0][0] > 0:
            return Calibration(slope=float(fitted.coef_[0][0]), constant=float(fitted.intercept_[0]))
    rate = (responses.sum() + 0.5) / (len(responses) + 1)
    return Calibration(slope=0.0, constant=float(np.log(rate / (1 - rate))))


def judge(
    scores: Mapping[str, Floats],
    responses: Flags,
    *,
    baseline: str,
    champion: str | None = None,
    rng: np.random.Generator,
) -> Verdict:
    """Return the comparison of the scores, each of shape (rows,), on held-out rows; `baseline` is one of them.

    `champion` names the way in force. It is judged by what it reaches when it learns from the same rows as the others,
    not by the model in force, which may have seen the held-out rows already.
    """
    scored = tuple(_scored(name, each, responses) for name, each in scores.items())
    auc_of = {each.name: each.auc or 0.0 for each in scored}
    others = [name for name in scores if name != baseline]

    drawn = _drawn_areas(scores, responses, rng)

    def above(name: str, some: list[str]) -> dict[str, Difference]:
        return {each: _difference(auc_of[each] - auc_of[name], drawn[each] - drawn[name]) for each in some}

    against = above(baseline, others)
    winners = [name for name in others if against[name].wins]
    champion = champion if champion in winners else None
    against_champion = above(champion, [name for name in others if name != champion]) if champion else {}
    if champion:
        winners = [name for name in winners if name == champion or against_champion[name].wins]
    promoted = max(winners, key=lambda name: auc_of[name]) if winners else baseline
    plain = [name for name in others if name != NETWORK]
    best = max(plain, key=lambda name: auc_of[name]) if plain else None
    return Verdict(
        scored=scored,
        base_rate=float(responses.mean()),
        promoted=promoted,
        against_baseline=against,
        network_adds=NETWORK in scores and best is not None and above(best, [NETWORK])[NETWORK].wins,
        reason=f"{promoted} beats {baseline} by {_told(against[promoted])}"
        if winners
        else f"nothing beats {baseline} by an interval that excludes zero",
        champion=champion,
        against_champion=against_champion,
        refused={
            name: _refusal(name, promoted, baseline, champion, against, against_champion, auc_of)
            for name in others
            if name != promoted
        },
    )


def _refusal(
    name: str,
    promoted: str,
    baseline: str,
    champion: str | None,
    against: Mapping[str, Difference],
    against_champion: Mapping[str, Difference],
    auc_of: Mapping[str, float],
) -> str:
    if not against[name].wins:
        return f"beats {baseline} by no interval above zero: {_told(against[name])}"
    if champion and name != champion and not against_champion[name].wins:
        return f"beats {champion}, in force, by no interval above zero: {_told(against_champion[name])}"
    return f"its area under the curve, {auc_of[name]:.3f}, is below {auc_of[promoted]:.3f} of {promoted}"


def _told(each: Difference) -> str:
    return f"{each.value:+.3f} ({each.low:+.3f} to {each.high:+.3f})"


def differences(
    scores: Mapping[str, Floats], baseline: Floats, responses: Flags, *, rng: np.random.Generator
) -> dict[str, Difference]:
    """Return for each score how much its area under the curve exceeds that of the baseline (paired bootstrap)."""
    whole = auc(baseline, responses) or 0.0
    drawn = _drawn_areas({**scores, "": baseline}, responses, rng)
    return {
        name: _difference((auc(each, responses) or 0.0) - whole, drawn[name] - drawn[""])
        for name, each in scores.items()
    }


def _drawn_areas(
    scores: Mapping[str, Floats], responses: Flags, rng: np.random.Generator
) -> dict[str, Floats]:
    """Return the areas of each score for rows drawn with replacement DRAWS times, the same ones for all scores.

    Beyond MOST_ROWS a sample of the rows decides, which makes intervals wider, never narrower.
    """
    if len(responses) > MOST_ROWS:
        chosen = rng.choice(len(responses), MOST_ROWS, replace=False)
        scores, responses = {name: each[chosen] for name, each in scores.items()}, responses[chosen]
    size = len(responses)
    curves = [_Curve(each, responses) for each in scores.values()]
    drawn = np.empty((DRAWS, len(curves)))
    for draw in range(DRAWS):
        weights = np.bincount(rng.integers(0, size, size), minlength=size).astype(np.float64)
        drawn[draw] = [curve.area(weights) for curve in curves]
    return dict(zip(scores, drawn.T, strict=True))


def _difference(value: float, drawn: Floats) -> Difference:
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(drawn, [tail, 1 - tail])
    return Difference(value=value, low=float(low), high=float(high))


def auc(scores: Floats, responses: Flags) -> float | None:
    """Return the area under the ROC curve; None where all responses are alike."""
    if not 0 < responses.sum() < len(responses):
        return None
    return float(roc_auc_score(responses, scores))


class _Curve:
    """The area under the curve of one score for many weightings of the same rows: sorted once, ties counted half."""

    def __init__(self, scores: Floats, responses: Flags) -> None:
        self._order = np.argsort(scores, kind="stable")
        ordered = scores[self._order]
        self._starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self._positive = responses[self._order].astype(np.float64)

    def area(self, weights: Floats) -> float:
        """Return the area, NaN where the weights leave only one kind of response."""
        ordered = weights[self._order]
        positive = np.add.reduceat(ordered * self._positive, self._starts)
        negative = np.add.reduceat(ordered * (1 - self._positive), self._starts)
        pairs = positive.sum() * negative.sum()
        below = np.cumsum(negative) - negative / 2
        return float(positive @ below / pairs) if pairs else float("nan")


def enough(responses: Flags, *, instead: str, fewest: int | None = None) -> None:
    """Return when at least `fewest` (FEWEST_POSITIVES) responded and as many did not.

    Raises TooFewError, naming what is used instead, when there are too few.
    """
    wanted = FEWEST_POSITIVES if fewest is None else fewest
    positives, negatives = int(responses.sum()), int((~responses).sum())
    if min(positives, negatives) < wanted:
        need = f"a model needs {wanted} of each" if fewest is None else f"judging needs {wanted} of each"
        raise TooFewError(
            f"{positives} responded and {negatives} did not; {need}. Until then {instead} is used."
        )


def _scored(name: str, scores: Floats, responses: Flags) -> Scored:
    both = 0 < responses.sum() < len(responses)
    clipped = np.clip(scores, 1e-12, 1 - 1e-12)
    loss = -np.where(responses, np.log(clipped), np.log(1 - clipped)).mean()
    return Scored(
        name=name, auc=float(roc_auc_score(responses, scores)) if both else None, log_loss=float(loss),
        brier=float(((scores - responses) ** 2).mean()), accuracy=float(((scores >= 0.5) == responses).mean()),
        scores=scores,
    )  # fmt: skip


def _logit(chances: Floats) -> Floats:
    clipped = np.clip(np.asarray(chances, dtype=np.float64), 1e-6, 1 - 1e-6)
    return np.asarray(np.log(clipped / (1 - clipped)))
