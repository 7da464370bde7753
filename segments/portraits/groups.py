"""Who is in a group: the members of a segment, or those whom a condition names."""

from datetime import date
from typing import Any

import narwhals as nw
import polars as pl

from precision.engine import runs
from precision.engine.models import Run
from precision.shop import columns as c
from precision.shop.api.freshness import Cache
from precision.shop.scopes import Scope
from segments import conditions, masking
from segments.conditions import Condition
from segments.masking import Sight
from segments.models import Segment, SegmentMember
from segments.portraits import labels
from segments.portraits.group import group_portrait
from segments.portraits.habits import JOB

# By the runs that everything comes from; none of them ever changes.
_portraits: Cache[tuple[Any, ...], dict[str, Any]] = Cache(seconds=None, most=500)


def of_segment(scope: Scope, segment: Segment, run: Run | None, *, sight: Sight) -> dict[str, Any]:
    """Return the portrait of the members that a run found; kept as long as the runs it comes from are in force."""
    pointers = runs.published_ids(scope.key)
    key = (
        *(scope.key, segment.pk, segment.updated_at, sight, masking.smallest_group()),
        *(run.pk if run else 0, pointers.get(labels.JOB), pointers.get(JOB)),
    )
    return _portraits.get(
        key,
        lambda: group_portrait(
            scope, members_of(segment, run), sight=sight, defined_by=named_in(scope, segment)
        ),
    )


def named_in(scope: Scope, segment: Segment) -> frozenset[str]:
    """Return the labels that the condition of a segment names; none for one that cannot be read any more."""
    try:
        condition = conditions.parse(segment.condition, labels=labels.types(scope))
    except conditions.ConditionError:
        return frozenset()
    return conditions.labels_of(condition)


def members_of(segment: Segment, run: Run | None) -> pl.Series:
    """Return the customers that a run found in a segment. One query."""
    found = SegmentMember.objects.filter(run_id=run.pk if run else 0, segment=segment)
    numbers = list(found.order_by().values_list("customer_id", flat=True))
    return pl.Series(c.CUSTOMER, numbers, dtype=pl.Int64)


def matching(scope: Scope, condition: Condition) -> pl.Series | None:
    """Return the customers for whom a condition over labels holds; None before the labels were computed."""
    found = labels.table(scope)
    if found is None:
        return None
    frame = nw.from_native(found[1]).filter(conditions.to_expression(condition)).to_native()
    return frame.select(c.CUSTOMER).collect()[c.CUSTOMER]


def as_of(scope: Scope) -> date | None:
    """Return the day that the labels in force were computed for. One query."""
    run = runs.published(labels.JOB, scope.key)
    return run.as_of if run else None
