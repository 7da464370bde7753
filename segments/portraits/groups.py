"""Who is in a group: the members of a segment, or those whom a condition names."""

from datetime import date
from typing import Any

import polars as pl

from precision.engine import runs
from precision.engine.models import Run
from precision.shop import columns as c
from precision.shop.api.freshness import Cache
from precision.shop.scopes import Scope
from segments import behaviour, conditions, definitions, evaluation, masking, membership, population
from segments.conditions import Condition
from segments.definitions import Definitions
from segments.masking import Sight
from segments.models import Segment
from segments.portraits import labels
from segments.portraits.group import group_portrait
from segments.portraits.habits import JOB

# By the runs that everything comes from; none of them ever changes.
_portraits: Cache[tuple[Any, ...], dict[str, Any]] = Cache(seconds=None, most=500)


def of_segment(scope: Scope, segment: Segment, run: Run | None, *, sight: Sight) -> dict[str, Any]:
    """Return the portrait of the members; kept as long as the runs that it comes from are in force."""
    pointers = runs.published_ids(scope.key)
    key = (
        *(scope.key, segment.pk, segment.updated_at, sight, masking.smallest_group()),
        *(run.pk if run else 0, pointers.get(labels.JOB), pointers.get(JOB)),
    )
    return _portraits.get(
        key,
        lambda: group_portrait(
            scope, membership.members(scope, segment.pk), sight=sight, defined_by=named_in(scope, segment)
        ),
    )


def named_in(scope: Scope, segment: Segment) -> frozenset[str]:
    """Return the labels that the condition of a segment reads, itself or through segments; none of a list."""
    known = definitions.read(scope)
    condition = known.conditions.get(segment.key)
    return frozenset() if condition is None else labels_behind(condition, known)


def labels_behind(condition: Condition, known: Definitions) -> frozenset[str]:
    """Return the labels that a condition reads, itself or through segments."""
    below = conditions.needed_by(condition, known.conditions)
    every = [condition, *(known.conditions[key] for key in below if key in known.conditions)]
    return frozenset().union(*(conditions.labels_of(each) for each in every))


def matching(scope: Scope, condition: Condition, known: Definitions) -> pl.Series | None:
    """Return the customers who meet a condition now; None before the labels were computed."""
    below = conditions.needed_by(condition, known.conditions)
    # A space stands in no key of a segment.
    wanted = {**{key: each for key, each in known.conditions.items() if key in below}, " ": condition}
    run = behaviour.published(scope.key)
    try:
        people = population.everybody(
            scope, wanted, known.lists, labels=population.published(scope), run=run,
            as_of=run.as_of if run else scope.as_of(),
        )  # fmt: skip
    except population.NothingComputedError:
        return None
    pieces = [piece.filter(" ")[c.CUSTOMER] for piece in evaluation.members(people, wanted)]
    return pl.concat(pieces) if pieces else pl.Series(c.CUSTOMER, [], dtype=pl.Int64)


def as_of(scope: Scope) -> date | None:
    """Return the day that the labels in force were computed for. One query."""
    run = runs.published(labels.JOB, scope.key)
    return run.as_of if run else None
