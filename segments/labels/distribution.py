"""How the values of a label are spread over the customers of a scope, from the published file."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import polars as pl

from precision.engine.models import Publication
from segments import masking, snapshots
from segments.conditions import LabelType

TOP: Final = 20
STEPS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """What the run in force of a scope knows of a label."""

    scope: str
    as_of: date
    computed_at: datetime | None
    known: int
    """Customers with a value."""
    of: int
    """Customers with any label."""
    version: int

    @property
    def coverage(self) -> float | None:
        """The share of customers with a value; None where there is nobody."""
        return self.known / self.of if self.of else None


def freshness(scopes: list[str] | None = None) -> dict[str, list[Freshness]]:
    """Return coverage and freshness by key of the label, of these scopes or all, those of most coverage first.

    One query.
    """
    pointers = Publication.objects.filter(job=snapshots.JOB).select_related("run").order_by("scope")
    if scopes is not None:
        pointers = pointers.filter(scope__in=scopes)
    found: dict[str, list[Freshness]] = {}
    for pointer in pointers:
        run = pointer.run
        for key, told in run.measures.get("labels", {}).items():
            found.setdefault(key, []).append(
                Freshness(
                    scope=pointer.scope, as_of=run.as_of, computed_at=run.finished_at, known=told["known"],
                    of=run.measures.get("customers", 0), version=told["version"],
                )
            )  # fmt: skip
    return {
        key: sorted(each, key=lambda one: (-(one.coverage or 0), one.scope)) for key, each in found.items()
    }


def distribution(scope: str, key: str, kind: LabelType, *, sensitive: bool) -> list[dict[str, Any]]:
    """Return how a label's values are spread; empty before the first run, and where nobody has one.

    Of a number `step` (0 to 1 by tenths) and `value`, its quantile; of others `value`, `customers` and `share`, the
    most frequent first, at most TOP. Of sensitive labels values of fewer people than
    `masking.smallest_group` are left out.
    """
    frame = snapshots.scan(scope)
    if frame is None or key not in frame.collect_schema().names():
        return []
    known = frame.select(pl.col(key)).drop_nulls().collect()[key]
    if not len(known):
        return []
    least = masking.smallest_group() if sensitive else 1
    if kind is LabelType.NUMBER:
        if len(known) < least:
            return []
        steps = [step / STEPS for step in range(STEPS + 1)]
        numbers = known.cast(pl.Float64)
        return [{"step": step, "value": numbers.quantile(step, "linear")} for step in steps]
    counts = known.value_counts().filter(pl.col("count") >= least)
    counts = counts.sort("count", key, descending=[True, False]).head(TOP)
    return [
        {"value": value, "customers": count, "share": count / len(known)}
        for value, count in counts.iter_rows()
    ]
