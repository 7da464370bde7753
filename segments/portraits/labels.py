"""The labels of a customer beside everyone's, and the table of all labels that groups are compared on."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl

from precision.shop.api.freshness import Cache
from precision.shop.scopes import Scope
from segments import kept, masking, snapshots
from segments.conditions import LabelType
from segments.labels import library
from segments.masking import Sight

JOB: Final = snapshots.JOB
STEPS: Final = 100

# What a run found, which never changes: by scope and run.
_everyone: Cache[tuple[str, int], dict[str, Any]] = Cache(seconds=None, most=200)


def table(scope: Scope) -> tuple[int, pl.LazyFrame] | None:
    """Return the run whose labels count and all labels of the scope: CUSTOMER and a column a label; None before one."""
    return kept.published(JOB, scope.key, snapshots.KIND)


def types(scope: Scope) -> dict[str, LabelType]:
    """Return the type of every label of a scope, those of a platform's staff too. One query."""
    return library.types(scope.platform)


def beside_everyone(scope: Scope, values: Mapping[str, Any], sight: Sight) -> list[dict[str, Any]]:
    """Return an entry for each label that is known: its value, and where that stands among everyone.

    A number has `below`, the part of the customers with the label who have less (half of those with the same); a text
    or a yes or no has `share`, the part of them that has the same. A masked value has neither.
    """
    found = table(scope)
    known = types(scope)
    everyone = _summary(scope.key, *found, known) if found else {}
    entries = []
    for name, kind in known.items():
        value = values.get(name)
        if value is None:
            continue
        seen = masking.sees_label(name, sight)
        entry: dict[str, Any] = {
            "label": name,
            "value": value if seen else masking.MASKED,
            "below": None,
            "share": None,
            "everyone": None,
        }
        usual = everyone.get(name)
        if seen and usual:
            if kind is LabelType.NUMBER:
                entry |= {"below": _below(usual["steps"], value), "everyone": usual["mean"]}
            else:
                entry["share"] = usual["shares"].get(_text(value), 0.0)
        entries.append(entry)
    return entries


def _summary(scope: str, run: int, frame: pl.LazyFrame, known: Mapping[str, LabelType]) -> dict[str, Any]:
    """Return mean and percentiles of each number label, and the shares of each other; kept per run."""
    return _everyone.get((scope, run), lambda: _summarised(frame, known))


def _summarised(frame: pl.LazyFrame, known: Mapping[str, LabelType]) -> dict[str, Any]:
    present = frame.collect_schema().names()
    numbers = [name for name, kind in known.items() if kind is LabelType.NUMBER and name in present]
    others = [name for name in known if name in present and name not in numbers]
    found: dict[str, Any] = {}
    for name in numbers:
        # One after the other: a column at a time is all that is held.
        column = frame.select(pl.col(name).cast(pl.Float64).drop_nulls()).collect()[name].to_numpy()
        if len(column):
            steps = np.quantile(column, np.linspace(0, 1, STEPS + 1))
            found[name] = {"mean": float(column.mean()), "steps": steps.tolist()}
    for name in others:
        counts = frame.select(pl.col(name).cast(pl.String).drop_nulls().value_counts()).collect()
        pairs = [(row[name], row["count"]) for row in counts[name].to_list()] if counts.height else []
        total = sum(count for _, count in pairs)
        found[name] = {"shares": {value: count / total for value, count in pairs}}
    return found


def _text(value: Any) -> str:
    """Return a value as the frame writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _below(steps: list[float], value: float) -> float:
    """Return the part of everyone below a value, from their percentiles: half of those at it, in between linear."""
    less = sum(1 for step in steps if step < value)
    equal = sum(1 for step in steps if step == value)
    if equal:
        return min(1.0, max(0.0, (less + (equal - 1) / 2) / STEPS))
    if less == 0 or less > STEPS:
        return 0.0 if less == 0 else 1.0
    low, high = steps[less - 1], steps[less]
    return (less - 1 + (value - low) / (high - low)) / STEPS
