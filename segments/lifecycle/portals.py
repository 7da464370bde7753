"""How well the return of customers is told at each portal: one model over all portals, judged on later time.

The last `dates` dates, one horizon apart, are held out. The answers at each are given by a model that learned from
earlier dates only, whose answers were all in by then; so are the thresholds. The model is refitted from date to date,
as a shop that computes every night does.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

import narwhals as nw
import numpy as np
import polars as pl
from lightgbm import LGBMClassifier

from precision.shop import columns as c
from segments.methods import portals
from segments.methods.classifier import FEWEST_POSITIVES
from segments.methods.portals import (
    FEATURES,
    HORIZON_DAYS,
    PORTAL,
    RESPONSE,
    WINDOW_DAYS,
    Flags,
    Floats,
    Numbers,
    PortalResult,
)

DATES: Final = 6
STEP_DAYS: Final = 7
MOST_STEPS: Final = 60
"""Dates that one fit learns from, the latest ones."""
MOST_PORTALS: Final = 72
MOST_ROWS: Final = 250_000
"""Rows that one fit learns from; of more, so many are drawn."""
MOST_CUSTOMERS: Final = 100_000
FOLDS: Final = 2

NO_HISTORY: Final = "the history is too short for dates to learn from and dates to be judged on"
NOBODY: Final = "nobody bought at these portals shortly before the dates to be judged on"
TOO_FEW: Final = "fewer than {least} came back or stayed away in the time to learn from"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Pairs of customer and portal as of some days; arrays of shape (rows,), `features` (rows, FEATURES)."""

    days: Numbers
    customers: Numbers
    portals: Numbers
    features: Floats
    answers: Flags

    def where(self, rows: Any) -> "Sample":
        """Return these rows."""
        return Sample(
            days=self.days[rows], customers=self.customers[rows], portals=self.portals[rows],
            features=self.features[rows], answers=self.answers[rows],
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the models said on the held-out dates, of all portals; arrays of shape (rows,)."""

    asked: Sample
    scores: Floats
    limits: Floats
    """Threshold of the portal as of the date."""
    dates: tuple[int, ...]
    sampled: int
    """One customer of so many was looked at."""
    reason: str
    """Why nobody was asked about; else empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What came out; without results there is a reason."""

    results: tuple[PortalResult, ...]
    dates: tuple[int, ...]
    """The days that were held out."""
    rows: int
    accuracy: float | None
    auc: float | None
    recency_auc: float | None
    """Of the days since the last trip alone."""
    sampled: int
    """One customer of so many was looked at."""
    reason: str

    @property
    def above_base(self) -> int:
        """Portals with more right answers than by their base rate."""
        return sum(each.lift > 0 for each in self.results)

    def accuracy_quantile(self, share: float) -> float | None:
        """Return the accuracy that this share of the portals stays below; None without portals."""
        return float(np.quantile([each.accuracy for each in self.results], share)) if self.results else None


def held_out(as_of: int, *, dates: int = DATES) -> list[int]:
    """Return the days to be judged on, the earliest first: their answers are all in before `as_of`."""
    return [as_of - HORIZON_DAYS * back for back in range(dates, 0, -1)]


def learned(first: int, date: int) -> list[int]:
    """Return the days to learn from for `date`: whole windows behind them, and all answers before `date`."""
    days = range(date - HORIZON_DAYS, first + WINDOW_DAYS - 1, -STEP_DAYS)
    return list(days)[:MOST_STEPS]


def evaluate(
    made: nw.LazyFrame[Any], *, as_of: int, rng: np.random.Generator, most: int = MOST_PORTALS
) -> Evaluation:
    """Return how well the return to the `most` largest portals is told; `made` are `portals.trips`.

    Which portals are the largest is seen from before the first day that is held out; the model learns from all of them.
    """
    told = answers(made, as_of=as_of, rng=rng)
    return judged(told, portals.largest(made, as_of=held_out(as_of)[0], most=most))


def answers(made: nw.LazyFrame[Any], *, as_of: int, rng: np.random.Generator) -> Answers:
    """Return what models of earlier time say on each of the dates that `held_out` gives."""
    first, every = _begin(made)
    made = made.filter(nw.col(c.CUSTOMER) % every == 0) if every > 1 else made
    dates = held_out(as_of)
    if first is None or not learned(first, dates[0]):
        return _unanswered(NO_HISTORY, sampled=every)
    rows = sample(made, sorted({day for date in dates for day in learned(first, date)} | set(dates)))
    seed = int(rng.integers(2**31))
    scores, limits = [], []
    for date in dates:
        known = _drawn(rows.where(np.isin(rows.days, learned(first, date))), rng)
        asked = rows.where(rows.days == date)
        positives = int(known.answers.sum())
        if min(positives, len(known.answers) - positives) < FEWEST_POSITIVES:
            return _unanswered(TOO_FEW.format(least=FEWEST_POSITIVES), sampled=every)
        own, common = portals.thresholds(known.portals, _crossed(known, seed), known.answers)
        scores.append(_scored(known, asked.features, seed))
        limits.append(np.array([own.get(int(portal), common) for portal in asked.portals]))
    return Answers(
        asked=rows.where(np.isin(rows.days, dates)), scores=np.concatenate(scores), limits=np.concatenate(limits),
        dates=tuple(dates), sampled=every, reason="",
    )  # fmt: skip


def judged(told: Answers, chosen: Collection[int]) -> Evaluation:
    """Return how many answers about the chosen portals are right, each and all together."""
    rows = np.isin(told.asked.portals, list(chosen))
    asked, scores, limits = told.asked.where(rows), told.scores[rows], told.limits[rows]
    if not len(scores):
        return Evaluation(
            results=(), dates=told.dates, rows=0, accuracy=None, auc=None, recency_auc=None, sampled=told.sampled,
            reason=told.reason or NOBODY,
        )  # fmt: skip
    recency = asked.features[:, list(FEATURES).index("recency_days")]
    return Evaluation(
        results=tuple(portals.judge(asked.customers, asked.portals, scores, asked.answers, limits)),
        dates=told.dates,
        rows=len(scores),
        accuracy=float(((scores >= limits) == asked.answers).mean()),
        auc=portals.area(scores, asked.answers),
        recency_auc=portals.area(-recency, asked.answers),
        sampled=told.sampled,
        reason="",
    )


def sample(made: nw.LazyFrame[Any], days: Iterable[int]) -> Sample:
    """Return all pairs as of each day, with what came of them; days and pairs in the order of their numbers."""
    frames = []
    for day in days:
        asked = portals.features(made, as_of=day)
        told = asked.join(portals.responses(made, as_of=day), on=[c.CUSTOMER, PORTAL], how="left")
        found: pl.DataFrame = told.collect("polars").to_native()
        frames.append(found.sort(c.CUSTOMER, PORTAL).with_columns(pl.lit(day, dtype=pl.Int64).alias("_day")))
    table = pl.concat(frames)
    return Sample(
        days=table["_day"].to_numpy(), customers=table[c.CUSTOMER].to_numpy(), portals=table[PORTAL].to_numpy(),
        features=table.select(*FEATURES).to_numpy().astype(np.float64, copy=False),
        answers=table[RESPONSE].fill_null(value=False).to_numpy(),
    )  # fmt: skip


def model(seed: int) -> LGBMClassifier:
    """Return the untrained model: shallow trees, since what tells most are two or three figures of each pair."""
    return LGBMClassifier(
        n_estimators=300, learning_rate=0.04, num_leaves=7, min_child_samples=200, subsample=0.8, subsample_freq=1,
        colsample_bytree=0.3, reg_lambda=20.0, random_state=seed, deterministic=True, force_row_wise=True,
        n_jobs=1, verbose=-1,
    )  # fmt: skip


def _scored(known: Sample, asked: Floats, seed: int) -> Floats:
    fitted = model(seed).fit(known.features, known.answers)
    return np.asarray(fitted.predict_proba(asked))[:, 1]


def _crossed(known: Sample, seed: int) -> Floats:
    """Return scores of the rows by models that did not learn from their customers: what thresholds are chosen by."""
    scores = np.zeros(len(known.answers))
    people, places = np.unique(known.customers, return_inverse=True)
    folds = np.random.default_rng(seed).integers(0, FOLDS, len(people))[places]
    for fold in range(FOLDS):
        own = folds == fold
        if own.any() and len(np.unique(known.answers[~own])) > 1:
            scores[own] = _scored(known.where(~own), known.features[own], seed)
    return scores


def _begin(made: nw.LazyFrame[Any]) -> tuple[int | None, int]:
    """Return the day of the first trip (None: there is none), and one customer of how many is looked at."""
    people = made.select(c.CUSTOMER).unique(c.CUSTOMER).select(nw.len().alias("_n")).collect()
    first = made.select(nw.col(c.DAY).min()).collect()[c.DAY].to_list()[0]
    return first, max(1, -(-int(people["_n"].to_list()[0]) // MOST_CUSTOMERS))


def _drawn(rows: Sample, rng: np.random.Generator) -> Sample:
    if len(rows.answers) <= MOST_ROWS:
        return rows
    return rows.where(np.sort(rng.choice(len(rows.answers), MOST_ROWS, replace=False)))


def _unanswered(reason: str, *, sampled: int) -> Answers:
    nobody = Sample(
        days=np.empty(0, np.int64), customers=np.empty(0, np.int64), portals=np.empty(0, np.int64),
        features=np.empty((0, len(FEATURES))), answers=np.empty(0, np.bool_),
    )  # fmt: skip
    return Answers(
        asked=nobody, scores=np.empty(0), limits=np.empty(0), dates=(), sampled=sampled, reason=reason
    )
