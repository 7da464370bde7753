"""How well the return of customers is told at each store of a platform, or at each platform of an organisation."""

from datetime import date, timedelta
from typing import Any, Final

import narwhals as nw
import numpy as np
import polars as pl

from precision.engine.backends import Engine
from precision.engine.copying import copy_rows
from precision.engine.jobs import Job, Outcome, register
from precision.engine.models import Run
from precision.engine.windows import Window, epoch_day
from precision.shop import columns as c
from precision.shop import history, scopes
from precision.shop.models import Store
from precision.shop.scopes import Scope
from segments.jobs.frames import once
from segments.lifecycle import portals as judging
from segments.lifecycle.portals import Evaluation
from segments.methods import portals
from segments.models import PortalAccuracy

JOB: Final = "portals"
SEED: Final = 20_272
NO_STORE: Final = 0
"""Number of the portal where things are bought in no store; no store has it."""


def compute_portals(run: Run, engine: Engine) -> Outcome:
    """Write a PortalAccuracy row for each portal that anybody could be asked about."""
    scope = scopes.read(run.scope)
    with history.snapshot():
        made = once(portals.trips(_lines(scope, run.as_of)))
    found = judging.evaluate(made, as_of=epoch_day(run.as_of), rng=np.random.default_rng(SEED))
    return Outcome(
        rows={"portal_accuracy": copy_rows(PortalAccuracy, _rows(run, scope, found))},
        measures=_measures(found),
        parameters={
            "window_days": portals.WINDOW_DAYS,
            "horizon_days": portals.HORIZON_DAYS,
            "most_portals": judging.MOST_PORTALS,
            "sampled": found.sampled,
        },
    )


def _lines(scope: Scope, as_of: date) -> "nw.LazyFrame[Any]":
    """Return the order lines with PORTAL: the store, or overall the platform."""
    frames = []
    for platform in scope.platforms:
        window = Window.before(as_of, timezone=platform.timezone)
        lines = history.scan("order_lines", window, platform=platform, currency=scope.currency)
        portal = nw.lit(platform.pk, nw.Int64) if scope.overall else nw.col(c.STORE).fill_null(NO_STORE)
        frames.append(lines.select(c.CUSTOMER, portal.alias(portals.PORTAL), c.DAY, c.AMOUNT_E4, c.RETURNED))
    return nw.concat(frames)


def _rows(run: Run, scope: Scope, found: Evaluation) -> pl.DataFrame:
    """Return the rows of the table; the platform itself stands for what was bought in no store."""
    names = _names(scope, [each.portal for each in found.results])
    kinds, ids, titles = ([names[each.portal][place] for each in found.results] for place in range(3))
    results = found.results
    return pl.DataFrame(
        {
            "run_id": pl.Series([run.pk] * len(results), dtype=pl.Int64),
            "kind": pl.Series(kinds, dtype=pl.String),
            "portal": pl.Series(ids, dtype=pl.String),
            "name": pl.Series(titles, dtype=pl.String),
            "customers": pl.Series([each.customers for each in results], dtype=pl.Int64),
            "questions": pl.Series([each.rows for each in results], dtype=pl.Int64),
            **{
                name: pl.Series([getattr(each, name) for each in results], dtype=pl.Float64)
                for name in ("positive_rate", "base_accuracy", "accuracy", "lift", "auc", "threshold")
            },
        }
    )


def _names(scope: Scope, numbers: list[int]) -> dict[int, tuple[str, str, str]]:
    """Return kind, id and name of each portal. One query."""
    kinds = PortalAccuracy.Kind
    if scope.platform is None:
        return {each.pk: (kinds.PLATFORM.value, each.key, each.name) for each in scope.platforms}
    stores = Store.objects.filter(pk__in=numbers).values_list("pk", "external_id", "name")
    found = {number: (kinds.STORE.value, known, name or known) for number, known, name in stores}
    return {**found, NO_STORE: (kinds.PLATFORM.value, scope.platform.key, scope.platform.name)}


def _measures(found: Evaluation) -> dict[str, Any]:
    return {
        "portals": len(found.results),
        "questions": found.rows,
        "dates": [(date(1970, 1, 1) + timedelta(days=day)).isoformat() for day in found.dates],
        "auc": found.auc,
        "recency_auc": found.recency_auc,
        "accuracy": found.accuracy,
        "accuracy_median": found.accuracy_quantile(0.5),
        "accuracy_tenth": found.accuracy_quantile(0.1),
        "above_base": found.above_base,
        "reason": found.reason,
    }


register(Job(name=JOB, title="accuracy per portal", compute=compute_portals, overall=True))
