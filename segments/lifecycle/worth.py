"""What the run in force tells of the value of a customer, over any span ahead."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from precision.engine import runs
from precision.engine.models import Run
from precision.shop.scopes import Scope
from segments.lifecycle import ROW_DAYS, VALUE_JOB
from segments.methods import value
from segments.methods.value import Buyers, Forecast, ValueModel
from segments.models import CustomerValue

NOT_COMPUTED: Final = "The value of customers was not computed yet."
NO_ORDER: Final = f"No order within the {ROW_DAYS} days before the run."


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """A customer's history and what is expected of it."""

    run: Run | None
    row: CustomerValue | None
    days: int
    reason: str
    """Why there are no figures, or only plain means; empty where the models tell them."""
    figures: dict[str, float | None]
    """The fields of `Forecast`; None where not defined. Money in units of the scope's currency."""


def model_of(run: Run) -> ValueModel:
    """Return the model that a run was computed with."""
    return ValueModel.from_json(run.parameters["model"])


def horizon(run: Run) -> int:
    """Return the days ahead that the rows of a run are told for."""
    return int(run.parameters["horizon_days"])


def worth(scope: Scope, customer: int, *, days: int | None = None) -> Worth:
    """Return what is expected of a customer within `days`, None for the run's own horizon. Two queries."""
    unknown: dict[str, float | None] = dict.fromkeys(Forecast.__slots__)
    run = runs.published(VALUE_JOB, scope.key)
    if run is None:
        return Worth(run=None, row=None, days=days or 0, reason=NOT_COMPUTED, figures=unknown)
    ahead = days or horizon(run)
    row = CustomerValue.objects.filter(run=run, customer_id=customer).first()
    if row is None:
        return Worth(run=run, row=None, days=ahead, reason=NO_ORDER, figures=unknown)
    history = {
        "repeats": row.repeats,
        "recency_days": row.recency_days,
        "age_days": row.age_days,
        "valued": row.valued,
        "mean_value": None if row.mean_value is None else float(row.mean_value),
    }
    figures = told(model_of(run), history, days=ahead)
    return Worth(run=run, row=row, days=ahead, reason=value.REASONS[row.reason], figures=figures)


def told(model: ValueModel, history: dict[str, Any], *, days: int) -> dict[str, float | None]:
    """Return what the model expects of one history within `days`: the fields of `Forecast`."""
    names = ("repeats", "recency_days", "age_days", "valued", "mean_value")
    columns = (np.array([history[name] or 0], dtype=np.float64) for name in names)
    buyers = Buyers(**dict(zip(("repeats", "recency", "age", "valued", "mean"), columns, strict=True)))
    found = value.forecast(model, buyers, days=days)
    each = {name: float(getattr(found, name)[0]) for name in Forecast.__slots__}
    return {name: None if np.isnan(number) else number for name, number in each.items()}
