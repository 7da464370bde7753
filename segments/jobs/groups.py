"""Who is in which segment, every night: the memberships of everybody as a file, and what changed as history."""

import hashlib
import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

import polars as pl
from django.db import connection, transaction
from django.utils import timezone

from precision.engine import runs
from precision.engine.backends import Engine
from precision.engine.copying import copy_rows
from precision.engine.jobs import Job, Outcome, register
from precision.engine.models import Run
from precision.shop import columns as c
from precision.shop import scopes
from precision.shop.models import Organisation
from precision.shop.scopes import Scope
from segments import behaviour, conditions, definitions, evaluation, following, lists, membership, population
from segments.definitions import Definitions
from segments.jobs.labels import active_days
from segments.labels.from_activity import LAST_SEEN_DAYS
from segments.membership import ENTERED, SEGMENT, Changes
from segments.models import SegmentMember

READINGS: Final = 3


class ErasedMeanwhileError(RuntimeError):
    """People were erased each time that segments were being computed."""


def compute_segments(run: Run, engine: Engine) -> Outcome:
    """Write the memberships of everybody as the run's file, SegmentMember rows of active members, and spells.

    Nothing is written of somebody who was erased after the labels were read: then they are read once more.
    """
    scope = scopes.read(run.scope)
    if scope.platform is not None:
        definitions.ensure_builtin(scope.platform)
    for _ in range(READINGS):
        erasures = _erasures(scope)
        known = definitions.read(scope)
        found, everybody, active = _found(scope, known, run)
        with transaction.atomic():
            # Whoever erases has to wait for this row; whoever adds facts does not.
            owner = Organisation.objects.select_for_update(no_key=True).get(pk=scope.organisation)
            if owner.erasures == erasures:
                return _written(run, scope, known, found, everybody=everybody, active=active)
    raise ErasedMeanwhileError(
        f"People were erased during each of {READINGS} readings of {run.scope}; start the job again."
    )


def _erasures(scope: Scope) -> int:
    return Organisation.objects.values_list("erasures", flat=True).get(pk=scope.organisation)


def _found(scope: Scope, known: Definitions, run: Run) -> tuple[pl.DataFrame, int, pl.Series | None]:
    """Return SEGMENT and CUSTOMER of all members, how many customers there are, and which of them are active."""
    numbers = {key: row.pk for key, row in known.rows.items()}
    labels = population.computed(scope)
    people = population.everybody(
        scope,
        known.conditions,
        known.lists,
        labels=labels,
        run=behaviour.published(scope.key),
        as_of=run.as_of,
    )
    parts = [pl.DataFrame(schema=membership.SCHEMA).drop(ENTERED)]
    everybody = 0
    for piece in evaluation.members(people, known.conditions):
        everybody += piece.height
        parts += [
            piece.filter(pl.col(key)).select(
                pl.lit(numbers[key], dtype=pl.Int64).alias(SEGMENT), pl.col(c.CUSTOMER)
            )
            for key in known.conditions
        ]
    for number, ids in lists.customers(list(known.lists.values())).items():
        parts.append(
            pl.DataFrame({c.CUSTOMER: ids}).select(
                pl.lit(number, dtype=pl.Int64).alias(SEGMENT), pl.col(c.CUSTOMER).cast(pl.Int64)
            )
        )
    return pl.concat(parts), everybody, _active(labels)


def _active(labels: pl.LazyFrame) -> pl.Series | None:
    """Return the customers who were seen lately; None where nothing says so: then all count."""
    if LAST_SEEN_DAYS not in labels.collect_schema():
        return None
    seen = labels.filter(pl.col(LAST_SEEN_DAYS) <= active_days()).select(c.CUSTOMER)
    return seen.collect()[c.CUSTOMER]


