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
from segments.jobs.labels import active_days
from segments.jobs.models import COLUMNS, reached_before
from segments.lifecycle import campaigns, samples, scoring, targets, training
from segments.lifecycle.registrations import registrations
from segments.models import TargetModel, TargetScore

KIND: Final = "scores"
DECILE: Final = "_decile"
"""What the column of a target's deciles ends in, in the file of everybody."""
SLEEPING: Final = 10_000
"""Of those not seen lately, so many of the likeliest get a row for each target: somebody may want to wake them."""


def compute_scores(run: Run, engine: Engine) -> Outcome:
    """Write the chances and deciles of everybody as a file, and TargetScore rows with reasons of those to act on.

    Rows are of the customers seen lately, and of the SLEEPING likeliest of the others.
    """
    scope = scopes.read(run.scope)
    as_of = epoch_day(run.as_of)
    published = runs.published_ids(run.scope).get("models", 0)
    with history.snapshot():
        lines, events = (scope.scan(name, run.as_of).select(*columns) for name, columns in COLUMNS.items())
        registered = nw.from_native(registrations(scope).lazy())
        reached = reached_before(campaigns.campaigns(scope), as_of)
        table = samples.table(lines, events, registered, as_of_day=as_of, campaigns=reached)
    days = active_days()
    sizes: dict[str, int] = {}
    everybody = table.select(c.CUSTOMER)
    rows = 0
    for model in TargetModel.objects.filter(run_id=published).order_by("target"):
        target = targets.TARGETS.get(model.target)
        if target is None or not model.state:
            continue
        chances, detailed = scored(table, target, scoring.restored(model.state), days=days)
        rows += copy_rows(
            TargetScore,
            detailed.rename({c.CUSTOMER: "customer_id"}).with_columns(
                pl.lit(run.pk).alias("run_id"), pl.lit(target.key).alias("target")
            ),
        )
        sizes[target.key] = chances.height
        everybody = with_chances(everybody, target, chances)
    kept.write(run, KIND, everybody)
    return Outcome(
        rows={"target_score": rows},
        measures={"sizes": sizes},
        parameters={"models": published, "active_days": days},
    )


def scored(
    table: pl.DataFrame, target: targets.Target, fitted: scoring.Fitted, *, days: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return CUSTOMER, `chance` and `decile` of the population, and the same with reasons of those to act on.

    `table` is the feature table of `samples.table`.
    """
    people = table.filter(pl.Series(targets.population(target, table)))
    known = training.matrix(people)
    chance = scoring.score(target, fitted, known)
    chances = pl.DataFrame(
        {c.CUSTOMER: people.get_column(c.CUSTOMER), "chance": chance, "decile": targets.deciles(chance)}
    )
    some = to_act_on(people, chance, days=days)
    return chances, chances.filter(pl.Series(some)).hstack(_reasons(target, fitted, known[some]))


def with_chances(everybody: pl.DataFrame, target: targets.Target, chances: pl.DataFrame) -> pl.DataFrame:
    """Return the frame of everybody with two columns more: the chance and the decile of a target."""
    named = chances.rename({"chance": target.key, "decile": target.key + DECILE})
    return everybody.join(named, on=c.CUSTOMER, how="left", maintain_order="left")


def _reasons(target: targets.Target, fitted: scoring.Fitted, known: scoring.Floats) -> pl.DataFrame:
    """Return `features`, `moves` and `values`, lists of scoring.REASONS, of each row."""
    found = scoring.reasons(target, fitted, known)
    number = pl.Array(pl.Float64, scoring.REASONS)
    made = pl.DataFrame(
        {"features": found.features, "moves": found.moves, "values": found.values},
        schema={"features": pl.Array(pl.String, scoring.REASONS), "moves": number, "values": number},
    )
    return made.select(
        pl.col("features").arr.to_list(),
        pl.col("moves").arr.to_list(),
        pl.col("values").arr.to_list().list.eval(pl.element().fill_nan(None)),
    )


def to_act_on(people: pl.DataFrame, chances: scoring.Floats, *, days: int) -> targets.Flags:
    """Return who gets a row: those seen or buying in the last `days`, and the SLEEPING likeliest of the others."""
    last = people.select(pl.min_horizontal("recency_days", "seen_days_ago")).to_series()
    active = (last <= days).fill_null(value=False).to_numpy().copy()
    asleep = np.flatnonzero(~active)
    active[asleep[np.argsort(-chances[asleep], kind="stable")[:SLEEPING]]] = True
    return np.asarray(active, dtype=np.bool_)


register(
    Job(
        name="scores",
        title="scores of the life cycle",
        compute=compute_scores,
        after=("models",),
        overall=True,
    )
)
