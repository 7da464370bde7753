"""Models of the targets: learned on earlier time, judged on later."""

from collections import defaultdict
from typing import Any, Final

import narwhals as nw
import numpy as np

from precision.engine.backends import Engine
from precision.engine.jobs import Job, Outcome, register
from precision.engine.models import Run
from precision.engine.windows import epoch_day
from precision.shop import columns as c
from precision.shop import history, scopes
from segments.jobs.frames import once
from segments.lifecycle import patterns, samples, training
from segments.lifecycle.registrations import registrations
from segments.lifecycle.targets import TARGETS, Target
from segments.lifecycle.training import Result, Sample
from segments.models import TargetModel

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
    registered = nw.from_native(registrations(scope).lazy())
    first = _first_day(lines, events, default=as_of)
    by_horizon: dict[int, list[Target]] = defaultdict(list)
    for target in TARGETS.values():
        by_horizon[target.horizon_days].append(target)
    results: dict[str, Result] = {}
    common: dict[str, list[dict[str, Any]]] = {}
    for horizon, some in by_horizon.items():
        found: dict[str, list[Sample]] = defaultdict(list)
        for day in samples.dates(as_of, horizon_days=horizon, first_day=first):
            told = samples.samples(some, lines, events, registered, day=day, rng=rng)
            for key, sample in told.items():
                found[key].append(sample)
        for target in some:
            results[target.key] = training.train(target, found[target.key], rng=rng)
            latest = found[target.key][-1] if found[target.key] else None
            common[target.key] = patterns.patterns(latest) if latest is not None else []
    TargetModel.objects.bulk_create(_row(run, key, result, common[key]) for key, result in results.items())
    return Outcome(
        rows={"target_model": len(results)},
        measures={
            key: {"used": result.fitted.kind, "reason": result.reason} for key, result in results.items()
        },
        parameters={"seed": SEED, "dates": samples.DATES, "step_days": samples.STEP_DAYS},
    )


def _first_day(lines: "nw.LazyFrame[Any]", events: "nw.LazyFrame[Any]", *, default: int) -> int:
    """Return the first day with a fact."""
    both = nw.concat([lines.select(c.DAY), events.select(c.DAY)]).select(nw.col(c.DAY).min())
    day = both.collect("polars").to_native().item()
    return default if day is None else int(day)


def _row(run: Run, key: str, result: Result, common: list[dict[str, Any]]) -> TargetModel:
    return TargetModel(
        run=run, target=key, kind=result.fitted.kind, reason=result.reason, rows=result.rows,
        positives=result.positives, dates=list(result.dates), measures=_measures(result), report=result.report,
        report_reason=result.report_reason, importance=result.importance, patterns=common,
        state=result.fitted.state(),
    )  # fmt: skip


def _measures(result: Result) -> dict[str, Any]:
    """Return what each way reached on the last date, as JSON values."""
    verdict = result.verdict
    if verdict is None:
        return {}
    return {
        "base_rate": verdict.base_rate,
        "network_adds": verdict.network_adds,
        "ways": {
            each.name: {
                "auc": each.auc, "log_loss": each.log_loss, "brier": each.brier, "accuracy": each.accuracy,
            }
            for each in verdict.scored
        },
        "against_baseline": {
            name: {"value": each.value, "low": each.low, "high": each.high, "wins": each.wins}
            for name, each in verdict.against_baseline.items()
        },
    }  # fmt: skip


register(Job(name="models", title="models of the life cycle", compute=compute_models, overall=True))
