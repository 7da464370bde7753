"""Following the log of facts: who did something since the last time enters and leaves segments within a minute.

Only segments that stand on behaviour or lists can change by a fact; the others change at night. A pass reads the facts
from its cursor to the horizon (`precision.shop.models.positions`), evaluates their customers, writes the difference
to the state and moves the cursor in one transaction: a killed pass is done again, and nothing is written twice.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl
from django.db import connection, transaction
from django.utils import timezone

from precision.engine import runs
from precision.shop import columns as c
from precision.shop import platforms, scopes
from precision.shop.scopes import OVERALL, Scope
from segments import conditions, definitions, evaluation, lists, membership, population
from segments.definitions import Definitions
from segments.membership import Changes
from segments.models import SegmentCursor

BATCH: Final = 20_000
"""Customers evaluated at once."""
LAST_POSITION: Final = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What one pass did."""

    customers: int = 0
    entered: int = 0
    left: int = 0


def scope_keys() -> list[str]:
    """Return the scopes that are followed: every active platform, and organisations of several."""
    return [*platforms.active_keys(), *(f"{OVERALL}{key}" for key in scopes.organisation_keys())]


def follow(key: str) -> Followed:
    """Bring the segments of a scope up to date with the facts since the last pass; nothing before the first run."""
    scope = scopes.read(key)
    run = runs.published(membership.JOB, key)
    cursor = SegmentCursor.objects.filter(scope=key).first()
    if run is None or cursor is None:
        return Followed()
    horizon = horizon_now()
    touched = customers_between(scope, cursor.position, horizon)
    known = definitions.read(scope)
    keys = moving(known)
    # Without facts of anybody an empty batch moves the cursor.
    batches = list(_batches(touched)) if keys and touched else [[]]
    entered = left = 0
    for number, batch in enumerate(batches, start=1):
        with transaction.atomic():
            if batch:
                changes = settle(scope, known, keys, batch)
                entered, left = entered + changes.entered.height, left + changes.left.height
            if number == len(batches):
                _move(cursor, horizon)
    return Followed(customers=len(touched), entered=entered, left=left)


def settle(
    scope: Scope,
    known: Definitions,
    keys: Collection[str],
    customers: Collection[int],
    *,
    now: datetime | None = None,
) -> Changes:
    """Evaluate these segments for these customers and write the difference to the state. In a transaction.

    Lists among `keys` take the members they name.
    """
    membership.lock(scope.key)
    moment = now or timezone.now()
    numbers = {key: known.rows[key].pk for key in keys}
    old = membership.state(scope, list(numbers.values()), customers)
    new = _members(scope, known, keys, customers)
    changes = membership.compared(old, new, now=moment)
    membership.record(changes, now=moment)
    run = runs.published(membership.JOB, scope.key)
    if run is not None:
        membership.keep_rows(run, changes)
    return changes


def list_changed(scope: Scope, segment: str, customers: Collection[int]) -> None:
    """Let customers who came onto a list or left it enter and leave it, and the segments that stand on it, at once."""
    if not customers or runs.published(membership.JOB, scope.key) is None:
        return
    known = definitions.read(scope)
    above = [key for key in known.conditions if segment in conditions.needed(key, known.conditions)]
    for batch in _batches(customers):
        with transaction.atomic():
            settle(scope, known, [segment, *above], batch)


def moving(known: Definitions) -> list[str]:
    """Return the keys of the segments that stand on behaviour, themselves or through others."""
    own = {key for key, each in known.conditions.items() if conditions.behaviour_of(each)}
    return [key for key in known.conditions if key in own or own & conditions.needed(key, known.conditions)]


def start_at(scope: str, position: int) -> None:
    """Let the next pass begin at a position of the log."""
    SegmentCursor.objects.update_or_create(scope=scope, defaults={"position": position})


def horizon_now() -> int:
    """Return the position below which every fact is committed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        return int(cursor.fetchone()[0])


def customers_between(scope: Scope, since: int, until: int | None) -> list[int]:
    """Return the customers whose events and orders have positions from `since` on, below `until`, sorted."""
    query = """
        SELECT DISTINCT identity.customer_id FROM (
            SELECT identity_id FROM precision_shop_event
            WHERE position >= %(since)s AND position < %(until)s AND platform_id = ANY(%(platforms)s)
            UNION
            SELECT identity_id FROM precision_shop_order
            WHERE position >= %(since)s AND position < %(until)s AND platform_id = ANY(%(platforms)s)
        ) fact JOIN precision_shop_identity identity ON identity.id = fact.identity_id ORDER BY 1
    """
    last = LAST_POSITION if until is None else until
    shops = [platform.pk for platform in scope.platforms]
    with connection.cursor() as cursor:
        cursor.execute(query, {"since": since, "until": last, "platforms": shops})
        return [row[0] for row in cursor.fetchall()]


def _move(cursor: SegmentCursor, horizon: int) -> None:
    """Move the cursor. Where the night set it back meanwhile it stays back: that part of the log is read once more."""
    unmoved = SegmentCursor.objects.filter(pk=cursor.pk, updated_at=cursor.updated_at)
    unmoved.update(position=horizon, updated_at=timezone.now())


def _members(
    scope: Scope, known: Definitions, keys: Collection[str], customers: Collection[int]
) -> pl.DataFrame:
    """Return SEGMENT and CUSTOMER of those of the customers who belong into these segments."""
    needed = set(keys).union(*(conditions.needed(key, known.conditions) for key in keys))
    wanted = {key: each for key, each in known.conditions.items() if key in needed}
    parts = [pl.DataFrame(schema=membership.SCHEMA).drop(membership.ENTERED)]
    if wanted:
        people = population.some(scope, wanted, known.lists, customers, as_of=scope.as_of())
        for piece in evaluation.members(people, wanted):
            parts += [
                _of(known.rows[key].pk, piece[c.CUSTOMER].filter(piece[key])) for key in keys if key in wanted
            ]
    named = {known.lists[key]: key for key in keys if key in known.lists}
    for number, ids in lists.customers(list(named), customers).items():
        parts.append(_of(number, pl.Series(c.CUSTOMER, ids, dtype=pl.Int64)))
    return pl.concat(parts)


def _of(segment: int, customers: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({c.CUSTOMER: customers}).select(
        pl.lit(segment, dtype=pl.Int64).alias(membership.SEGMENT), pl.col(c.CUSTOMER)
    )


def _batches(customers: Collection[int]) -> Iterator[list[int]]:
    found = list(customers)
    return (found[start : start + BATCH] for start in range(0, len(found), BATCH))
