"""Accuracy per portal: will a household that shopped at a store in the last 12 weeks shop there in the next four.

Six dates are held out, four weeks apart, each told by a model that learned from earlier dates only. The stores are the
72 largest, by the trips before the first of these dates, and again by those of the whole year.
"""

from typing import Any

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from benchmarks.quality_shops import Facts, Shops
from precision.shop import columns as c
from segments.lifecycle import portals as judging
from segments.lifecycle.portals import Evaluation
from segments.methods import portals

GOALS = {"auc": 0.87, "accuracy_median": 0.80, "accuracy_tenth": 0.70, "above_base": 70}
SEED = 1
TITLES = {
    "portals": "stores",
    "questions": "questions (household, store, date)",
    "positive_rate": "came back",
    "auc": "AUC",
    "recency_auc": "AUC of recency alone",
    "accuracy": "right answers",
    "accuracy_median": "right answers, median store",
    "accuracy_tenth": "right answers, 10th percentile of stores",
    "base_median": "base rate, median store",
    "above_base": "stores above their base rate",
}


def run(shops: Shops) -> dict[str, Any]:
    """Print both tables and return the figures."""
    facts = shops.grocer
    made = portals.trips(facts.lines.rename({c.STORE: portals.PORTAL})).collect("polars").lazy()
    told = judging.answers(made, as_of=facts.day, rng=np.random.default_rng(SEED))
    chosen = {
        name: judging.judged(told, portals.largest(made, as_of=day, most=judging.MOST_PORTALS))
        for name, day in (("before", told.dates[0]), ("year", facts.day))
    }
    figures = {name: _figures(found) for name, found in chosen.items()}
    console = Console()
    console.print(_each(chosen["before"], facts))
    console.print(_summary(figures))
    return {"goals": GOALS, "dates": len(told.dates), **figures}


def _figures(found: Evaluation) -> dict[str, Any]:
    results = found.results
    rates = np.array([each.positive_rate for each in results])
    rows = np.array([each.rows for each in results])
    return {
        "portals": len(results),
        "questions": found.rows,
        "positive_rate": float(np.dot(rates, rows) / rows.sum()),
        "auc": found.auc,
        "recency_auc": found.recency_auc,
        "accuracy": found.accuracy,
        "accuracy_median": found.accuracy_quantile(0.5),
        "accuracy_tenth": found.accuracy_quantile(0.1),
        "base_median": float(np.median([each.base_accuracy for each in results])),
        "above_base": found.above_base,
    }


def _each(found: Evaluation, facts: Facts) -> Table:
    names = dict(facts.frame("stores").select(c.STORE, pl.col("store_id")).collect().iter_rows())
    table = Table("store", title="Stores, those that gain most over their base rate first")
    for title in ("households", "questions", "came back", "base rate", "right", "above base", "AUC"):
        table.add_column(title, justify="right")
    for each in sorted(found.results, key=lambda one: -one.lift):
        table.add_row(
            names[each.portal], f"{each.customers:,}", f"{each.rows:,}", f"{each.positive_rate:.1%}",
            f"{each.base_accuracy:.1%}", f"{each.accuracy:.1%}", f"{each.lift:+.1%}",
            "–" if each.auc is None else f"{each.auc:.3f}",
        )  # fmt: skip
    return table


def _summary(figures: dict[str, dict[str, Any]]) -> Table:
    table = Table("what", title="Accuracy per portal")
    for title in ("largest before the dates", "largest of the year", "goal"):
        table.add_column(title, justify="right")
    for name, title in TITLES.items():
        values = [figures[one][name] for one in ("before", "year")]
        cells = [f"{each:,}" if isinstance(each, int) else f"{each:.4f}" for each in values]
        table.add_row(title, *cells, f"≥ {GOALS[name]:g}" if name in GOALS else "")
    return table
