"""Learning a target from earlier time and judging it on later time.

Each as-of date gives a table of features and responses. The models learn from all dates but the last two, are
calibrated on the last but one, and judged on the last: a date is used for one thing only. What wins is learned again
from everything, with the calibration kept, and scores tonight's customers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from precision.shop import columns as c
from segments.lifecycle import features
from segments.lifecycle.targets import Target
from segments.methods import classifier, learners, logit
from segments.methods.classifier import Calibration, TooFewError, Verdict
from segments.methods.learners import BOOSTING, LOGISTIC, NETWORK, Trained
from segments.methods.reduction import variable_clusters

BASELINE: Final = "baseline"
KINDS: Final = (LOGISTIC, BOOSTING, NETWORK)
FEWEST_DATES: Final = 3
MOST_ROWS: Final = 80_000
"""Rows that a model learns from: a random sample of them beyond that."""
MOST_VARIABLES: Final = 12
"""Coefficients that a person reads."""
LEAST_GIVEN: Final = 0.5
"""Share of the rows that must have a value of a variable of the report."""

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A population as of a day and what it did."""

    day: int
    customers: NDArray[np.int64]
    features: Floats
    """Shape (rows, len(features.WORDS)), NaN where not known."""
    responses: Flags


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a target."""

    fitted: Fitted
    verdict: Verdict | None
    """None: nothing was trained."""
    reason: str
    """Why this one is used, in words."""
    report: dict[str, Any] | None
    """The logistic regression as a statistician reads it; None with a reason in `report_reason`."""
    report_reason: str = ""
    dates: tuple[int, ...] = ()
    rows: int = 0
    positives: int = 0
    importance: dict[str, float] = field(default_factory=dict)
    """Mean absolute contribution of each feature to the log odds."""


def matrix(rows: pl.DataFrame) -> Floats:
    """Return the features of a table in the order of WORDS, missing ones NaN."""
    columns = [
        rows.get_column(name).cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in features.WORDS
    ]
    return np.column_stack(columns) if columns else np.empty((rows.height, 0))


def sample(day: int, rows: pl.DataFrame, responses: Flags) -> Sample:
    """Return the sample of a population with its responses."""
    return Sample(
        day=day,
        customers=rows.get_column(c.CUSTOMER).to_numpy(),
        features=matrix(rows),
        responses=responses,
    )


def train(target: Target, samples: Sequence[Sample], *, rng: np.random.Generator) -> Result:
    """Return what may score the target's population, judged on the latest sample.

    Where there are fewer than FEWEST_DATES samples, or too few who responded or who did not, nothing is trained: the
    baseline feature is used, calibrated on all rows.
    """
    ordered = sorted((each for each in samples if len(each.responses)), key=lambda each: each.day)
    instead = f"“{features.WORDS[target.baseline]}” alone"
    everything = _merged(ordered)
    dates = tuple(each.day for each in ordered)
    rows, positives = len(everything.responses), int(everything.responses.sum())
    try:
        if len(ordered) < FEWEST_DATES:
            raise TooFewError(
                f"There are {len(ordered)} dates with a population; {FEWEST_DATES} are needed: to learn, to calibrate "
                f"and to judge. Until then {instead} is used."
            )
        learning, calibrating, judging = _merged(ordered[:-2]), ordered[-2], ordered[-1]
        for part in (learning, calibrating, judging):
            classifier.enough(part.responses, instead=instead)
    except TooFewError as error:
        return Result(
            fitted=_baseline(target, everything), verdict=None, reason=str(error), report=None,
            report_reason=str(error), dates=dates, rows=rows, positives=positives,
        )  # fmt: skip
    seed = int(rng.integers(2**31))
    small = _drawn(learning, rng)
    scores = {BASELINE: _baseline_raw(target, judging.features)}
    calibrations = {}
    for kind in KINDS:
        model = learners.fit(kind, small.features, small.responses, seed=seed)
        calibrations[kind] = classifier.calibrate(model.scores(calibrating.features), calibrating.responses)
        scores[kind] = calibrations[kind].apply(model.scores(judging.features))
    calibrations[BASELINE] = classifier.calibrate(
        _baseline_raw(target, calibrating.features), calibrating.responses
    )
    scores[BASELINE] = calibrations[BASELINE].apply(scores[BASELINE])
    verdict = classifier.judge(scores, judging.responses, baseline=BASELINE, rng=rng)
    if verdict.promoted == BASELINE:
        fitted = _baseline(target, everything)
        importance = {target.baseline: 1.0}
    else:
        drawn = _drawn(everything, rng)
        model = learners.fit(verdict.promoted, drawn.features, drawn.responses, seed=seed)
        fitted = Fitted(kind=verdict.promoted, model=model, calibration=calibrations[verdict.promoted])
        weight = np.abs(model.contributions(drawn.features[:5_000])).mean(axis=0)
        importance = dict(zip(features.WORDS, weight.tolist(), strict=True))
    report, why_not = statistics(small)
    return Result(
        fitted=fitted, verdict=verdict, reason=verdict.reason, report=report, report_reason=why_not,
        dates=dates, rows=rows, positives=positives,
        importance=dict(sorted(importance.items(), key=lambda item: -item[1])),
    )  # fmt: skip


def score(target: Target, fitted: Fitted, table: Floats) -> Floats:
    """Return the calibrated chance of each row, shape (rows,)."""
    raw = _baseline_raw(target, table) if fitted.model is None else fitted.model.scores(table)
    return fitted.calibration.apply(raw)


def contributions(target: Target, fitted: Fitted, table: Floats) -> Floats:
    """Return how much each feature moves each row's log odds, shape (rows, features)."""
    if fitted.model is not None:
        return fitted.model.contributions(table) * fitted.calibration.slope
    moved = np.zeros_like(table)
    odds = fitted.calibration.slope * _log_odds(_baseline_raw(target, table))
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


