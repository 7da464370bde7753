"""Purchase within the week on the generated shop, against the chance that was planted there."""

from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_auc_score

from benchmarks.quality_shops import Facts
from precision.shop import columns as c
from segments.lifecycle import features, training
from segments.methods import learners
from segments.methods.learners import BOOSTING, LOGISTIC

LEARNED_WEEKS = range(20, 45, 4)
HELD_OUT_WEEKS = range(46, 52)
MOST_NEGATIVES = 15_000
"""People who did not buy, drawn of each week that is learned from; the order of scores does not depend on them."""
LINES = (
    c.CUSTOMER, c.ORDER, c.PRODUCT, c.CATEGORY, c.STORE, c.DAY, c.WEEKDAY, c.QUANTITY_E3, c.UNIT_PRICE_E4,
    c.LIST_PRICE_E4, c.AMOUNT_E4, c.RETURNED,
)  # fmt: skip
EVENTS = (c.CUSTOMER, c.EVENT, c.DAY, c.CHANNEL, c.DURATION_MS)
"""What features read."""
LIVELY_DAYS = 28
"""Nobody has to tell that those who are long gone do not buy: their chances make the task look easy."""
SEED = 1
Floats = NDArray[np.float64]


def run(facts: Facts, console: Console) -> dict[str, Any]:
    """Print and return the areas under the curve of models and truth on the held-out weeks, everybody in them."""
    lines, events = (
        nw.from_native(facts.frame(name).select(*columns).collect().lazy())
        for name, columns in (("lines", LINES), ("events", EVENTS))
    )
    truth = facts.frame("truth").collect()
    rng = np.random.default_rng(SEED)
    learned = [_week(lines, events, truth, week) for week in LEARNED_WEEKS]
    asked = pl.concat([_week(lines, events, truth, week) for week in HELD_OUT_WEEKS])
    known = pl.concat([_thinned(each, rng) for each in learned])
    scores = {"truth": asked["chance"].to_numpy()}
    for kind in (LOGISTIC, BOOSTING):
        model = learners.fit(kind, training.matrix(known), known["bought"].to_numpy(), seed=SEED)
        scores[kind] = model.scores(training.matrix(asked))
    lively = (asked["seen_days_ago"] <= LIVELY_DAYS).fill_null(value=False).to_numpy()
    groups = {"everybody": np.ones(asked.height, dtype=bool), "lively": lively}
    figures = {name: _areas(scores, asked["bought"].to_numpy(), rows) for name, rows in groups.items()}
    table = Table("AUC", title=f"Purchase within a week, {facts.key}")
    for title in ("everybody", f"seen in the last {LIVELY_DAYS} days"):
        table.add_column(title, justify="right")
    for name in ("rows", "truth", LOGISTIC, BOOSTING, "below_truth"):
        cells = [each[name] for each in figures.values()]
        words = {
            "rows": "people × weeks",
            "truth": "planted chance",
            "below_truth": "best below it (goal ≤ 0.02)",
        }
        table.add_row(
            words.get(name, name), *(f"{cell:,}" if name == "rows" else f"{cell:.4f}" for cell in cells)
        )
    console.print(table)
    people = facts.frame("people").select(pl.len()).collect().item()
    return {"people": people, **figures}


def _areas(scores: dict[str, Floats], answers: NDArray[np.bool_], rows: NDArray[np.bool_]) -> dict[str, Any]:
    areas = {name: float(roc_auc_score(answers[rows], each[rows])) for name, each in scores.items()}
    return {
        "rows": int(rows.sum()),
        "positive_rate": float(answers[rows].mean()),
        **areas,
        "below_truth": areas["truth"] - max(areas[LOGISTIC], areas[BOOSTING]),
    }


def _week(
    lines: "nw.LazyFrame[Any]", events: "nw.LazyFrame[Any]", truth: pl.DataFrame, week: int
) -> pl.DataFrame:
    """Return the features as of the first day of the week beside what was planted for it."""
    planted = truth.filter(pl.col("week") == week)
    built = features.build(lines, events, as_of_day=planted["first_day"].item(0)).collect("polars")
    table: pl.DataFrame = built.to_native()
    return table.join(planted.select(c.CUSTOMER, "chance", "bought"), on=c.CUSTOMER).sort(c.CUSTOMER)


def _thinned(rows: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    bought, others = rows.filter(pl.col("bought")), rows.filter(~pl.col("bought"))
    drawn = rng.choice(others.height, min(MOST_NEGATIVES, others.height), replace=False)
    return pl.concat([bought, others[np.sort(drawn)]])
