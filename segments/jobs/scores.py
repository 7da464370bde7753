"""Scores of customers by the models in force."""

from typing import Final

import narwhals as nw
import numpy as np
import polars as pl

from precision.engine import runs
from precision.engine.backends import Engine
from precision.engine.copying import copy_rows
from precision.engine.jobs import Job, Outcome, register
from precision.engine.models import Run
from precision.engine.windows import epoch_day
from precision.shop import columns as c
from precision.shop import history, scopes
from segments import kept
from segments.jobs.models import COLUMNS
from segments.lifecycle import features, samples, targets, training
from segments.lifecycle.registrations import registrations
from segments.models import TargetModel, TargetScore

KIND: Final = "scores"
REASONS: Final = 3
BLOCK: Final = 100_000
"""Customers whose reasons are worked out at a time: a table of contributions is as large as one of features."""


def compute_scores(run: Run, engine: Engine) -> Outcome:
    """Write a TargetScore row for everybody in a target's population, and the chances of everybody as a file."""
    scope = scopes.read(run.scope)
    as_of = epoch_day(run.as_of)
    published = runs.published_ids(run.scope).get("models", 0)
    with history.snapshot():
        lines, events = (scope.scan(name, run.as_of).select(*columns) for name, columns in COLUMNS.items())
        registered = nw.from_native(registrations(scope).lazy())
        table = samples.table(lines, events, registered, as_of_day=as_of)
    sizes: dict[str, int] = {}
    chances = table.select(c.CUSTOMER)
    rows = 0
    for model in TargetModel.objects.filter(run_id=published).order_by("target"):
        target = targets.TARGETS.get(model.target)
        if target is None:
            continue
        people = table.filter(pl.Series(targets.population(target, table)))
        scored = _scored(target, training.restored(model.state), people)
        sizes[target.key] = scored.height
        rows += copy_rows(
            TargetScore,
            scored.with_columns(pl.lit(run.pk).alias("run_id"), pl.lit(target.key).alias("target")),
        )
        named = scored.select(pl.col("customer_id").alias(c.CUSTOMER), pl.col("chance").alias(target.key))
        chances = chances.join(named, on=c.CUSTOMER, how="left", maintain_order="left")
    kept.write(run, KIND, chances)
    return Outcome(rows={"target_score": rows}, measures={"sizes": sizes}, parameters={"models": published})


def _scored(target: targets.Target, fitted: training.Fitted, people: pl.DataFrame) -> pl.DataFrame:
    """Return customer_id, chance, decile, and the features that move each chance most with their values."""
    values = training.matrix(people)
    chance = training.score(target, fitted, values)
    names = np.array(list(features.WORDS))
    parts = []
    for start in range(0, people.height, BLOCK):
        part = slice(start, start + BLOCK)
        moved = training.contributions(target, fitted, values[part])
        order = np.argsort(-np.abs(moved), axis=1, kind="stable")[:, :REASONS]
        parts.append(
            pl.DataFrame(
                {
                    "features": names[order],
                    "moves": np.take_along_axis(moved, order, axis=1),
                    "values": np.take_along_axis(values[part], order, axis=1),
                },
                schema={
                    "features": pl.Array(pl.String, REASONS), "moves": pl.Array(pl.Float64, REASONS),
                    "values": pl.Array(pl.Float64, REASONS),
                },
            )
        )  # fmt: skip
    reasons = pl.concat(parts) if parts else _no_reasons()
    return pl.DataFrame(
        {
            "customer_id": people.get_column(c.CUSTOMER),
            "chance": chance,
            "decile": targets.deciles(chance),
        }
    ).with_columns(
        reasons.get_column("features").arr.to_list(),
        reasons.get_column("moves").arr.to_list(),
        reasons.get_column("values").arr.to_list().list.eval(pl.element().fill_nan(None)),
    )


def _no_reasons() -> pl.DataFrame:
    return pl.DataFrame(
        schema={
            "features": pl.Array(pl.String, REASONS), "moves": pl.Array(pl.Float64, REASONS),
            "values": pl.Array(pl.Float64, REASONS),
        }
    )  # fmt: skip


register(
    Job(
        name="scores",
        title="scores of the life cycle",
        compute=compute_scores,
        after=("models",),
        overall=True,
    )
)