def statistics(rows: Sample) -> tuple[dict[str, Any] | None, str]:
    """Return the report of a logistic regression on a few variables, and why there is none.

    Variables are the representatives of clusters of correlated ones, prepared as in `learners`, so that each
    coefficient is for one standard deviation of the signed logarithm.
    """
    names = np.array(list(features.WORDS))
    given = np.isfinite(rows.features).mean(axis=0) >= LEAST_GIVEN
    prepared = learners.preparation(rows.features).apply(rows.features)
    usable = np.flatnonzero(given & (prepared.std(axis=0) > 0))
    if len(usable) < 2:
        return None, "Fewer than two features differ between the customers."
    correlation = np.asarray(np.corrcoef(prepared[:, usable], rowvar=False))
    clusters = variable_clusters(correlation, names=list(names[usable]))
    chosen = [cluster.representative for cluster in clusters]
    signal = {
        name: abs(float(np.corrcoef(prepared[:, list(names).index(name)], rows.responses)[0, 1]))
        for name in chosen
    }
    chosen = sorted(chosen, key=lambda name: -signal[name])[:MOST_VARIABLES]
    columns = [list(names).index(name) for name in chosen]
    try:
        found = logit.fit(prepared[:, columns], rows.responses, names=chosen)
    except logit.NotFittedError as error:
        return None, str(error)
    subset = chosen[len(chosen) // 2 :]
    try:
        weaker = logit.subset_test(prepared[:, columns], rows.responses, names=chosen, subset=subset)
    except (logit.NotFittedError, ValueError):
        weaker = None
    return _as_data(found, weaker, subset), ""


def _as_data(found: logit.Report, weaker: logit.Test | None, subset: list[str]) -> dict[str, Any]:
    """Return the report as JSON values."""

    def test(each: logit.Test | None) -> dict[str, Any] | None:
        return None if each is None else {"statistic": each.statistic, "degrees": each.degrees, "p": each.p}

    return {
        "rows": found.rows,
        "positives": found.positives,
        "coefficients": [
            {
                "name": each.name, "words": features.WORDS.get(each.name, each.name), "estimate": each.estimate,
                "error": each.error, "wald": each.wald, "p": each.p, "odds_ratio": each.odds_ratio,
                "low": each.low, "high": each.high,
            }
            for each in found.coefficients
        ],
        "likelihood_ratio": test(found.likelihood_ratio),
        "score": test(found.score),
        "wald": test(found.wald),
        "subset": {"names": subset, "test": test(weaker)},
        "minus_2_log_likelihood": [-2 * found.log_likelihood_null, -2 * found.log_likelihood],
        "aic": found.aic,
        "sbc": found.sbc,
        "c": found.pairs.c,
        "concordant": found.pairs.concordant,
        "discordant": found.pairs.discordant,
        "tied": found.pairs.tied,
    }  # fmt: skip


def _merged(samples: Sequence[Sample]) -> Sample:
    if not samples:
        return Sample(
            day=0, customers=np.empty(0, np.int64), features=np.empty((0, len(features.WORDS))),
            responses=np.empty(0, np.bool_),
        )  # fmt: skip
    return Sample(
        day=samples[-1].day,
        customers=np.concatenate([each.customers for each in samples]),
        features=np.concatenate([each.features for each in samples]),
        responses=np.concatenate([each.responses for each in samples]),
    )


def _drawn(rows: Sample, rng: np.random.Generator) -> Sample:
    """Return the rows, or a sample of MOST_ROWS of them."""
    if len(rows.responses) <= MOST_ROWS:
        return rows
    chosen = np.sort(rng.choice(len(rows.responses), MOST_ROWS, replace=False))
    return Sample(
        day=rows.day, customers=rows.customers[chosen], features=rows.features[chosen],
        responses=rows.responses[chosen],
    )  # fmt: skip


def _baseline(target: Target, rows: Sample) -> Fitted:
    """Return the baseline feature alone, calibrated on the rows."""
    raw = _baseline_raw(target, rows.features)
    calibration = (
        classifier.calibrate(raw, rows.responses) if len(raw) else Calibration(slope=0.0, constant=0.0)
    )
    return Fitted(kind=BASELINE, model=None, calibration=calibration)


def _baseline_raw(target: Target, table: Floats) -> Floats:
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
