"""What `segments_scoring` measures; a module of its own, because it needs Django to be set up."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import narwhals as nw
import numpy as np
import polars as pl

from benchmarks.segments_labels import SEED, TODAY, Shop
from precision.shop import columns as c
from segments.jobs import scores
from segments.jobs.models import COLUMNS
from segments.labels.from_activity import ACTIVE_DAYS
from segments.lifecycle import features, samples, training
from segments.lifecycle.scoring import Fitted
from segments.lifecycle.targets import TARGETS
from segments.methods import classifier, learners

LEARNED: Final = 20
"""One of so many customers is learned from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The facts and a model for each target."""

    folder: Path
    models: dict[str, Fitted]


def trained(shop: Shop) -> World:
    """Return the shop with boosted trees for each target; what they learn is made up, their size is real."""
    known = _table(shop.folder, learned_only=True)
    table = training.matrix(known)
    rng = np.random.default_rng(SEED)
    seen = np.nan_to_num(table[:, list(features.WORDS).index("recency_days")], nan=365.0)
    yes = rng.random(len(table)) < 1 / (1 + np.exp(-(seen - 180) / 60))
    model = learners.fit(learners.BOOSTING, table, yes, seed=1)
    fitted = Fitted(
        kind=learners.BOOSTING, model=model, calibration=classifier.calibrate(model.scores(table), yes)
    )
    return World(folder=shop.folder, models=dict.fromkeys(TARGETS, fitted))


def all_scores(world: World) -> dict[str, Any]:
    """Compute and write what the nightly job computes; returns how much came out, and the seconds of each part."""
    start = time.perf_counter()
    table = _table(world.folder)
    built = time.perf_counter()
    everybody = table.select(c.CUSTOMER)
    chances = rows = 0
    for key, fitted in world.models.items():
        told, detailed = scores.scored(table, TARGETS[key], fitted, days=ACTIVE_DAYS)
        everybody = scores.with_chances(everybody, TARGETS[key], told)
        chances += told.height
        rows += detailed.height
    everybody.write_parquet(world.folder / "scores.parquet", compression="zstd")
    return {
        "features": len(features.WORDS),
        "scored": table.height,
        "chances": chances,
        "rows_with_reasons": rows,
        "feature_seconds": round(built - start, 2),
        "scoring_seconds": round(time.perf_counter() - built, 2),
    }


def _table(folder: Path, *, learned_only: bool = False) -> pl.DataFrame:
    lines, events = _scan(folder / "lines", learned_only), _scan(folder / "events", learned_only)
    some = pl.read_parquet(folder / "profiles.parquet", columns=["customer", "registered_day"])
    day = pl.col("registered_day").cast(pl.Int32).cast(pl.Int64).alias(c.DAY)
    registered = nw.from_native(some.select(pl.col("customer").alias(c.CUSTOMER), day).lazy())
    return samples.table(
        lines.select(*COLUMNS["order_lines"]), events.select(*COLUMNS["events"]), registered, as_of_day=TODAY
    )


def _scan(folder: Path, learned_only: bool) -> "nw.LazyFrame[pl.LazyFrame]":
    frame = pl.scan_parquet(folder / "*.parquet")
    return nw.from_native(frame.filter(pl.col(c.CUSTOMER) % LEARNED == 0) if learned_only else frame)
