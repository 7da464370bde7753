"""Learning a target from earlier time and judging it on later time.

Each as-of date gives a table of features and responses. Of the people of all dates but the last, four fifths are
learned from and one fifth serves to calibrate; the last date judges. What wins learns again in the same way from all
dates, and scores tonight's customers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from precision.shop import columns as c
from segments.lifecycle import features
from segments.lifecycle.reports import statistics
from segments.lifecycle.scoring import BASELINE, KINDS, Fitted, baseline_scores, score
from segments.lifecycle.targets import Target
from segments.methods import classifier, learners
from segments.methods.classifier import TooFewError, Verdict

FEWEST_DATES: Final = 2
FEWEST_JUDGED: Final = 20
"""Held-out rows of each kind below which nobody can tell models apart."""
CALIBRATING: Final = 5
"""One of so many people calibrates."""
MOST_ROWS: Final = 80_000
"""Rows that a model learns from: a random sample of them beyond that."""

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
class Result:
    """What came of a target."""

    fitted: Fitted | None
    """None: nobody was asked about on any earlier date, so that not even a rate is known."""
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


def train(
    target: Target, samples: Sequence[Sample], *, champion: str | None = None, rng: np.random.Generator
) -> Result:
    """Return what may score the target's population, judged on the latest sample; `champion` is the kind in force.

    Where there are fewer than FEWEST_DATES samples, or too few who responded or who did not, nothing is trained: the
    baseline feature is used, calibrated on all rows.
    """
    ordered = sorted((each for each in samples if len(each.responses)), key=lambda each: each.day)
    everything = _merged(ordered)
    told = {
        "dates": tuple(each.day for each in ordered),
        "rows": len(everything.responses),
        "positives": int(everything.responses.sum()),
    }
    try:
        learning, calibrating, judging = _parts(target, ordered)
    except TooFewError as error:
        why = str(error)
        fitted = _baseline(target, everything) if told["rows"] else None
        return Result(fitted=fitted, verdict=None, reason=why, report=None, report_reason=why, **told)  # type: ignore[arg-type]
    seed = int(rng.integers(2**31))
    small = _drawn(learning, rng)
    # One feature has nothing to learn but its calibration, for which it gets all earlier rows.
    alone = _baseline(target, _merged([learning, calibrating]))
    scores = {BASELINE: score(target, alone, judging.features)}
    for kind in KINDS:
        model = learners.fit(kind, small.features, small.responses, seed=seed)
        calibration = classifier.calibrate(model.scores(calibrating.features), calibrating.responses)
        scores[kind] = calibration.apply(model.scores(judging.features))
    verdict = classifier.judge(scores, judging.responses, baseline=BASELINE, champion=champion, rng=rng)
    if verdict.promoted == BASELINE:
        fitted, importance = _baseline(target, everything), {target.baseline: 1.0}
    else:
        fitted, importance = _final(verdict.promoted, everything, seed=seed, rng=rng)
    report, why_not = statistics(small.features, small.responses)
    return Result(
        fitted=fitted, verdict=verdict, reason=verdict.reason, report=report, report_reason=why_not,
        importance=dict(sorted(importance.items(), key=lambda item: -item[1])), **told,  # type: ignore[arg-type]
    )  # fmt: skip


def _parts(target: Target, ordered: Sequence[Sample]) -> tuple[Sample, Sample, Sample]:
    """Return what is learned from, what calibrates and what judges; TooFewError where there is too little."""
    instead = f"“{features.WORDS[target.baseline]}” alone"
    if not ordered:
        raise TooFewError("There is no earlier date with anybody to ask about: no chance is told.")
    if len(ordered) < FEWEST_DATES:
        raise TooFewError(
            f"There is {len(ordered)} date with a population; {FEWEST_DATES} are needed: to learn and to judge. "
            f"Until then {instead} is used."
        )
    earlier, judging = _merged(ordered[:-1]), ordered[-1]
    classifier.enough(earlier.responses, instead=instead)
    classifier.enough(judging.responses, instead=instead, fewest=FEWEST_JUDGED)
    learning, calibrating = _split(earlier)
    return learning, calibrating, judging


def _final(
    kind: str, everything: Sample, *, seed: int, rng: np.random.Generator
) -> tuple[Fitted, dict[str, float]]:
    """Return a model of all dates with its calibration, and the mean absolute contribution of each feature."""
    learning, calibrating = _split(everything)
    drawn = _drawn(learning, rng)
    model = learners.fit(kind, drawn.features, drawn.responses, seed=seed)
    calibration = classifier.calibrate(model.scores(calibrating.features), calibrating.responses)
    weight = np.abs(model.contributions(drawn.features[:5_000])).mean(axis=0)
    fitted = Fitted(kind=kind, model=model, calibration=calibration)
    return fitted, dict(zip(features.WORDS, weight.tolist(), strict=True))


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


def _split(rows: Sample) -> tuple[Sample, Sample]:
    """Return the rows of four fifths of the people and those of the others; a person is always on the same side."""
    # Multiplying by a large odd number mixes the bits (Knuth), so that neighbouring numbers fall apart.
    mixed = (rows.customers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)
    calibrates = mixed % np.uint64(CALIBRATING) == 0
    return _some(rows, ~calibrates), _some(rows, calibrates)


def _some(rows: Sample, chosen: NDArray[Any]) -> Sample:
    return Sample(
        day=rows.day, customers=rows.customers[chosen], features=rows.features[chosen],
        responses=rows.responses[chosen],
    )  # fmt: skip


def _drawn(rows: Sample, rng: np.random.Generator) -> Sample:
    """Return the rows, or a sample of MOST_ROWS of them."""
    if len(rows.responses) <= MOST_ROWS:
        return rows
    return _some(rows, np.sort(rng.choice(len(rows.responses), MOST_ROWS, replace=False)))


def _baseline(target: Target, rows: Sample) -> Fitted:
    """Return the baseline feature alone, calibrated on the rows."""
    raw = baseline_scores(target, rows.features)
    return Fitted(kind=BASELINE, model=None, calibration=classifier.calibrate(raw, rows.responses))
