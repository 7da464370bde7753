"""Labels of the models of the life cycle: chances, with what moves them as evidence."""

from datetime import date
from types import MappingProxyType
from typing import Final

import polars as pl

from precision.engine import runs
from precision.shop import columns as c
from precision.shop.scopes import Scope
from segments import kept
from segments.conditions import LabelType
from segments.labels.registry import Definition, Evidence, Kind, Source, register
from segments.lifecycle import features
from segments.lifecycle.targets import TARGETS
from segments.models import TargetModel, TargetScore

JOB: Final = "scores"
KEYS: Final = MappingProxyType(
    {
        "response_chance": "response",
        "purchase_propensity": "propensity",
        "churn_risk": "churn",
        "win_back_chance": "win-back",
        "value_rise_chance": "value-rise",
        "campaign_response_chance": "campaign-response",
    }
)
"""Label and the target whose chance it is."""

DEFINITIONS: Final = tuple(
    Definition(
        key=key,
        title=f"{TARGETS[target].title}: chance",
        kind=Kind.MODEL,
        type=LabelType.NUMBER,
        unit="probability",
        formula=f"Calibrated chance within {TARGETS[target].horizon_days} days, among {TARGETS[target].population}, by "
        "the model that won on later time, or by one feature where none did.",
    )
    for key, target in KEYS.items()
)


def frame(scope: Scope, as_of: date) -> pl.DataFrame:
    """Return the chances of everybody by the scope's run in force; no rows before the first."""
    found = kept.published(JOB, scope.key, JOB)
    schema = {c.CUSTOMER: pl.Int64, **dict.fromkeys(KEYS, pl.Float64)}
    if found is None:
        return pl.DataFrame(schema=schema)
    known = found[1].collect_schema().names()
    columns = [
        pl.col(target).alias(key) if target in known else pl.lit(None, pl.Float64).alias(key)
        for key, target in KEYS.items()
    ]
    return found[1].select(c.CUSTOMER, *columns).collect()


def evidence(scope: Scope, as_of: date, customer: int, key: str) -> Evidence | None:
    """Return the model behind a chance and what moves it most; None where there is no chance."""
    run = runs.published(JOB, scope.key)
    row = TargetScore.objects.filter(run=run, customer_id=customer, target=KEYS[key]).first() if run else None
    if run is None or row is None:
        return None
    model = TargetModel.objects.filter(run_id=run.parameters.get("models"), target=row.target).first()
    return {
        "run": run.pk,
        "as_of": run.as_of.isoformat(),
        "chance": row.chance,
        "decile": row.decile,
        "model": model.kind if model else None,
        "why_this_model": model.reason if model else "",
        "reasons": [
            {"feature": name, "text": features.WORDS.get(name, name), "value": value, "moves": move}
            for name, move, value in zip(row.features, row.moves, row.values, strict=True)
        ],
    }


register(Source(name="models of the life cycle", definitions=DEFINITIONS, frame=frame, evidence=evidence))
