"""The live count of a condition: how many meet it now, and some of them, before anything is saved."""

import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.conf import settings
from django.db import connection, transaction

from precision.shop.scopes import Scope
from segments import behaviour, conditions, definitions, evaluation, population
from segments.conditions import Condition
from segments.definitions import Definitions

SAMPLE: Final = 10
SECONDS: Final = 10.0
PIECE: Final = 2_000_000
"""Customers between two looks at the clock."""


class TookTooLongError(RuntimeError):
    """The count was ended after the time that it may take."""


class SupersededError(RuntimeError):
    """A later question of the same caller took the place of this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a condition says of everybody now."""

    count: int
    of: int
    sample: list[int]
    """Customers by our numbers, in their order."""
    took_ms: int
    as_of: date | None
    """Labels and windows are of the day before; None where the condition needs no behaviour and no run says."""


def preview(
    scope: Scope,
    condition: Condition,
    *,
    known: Definitions | None = None,
    caller: str = "",
    token: str = "",
    sample: int = SAMPLE,
) -> Preview:
    """Return the live count over the published labels and behaviour.

    `known` are the segments that the condition may name, read when it names any. With a `token` a later call of the
    same caller and token ends this one. Raises population.NothingComputedError, SupersededError, and TookTooLongError
    after PRECISION_PREVIEW_SECONDS.
    """
    started = time.perf_counter()
    known = known or definitions.read(scope)
    below = conditions.needed_by(condition, known.conditions)
    named = {key: each for key, each in known.conditions.items() if key in below}
    with _turn(caller, token) as is_last:
        go_on = _watch(started, is_last)
        labels = population.published(scope)
        run = behaviour.published(scope.key)
        as_of = run.as_of if run else scope.as_of()
        go_on()
        people = population.everybody(
            scope, {**named, " ": condition}, known.lists, labels=labels, run=run, as_of=as_of
        )
        found = evaluation.count(people, condition, named=named, sample=sample, go_on=go_on, size=PIECE)
    took = round((time.perf_counter() - started) * 1000)
    return Preview(count=found.count, of=found.of, sample=found.sample, took_ms=took, as_of=as_of)


def _watch(started: float, is_last: Callable[[], bool]) -> Callable[[], None]:
    """Return what raises once the time is over or a later question has come."""
    limit = float(getattr(settings, "PRECISION_PREVIEW_SECONDS", SECONDS))

    def go_on() -> None:
        if time.perf_counter() - started > limit:
            raise TookTooLongError(
                f"Counting took longer than {limit:g} s and was ended; use shorter windows or fewer terms, or save "
                "the segment: its members are found at night."
            )
        if not is_last():
            raise SupersededError("A later question with the same token took the place of this one.")

    return go_on


@contextmanager
def _turn(caller: str, token: str) -> Iterator[Callable[[], bool]]:
    """Give a function that tells whether this is still the last question of the caller with the token.

    Each question holds a shared lock of the database whose second number is its time: all processes see who came
    later, and whoever dies lets go.
    """
    if not token:
        yield lambda: True
        return
    name = zlib.crc32(f"{caller} {token}".encode()) & 0x7FFFFFFF
    mine = time.time_ns() // 1_000_000 & 0x7FFFFFFF
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", [name, mine])
        yield lambda: _latest(name) <= mine


def _latest(name: int) -> int:
    query = """
        SELECT max(objid::bigint) FROM pg_locks
        WHERE locktype = 'advisory' AND classid = %s AND objsubid = 2
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [name])
        return int(cursor.fetchone()[0] or 0)
