"""Models of the targets: learned on earlier time, judged on later."""

from collections import defaultdict
from typing import Any, Final

import narwhals as nw
import numpy as np
import polars as pl

from precision.engine import runs
from precision.engine.backends import Engine
from precision.engine.jobs import Job, Outcome, register
from precision.engine.models import Run
from precision.engine.windows import epoch_day
from precision.shop import columns as c
from precision.shop import history, scopes
from segments.jobs.frames import once
from segments.lifecycle import campaigns, patterns, samples, scoring, targets, training
from segments.lifecycle.features import ANSWERED_DAY
from segments.lifecycle.registrations import registrations
from segments.lifecycle.targets import TARGETS, Target
from segments.lifecycle.training import Result, Sample
from segments.models import TargetModel

NOTHING: Final = "nothing"
"""Kind of a target of which nothing is known yet."""
SEED: Final = 20_261
COLUMNS: Final = {
    "order_lines": (
        c.CUSTOMER, c.ORDER, c.PRODUCT, c.CATEGORY, c.STORE, c.DAY, c.WEEKDAY, c.QUANTITY_E3, c.UNIT_PRICE_E4,
        c.LIST_PRICE_E4, c.AMOUNT_E4, c.RETURNED,
    ),
    "events": (c.CUSTOMER, c.EVENT, c.DAY, c.CHANNEL, c.DURATION_MS),
}  # fmt: skip
"""What features and targets read."""


def compute_models(run: Run, engine: Engine) -> Outcome:
    """Write a TargetModel row for each target."""
    scope = scopes.read(run.scope)
    as_of = epoch_day(run.as_of)
    rng = np.random.default_rng(SEED)
    with history.snapshot():
        lines, events = (
            once(scope.scan(name, run.as_of).select(*columns)) for name, columns in COLUMNS.items()
        )
    told = campaigns.campaigns(scope)
    registered = nw.from_native(registrations(scope).lazy())
    reached = reached_before(told, as_of)
    first = _first_day(lines, events, default=as_of)
    in_force = _champions(runs.published_ids(run.scope).get("models"))
    by_horizon: dict[int, list[Target]] = defaultdict(list)
    for target in TARGETS.values():
        by_horizon[target.horizon_days].append(target)
    results: dict[str, Result] = {}
    rows = []
    for horizon, some in by_horizon.items():
        found: dict[str, list[Sample]] = defaultdict(list)
        for day in samples.dates(as_of, horizon_days=horizon, first_day=first):
            each = samples.samples(some, lines, events, registered, day=day, rng=rng, campaigns=reached)
            for key, sample in each.items():
                found[key].append(sample)
        for target in some:
            result = training.train(target, found[target.key], champion=in_force.get(target.key), rng=rng)
            results[target.key] = result
            rows.append(_row(run, target, result, found[target.key], told))
    TargetModel.objects.bulk_create(rows)
    return Outcome(
        rows={"target_model": len(rows)},
        measures={key: {"used": _kind(result), "reason": result.reason} for key, result in results.items()},
        parameters={"seed": SEED, "dates": samples.DATES, "step_days": samples.STEP_DAYS},
    )


def reached_before(told: pl.DataFrame, as_of_day: int) -> "nw.LazyFrame[Any]":
    """Return the campaigns of `features.build` as they were known on the day."""
    answered = pl.when(pl.col(ANSWERED_DAY) < as_of_day).then(ANSWERED_DAY).alias(ANSWERED_DAY)
    known = told.filter(pl.col(c.DAY) < as_of_day).select(c.CUSTOMER, c.DAY, answered)
    return nw.from_native(known.lazy())


def _first_day(lines: "nw.LazyFrame[Any]", events: "nw.LazyFrame[Any]", *, default: int) -> int:
    """Return the first day with a fact."""
    both = nw.concat([lines.select(c.DAY), events.select(c.DAY)]).select(nw.col(c.DAY).min())
    day = both.collect("polars").to_native().item()
    return default if day is None else int(day)


def _champions(run: int | None) -> dict[str, str]:
    """Return the kind of model in force of each target; none before the first run. One query."""
    if run is None:
        return {}
    return dict(TargetModel.objects.filter(run_id=run).values_list("target", "kind"))


def _row(run: Run, target: Target, result: Result, found: list[Sample], told: pl.DataFrame) -> TargetModel:
    measures = _measures(result)
    if target.outcome is targets.Outcome.ANSWERS and result.fitted is not None:
        # A date on which nobody was asked about judges nothing.
        latest = next(each for each in found if each.day == result.dates[-1])
        chances = scoring.score(target, result.fitted, latest.features)
        if result.verdict is not None:
            chances = next(
                each.scores for each in result.verdict.scored if each.name == result.verdict.promoted
            )
        measures["campaigns"] = campaigns.by_campaign(told, latest, chances)
    return TargetModel(
        run=run, target=target.key, kind=_kind(result), reason=result.reason, rows=result.rows,
        positives=result.positives, dates=list(result.dates), measures=measures, report=result.report,
        report_reason=result.report_reason, importance=result.importance,
        patterns=_patterns(found), state=result.fitted.state() if result.fitted else {},
    )  # fmt: skip


def _patterns(found: list[Sample]) -> list[dict[str, Any]]:
    """Return what those who did it had in common on the last date on which anybody was asked about."""
    asked = [each for each in found if len(each.responses)]
    return patterns.patterns(asked[-1]) if asked else []


def _kind(result: Result) -> str:
    return result.fitted.kind if result.fitted else NOTHING


def _measures(result: Result) -> dict[str, Any]:
    """Return what each way reached on the last date, as JSON values."""
    verdict = result.verdict
    if verdict is None:
        return {}

    def told(differences: Any) -> dict[str, Any]:
        return {
            name: {"value": each.value, "low": each.low, "high": each.high, "wins": each.wins}
            for name, each in differences.items()
        }

    return {
        "base_rate": verdict.base_rate,
        "network_adds": verdict.network_adds,
        "ways": {
            each.name: {
                "auc": each.auc, "log_loss": each.log_loss, "brier": each.brier, "accuracy": each.accuracy,
            }
            for each in verdict.scored
        },
        "against_baseline": told(verdict.against_baseline),
        "champion": verdict.champion,
        "against_champion": told(verdict.against_champion),
        "refused": dict(verdict.refused),
    }  # fmt: skip


register(Job(name="models", title="models of the life cycle", compute=compute_models, overall=True))
