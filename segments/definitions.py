"""The segments of a scope as conditions: which may be named, which stand on which, and what cannot be read any more."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import QuerySet

from precision.shop.models import Platform
from precision.shop.scopes import Scope
from segments import behaviour, conditions
from segments.builtin import SEGMENTS
from segments.conditions import Condition, ConditionError, CycleError
from segments.labels import library
from segments.models import Segment

MAX_CHAIN: Final = 16
"""Segments that stand on each other one after another."""


class UsedError(ValueError):
    """A segment that others name cannot go; `users` are their keys."""

    def __init__(self, key: str, users: list[str]) -> None:
        self.users = users
        names = ", ".join(users)
        super().__init__(f"The segment {key!r} is named by {names}; change or delete these first.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """What the segments of a scope say, read once."""

    rows: dict[str, Segment]
    """By key."""
    conditions: dict[str, Condition]
    """Of those with a condition that can be used, each after the ones it names."""
    refused: dict[str, str]
    """Why the others cannot be used."""

    @property
    def lists(self) -> dict[str, int]:
        """Return our numbers of the static lists."""
        return {key: row.pk for key, row in self.rows.items() if row.static}


def of_scope(scope: Scope) -> QuerySet[Segment]:
    """Return the segments of a scope."""
    every = Segment.objects.select_related("platform", "organisation")
    if scope.platform is not None:
        return every.filter(platform=scope.platform)
    return every.filter(platform=None, organisation_id=scope.organisation)


def read(scope: Scope) -> Definitions:
    """Return the segments of a scope. Two queries.

    One that was valid when it was saved and is not any more is refused with those that stand on it: the others must
    not wait for it.
    """
    rows = {segment.key: segment for segment in of_scope(scope)}
    labels = library.types(scope.platform)
    found: dict[str, Condition] = {}
    refused: dict[str, str] = {}
    for key, row in rows.items():
        if row.static:
            continue
        try:
            found[key] = conditions.parse(row.condition, labels=labels, segments=rows)
        except ConditionError as error:
            refused[key] = str(error)
    while True:
        try:
            order = conditions.ordered(found)
            break
        except CycleError as error:
            for key in set(error.cycle):
                refused[key] = str(error)
                del found[key]
    for key in order:
        lost = sorted(name for name in conditions.segments_of(found[key]) if name in refused)
        if lost:
            refused[key] = f"it names {', '.join(lost)}, which cannot be used."
            del found[key]
    return Definitions(
        rows=rows, conditions={key: found[key] for key in order if key in found}, refused=refused
    )


def check(scope: Scope, data: Any, *, key: str | None = None) -> Condition:
    """Return the condition that JSON data says, for the segment `key` where it has one already.

    Raises ConditionError at the first thing that is wrong: unknown labels, events and segments, a circle (its path is
    named), segments that stand on each other too many times.
    """
    known = read(scope)
    condition = conditions.parse(
        data, labels=library.types(scope.platform), events=behaviour.names(scope), segments=known.rows
    )
    for path, term in conditions.terms(condition):
        if isinstance(term, conditions.InSegment) and term.segment in known.refused and term.segment != key:
            raise ConditionError(
                f"the segment {term.segment!r} cannot be used itself: {known.refused[term.segment]}",
                path=f"{path}.segment" if path else "segment",
            )
    length = _longest_chain({**known.conditions, key or "": condition})
    if length > MAX_CHAIN:
        raise ConditionError(
            f"segments stand on each other {length} times; at most {MAX_CHAIN} are allowed.", path=""
        )
    return condition


@contextmanager
def changing(scope: Scope) -> Iterator[None]:
    """Let nobody else change what segments of the scope say meanwhile: two changes could close a circle together."""
    with transaction.atomic():
        lock(f"definitions:{scope.key}")
        yield


def delete(segment: Segment, scope: Scope) -> None:
    """Delete a segment with its members and history; UsedError where others name it."""
    with changing(scope):
        users = users_of(segment, scope)
        if users:
            raise UsedError(segment.key, users)
        segment.delete()


def users_of(segment: Segment, scope: Scope) -> list[str]:
    """Return the keys of the segments that name it. Two queries."""
    return conditions.users(segment.key, read(scope).conditions)


def lock(name: str) -> None:
    """Hold a lock of the database until the transaction ends; it takes no number of the log of positions."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"segments:{name}"])


def ensure_builtin(platform: Platform) -> None:
    """Create the built-in segments that the platform lacks; those of staff and edited ones stay as they are."""
    Segment.objects.bulk_create(
        [
            Segment(
                platform=platform,
                key=each.key,
                name=each.name,
                description=each.description,
                condition=dict(each.condition),
                builtin=True,
            )
            for each in SEGMENTS
        ],
        ignore_conflicts=True,
    )


def _longest_chain(graph: dict[str, Condition]) -> int:
    """Return how many segments stand on each other at most; CycleError where they do in a circle."""
    lengths: dict[str, int] = {}
    for key in conditions.ordered(graph):  # each after those that it names, so each is looked at once
        below = (lengths[name] for name in conditions.segments_of(graph[key]) if name in lengths)
        lengths[key] = 1 + max(below, default=0)
    return max(lengths.values())
