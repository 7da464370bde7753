"""Churn, no order within the next 60 days, on several held-out dates against recency alone.

Each date is told by models of earlier dates whose answers were in by then. The intervals draw customers, each with all
dates: the same people are asked about again and again.
"""

from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_auc_score

from benchmarks.quality_propensity import EVENTS, LINES
from benchmarks.quality_shops import Facts
from precision.shop import columns as c
from segments.lifecycle import features, samples
from segments.lifecycle.targets import TARGETS
from segments.lifecycle.training import Sample
from segments.methods import learners
from segments.methods.learners import BOOSTING, LOGISTIC, NETWORK

CHURN = TARGETS["churn"]
DATES, STEP_DAYS, MOST_STEPS = 3, 14, 8
DRAWS = 300
SEED = 1
RECENCY = list(features.WORDS).index(CHURN.baseline)
Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]


def run(facts: Facts, console: Console) -> dict[str, Any]:
    """Print and return the areas under the curve over all dates, and how far the models are above recency."""
    rng = np.random.default_rng(SEED)
    first = int(facts.frame("lines").select(pl.col(c.DAY).min()).collect().item())
    asked_on = [facts.day - CHURN.horizon_days * back for back in range(DATES, 0, -1)]
    days = {day: _learned(first, day) for day in asked_on}
    found = _samples(facts, sorted({*asked_on, *(each for some in days.values() for each in some)}), rng)
    parts: dict[str, list[Floats]] = {name: [] for name in ("recency", LOGISTIC, BOOSTING, NETWORK)}
    for day in asked_on:
        known = np.concatenate([found[each].features for each in days[day]])
        answers = np.concatenate([found[each].responses for each in days[day]])
        parts["recency"].append(found[day].features[:, RECENCY])
        for kind in (LOGISTIC, BOOSTING, NETWORK):
            model = learners.fit(kind, known, answers, seed=SEED)
            parts[kind].append(model.scores(found[day].features))
    people = np.concatenate([found[day].customers for day in asked_on])
    answers = np.concatenate([found[day].responses for day in asked_on])
    scores = {name: np.concatenate(some) for name, some in parts.items()}
    figures = _figures(scores, answers, people, rng)
    for day, *each in zip(asked_on, *parts.values(), strict=True):
        figures["by_date"].append(
            {
                "days_before_the_end": facts.day - day,
                "rows": len(found[day].responses),
                "churned": float(found[day].responses.mean()),
                **{
                    name: float(roc_auc_score(found[day].responses, one))
                    for name, one in zip(parts, each, strict=True)
                },
            }
        )
    _print(facts.key, figures, console)
    return figures


def _learned(first: int, day: int) -> list[int]:
    """Return the days to learn from: answers in before `day`, and at least as long a past."""
    return list(range(day - CHURN.horizon_days, first + CHURN.horizon_days - 1, -STEP_DAYS))[:MOST_STEPS]


def _samples(facts: Facts, days: list[int], rng: np.random.Generator) -> dict[int, Sample]:
    lines, events = (
        nw.from_native(facts.frame(name).select(*columns).collect().lazy())
        for name, columns in (("lines", LINES), ("events", EVENTS))
    )
    nobody = nw.from_native(pl.DataFrame(schema={c.CUSTOMER: pl.Int64, c.DAY: pl.Int64}).lazy())
    return {day: samples.samples([CHURN], lines, events, nobody, day=day, rng=rng)[CHURN.key] for day in days}


def _figures(
    scores: dict[str, Floats], answers: Flags, people: Numbers, rng: np.random.Generator
) -> dict[str, Any]:
    """Return the areas, and of each model what it is above recency with its interval."""
    names = [name for name in scores if name != "recency"]
    drawn = {name: [] for name in names}  # type: dict[str, list[float]]
    rows_of = _rows_of(people)
    for _ in range(DRAWS):
        rows = np.concatenate([rows_of[one] for one in rng.integers(0, len(rows_of), len(rows_of))])
        base = roc_auc_score(answers[rows], scores["recency"][rows])
        for name in names:
            drawn[name].append(float(roc_auc_score(answers[rows], scores[name][rows]) - base))
    areas = {name: float(roc_auc_score(answers, each)) for name, each in scores.items()}
    return {
        "rows": len(answers),
        "customers": len(rows_of),
        "churned": float(answers.mean()),
        "auc": areas,
        "above_recency": {
            name: {
                "value": areas[name] - areas["recency"],
                "low": float(np.quantile(values, 0.025)),
                "high": float(np.quantile(values, 0.975)),
            }
            for name, values in drawn.items()
        },
        "by_date": [],
    }


def _rows_of(people: Numbers) -> list[Numbers]:
    order = np.argsort(people, kind="stable")
    cuts = np.flatnonzero(np.diff(people[order])) + 1
    return np.split(order, cuts)


def _print(key: str, figures: dict[str, Any], console: Console) -> None:
    table = Table(
        "by",
        title=f"No order within {CHURN.horizon_days} days, {key}: {figures['customers']:,} customers, "
        f"{figures['churned']:.1%} of {figures['rows']:,} answers",
    )
    dates = figures["by_date"]
    for title in (
        "AUC",
        "above recency, 95 %",
        *(f"{one['days_before_the_end']} days before" for one in dates),
    ):
        table.add_column(title, justify="right")
    for name, area in figures["auc"].items():
        above = figures["above_recency"].get(name)
        interval = f"{above['value']:+.4f} ({above['low']:+.4f} to {above['high']:+.4f})" if above else ""
        table.add_row(name, f"{area:.4f}", interval, *(f"{one[name]:.4f}" for one in dates))
    console.print(table)