def _written(
    run: Run,
    scope: Scope,
    known: Definitions,
    found: pl.DataFrame,
    *,
    everybody: int,
    active: pl.Series | None,
) -> Outcome:
    """Compare with the state, write what changed and the new state; within a transaction."""
    membership.lock(scope.key)
    now = timezone.now()
    before = runs.published(membership.JOB, scope.key)
    digests = digests_of(known)
    earlier = membership.definitions_of(before)
    numbers = [int(number) for number in digests]
    same = [number for number in numbers if earlier.get(str(number)) == digests[str(number)]]
    old = membership.state(scope, numbers)
    busy, position = _ahead(scope)
    held = pl.col(SEGMENT).is_in([known.rows[key].pk for key in following.moving(known)]) & pl.col(
        c.CUSTOMER
    ).is_in(busy)
    kept_back = pl.col(SEGMENT).is_in(same) & held
    new = pl.concat(
        [found.filter(~kept_back), old.filter(kept_back).select(found.columns)] if busy else [found]
    )
    changes = membership.compared(old, new, now=now)
    membership.record(_told(changes, same), now=now)
    members = _with_times(new, old, now)
    membership.write(run, members)
    rows = members
    if active is not None:
        rows = membership.active_rows(
            run, members, pl.concat([active, pl.Series(c.CUSTOMER, busy, pl.Int64)])
        )
    else:
        rows = membership.active_rows(run, members, members[c.CUSTOMER])
    if position is not None:
        following.start_at(scope.key, position)
    sizes = dict(members.group_by(SEGMENT).len().iter_rows())
    return Outcome(
        rows={"segment_member": copy_rows(SegmentMember, rows)},
        measures={
            "sizes": {
                key: sizes.get(row.pk, 0) for key, row in known.rows.items() if key not in known.refused
            },
            "members": {str(number): sizes.get(number, 0) for number in numbers},
            "definitions": digests,
            "customers": everybody,
            "entered": _told(changes, same).entered.height,
            "left": changes.left.height,
            "refused": known.refused,
        },
        parameters={membership.POSITION: _transaction()},
    )


def digests_of(known: Definitions) -> dict[str, str]:
    """Return a digest of what each segment says, of those it stands on too, by our number of the segment as text."""
    said: dict[str, str] = {key: f"list {number}" for key, number in known.lists.items()}
    for key, condition in known.conditions.items():
        below = {name: said.get(name, "") for name in sorted(conditions.segments_of(condition))}
        text = json.dumps([conditions.as_data(condition), below], sort_keys=True)
        said[key] = hashlib.sha256(text.encode()).hexdigest()[:16]
    return {str(known.rows[key].pk): text for key, text in said.items()}


def _ahead(scope: Scope) -> tuple[list[int], int | None]:
    """Return the customers whose facts may be newer than the behaviour that was counted, and where the log begins anew.

    They keep their memberships of segments that stand on behaviour; the next pass over the log evaluates them.
    """
    counted = behaviour.published(scope.key)
    horizons: Mapping[str, int] = counted.parameters.get("horizons", {}) if counted else {}
    position = min((horizons.get(each.key, 0) for each in scope.platforms), default=0)
    if not position:
        return [], following.horizon_now()
    return following.customers_between(scope, position, None), position


def _told(changes: Changes, same: Collection[int]) -> Changes:
    """Return the changes that people made by what they did or are: nobody enters by a new or changed definition."""
    return Changes(entered=changes.entered.filter(pl.col(SEGMENT).is_in(list(same))), left=changes.left)


def _with_times(new: pl.DataFrame, old: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Return the members with when they entered."""
    joined = new.join(old, on=[SEGMENT, c.CUSTOMER], how="left")
    return joined.with_columns(pl.col(ENTERED).fill_null(int(now.timestamp())))


def _transaction() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        found: Any = cursor.fetchone()
    return int(found[0])


register(
    Job(
        name=membership.JOB,
        title="segments",
        compute=compute_segments,
        after=("labels", behaviour.JOB),
        overall=True,
    )
)
