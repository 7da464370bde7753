"""Who will: one classifier for every target, judged on later time before it may be used.

Logistic regression (ridge), gradient-boosted trees (LightGBM) and a small neural network (multilayer perceptron) learn
from the same rows; each is calibrated on rows that it has not seen (Platt 1999). They are compared on held-out rows of a
later time by the area under the ROC curve with a paired bootstrap (Efron, Tibshirani 1993), and the winner is promoted
only where it beats the baseline by an interval that excludes zero. Undefined is None with a reason.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from lightgbm import LGBMClassifier
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
FEWEST_POSITIVES = 100
DRAWS = 1_000
LEVEL = 0.95


class TooFewError(ValueError):
    """There are too few positives or negatives to learn from; the message says how many and what is used instead."""


class Model(Protocol):
    """What scikit-learn's classifiers offer."""

    def fit(self, features: Any, responses: Any) -> Any: ...
    def predict_proba(self, features: Any) -> Any: ...


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


def models(rng: np.random.Generator) -> dict[str, Callable[[], Model]]:
    """Return how to make each untrained model, by name; the same generator gives the same models."""
    seed = int(rng.integers(2**31))
    return {
        "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=1000)),
        "boosting": lambda: LGBMClassifier(
            n_estimators=200, learning_rate=0.05, num_leaves=15, min_child_samples=40, subsample=0.8, subsample_freq=1,
            colsample_bytree=0.8, reg_lambda=1.0, random_state=seed, deterministic=True, force_row_wise=True, verbose=-1,
        ),
        "network": lambda: make_pipeline(
            StandardScaler(),
            MLPClassifier((32, 16), alpha=1e-2, early_stopping=True, max_iter=200, random_state=seed),
        ),
    }  # fmt: skip


def calibrate(raw: Floats, responses: Flags) -> Callable[[Floats], Floats]:
    """Return Platt's map from raw chances to calibrated ones, learned on rows that the model has not seen."""
    logit = LogisticRegression(C=1e6).fit(_logit(raw)[:, None], responses)
    return lambda scores: np.asarray(logit.predict_proba(_logit(scores)[:, None])[:, 1])


def judge(
    scores: Mapping[str, Floats], responses: Flags, *, baseline: str, rng: np.random.Generator
) -> Verdict:
    """Return the comparison of the scores, each of shape (rows,), on held-out rows; `baseline` is one of them."""
    scored = tuple(_scored(name, each, responses) for name, each in scores.items())
    others = [name for name in scores if name != baseline]
    against = differences({name: scores[name] for name in others}, scores[baseline], responses, rng=rng)
    winners = [name for name in others if against[name].wins]
    auc = {each.name: each.auc or 0.0 for each in scored}
    promoted = max(winners, key=auc.__getitem__) if winners else baseline
    plain = [name for name in others if name != "network"]
    adds = False
    if "network" in scores and plain:
        best = max(plain, key=auc.__getitem__)
        adds = differences({"network": scores["network"]}, scores[best], responses, rng=rng)["network"].wins
    reason = (
        f"{promoted} beats {baseline} by {against[promoted].value:+.3f} ({against[promoted].low:+.3f} to "
        f"{against[promoted].high:+.3f})"
        if winners
        else f"nothing beats {baseline} by an interval that excludes zero"
    )
    return Verdict(
        scored=scored, base_rate=float(responses.mean()), promoted=promoted, against_baseline=against,
        network_adds=adds, reason=reason,
    )  # fmt: skip


def differences(
    scores: Mapping[str, Floats], baseline: Floats, responses: Flags, *, rng: np.random.Generator
) -> dict[str, Difference]:
    """Return for each score how much its area under the curve exceeds that of the baseline (paired bootstrap)."""
    size = len(responses)
    drawn: dict[str, list[float]] = {name: [] for name in scores}
    for _ in range(DRAWS):
        rows = rng.integers(0, size, size)
        if not 0 < responses[rows].sum() < size:
            continue
        base = roc_auc_score(responses[rows], baseline[rows])
        for name, each in scores.items():
            drawn[name].append(float(roc_auc_score(responses[rows], each[rows])) - base)
    tail = (1 - LEVEL) / 2
    whole = roc_auc_score(responses, baseline)
    return {
        name: Difference(
            value=float(roc_auc_score(responses, scores[name]) - whole),
            low=float(np.quantile(values, tail)), high=float(np.quantile(values, 1 - tail)),
        )
        for name, values in drawn.items()
    }  # fmt: skip


def enough(responses: Flags, *, instead: str) -> None:
    """Return when there is enough to learn from; raise TooFewError, naming what is used instead, when there is not."""
    positives, negatives = int(responses.sum()), int((~responses).sum())
    if min(positives, negatives) < FEWEST_POSITIVES:
        raise TooFewError(
            f"{positives} responded and {negatives} did not; a model needs {FEWEST_POSITIVES} of each. Until then "
            f"{instead} is used."
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
