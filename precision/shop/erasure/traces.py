"""Traces of a person outside the tables of facts: the ledger of joins, staff's log, sessions, errors of jobs."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from django.apps import apps
from django.db import connection
from django.db.models import QuerySet

from precision.engine.models import Run
from precision.shop import tokens
from precision.shop.erasure.matching import SHORTEST, Values, texts
from precision.shop.models import DeadLetter

AT_ONCE: Final = 1_000
# Reads the organisation's ledger once: an index of every moved identity would cost each join more than this costs.
_LEDGER: Final = """
WITH named AS MATERIALIZED (
    SELECT j.id, coalesce(jsonb_agg(m.move ORDER BY m.place)
                          FILTER (WHERE NOT (m.move ->> 0)::bigint = ANY(%(ids)s)), '[]') AS rest
    FROM precision_shop_join j, jsonb_array_elements(j.moves) WITH ORDINALITY AS m(move, place)
    WHERE j.organisation_id = %(organisation)s
    GROUP BY j.id HAVING bool_or((m.move ->> 0)::bigint = ANY(%(ids)s))
), emptied AS (
    UPDATE precision_shop_join j SET moves = n.rest, reason = '' FROM named n WHERE n.id = j.id AND n.rest <> '[]'
    RETURNING j.id
), removed AS (
    DELETE FROM precision_shop_join j USING named n WHERE n.id = j.id AND n.rest = '[]' RETURNING j.id
)
SELECT (SELECT count(*) FROM emptied) + (SELECT count(*) FROM removed)
"""


def remove(values: Sequence[str]) -> dict[str, int]:
    """Take the values out of what staff and jobs left behind; return how many rows of each table that changed."""
    found = Values(values)
    changed = {"precision_engine_run": _take_out(Run.objects.exclude(error=""), ("error",), found)}
    if apps.is_installed("django.contrib.admin"):
        log: Any = apps.get_model("admin", "LogEntry")
        columns = ("object_repr", "change_message")
        changed[log._meta.db_table] = _take_out(log.objects.all(), columns, found)
    if apps.is_installed("django.contrib.sessions"):
        sessions: Any = apps.get_model("sessions", "Session")
        changed[sessions._meta.db_table] = _end_sessions(sessions.objects.all(), found)
    return changed


def remove_letters(platforms: Collection[int], personal: Sequence[str]) -> int:
    """Delete dead letters that repeat a personal value without naming the person by an id; return how many.

    Opens every letter of the platforms that is still kept.
    """
    values = Values(value for value in personal if len(value) >= SHORTEST)
    rows = DeadLetter.objects.filter(platform_id__in=platforms)
    naming = [
        number
        for number, detail, payload in rows.values_list("pk", "detail", "payload").iterator(
            chunk_size=AT_ONCE
        )
        if any(values.are_in(text) for text in (detail, *texts(tokens.unseal(payload))))
    ]
    return int(rows.filter(pk__in=naming).delete()[0])


def leave_ledger(organisation: int, ids: Collection[int]) -> int:
    """Take the moves of the identities out of the ledger of joins; return how many of its lines that changed."""
    with connection.cursor() as cursor:
        cursor.execute(_LEDGER, {"organisation": organisation, "ids": list(ids)})
        return int(cursor.fetchone()[0])


def _take_out(rows: QuerySet[Any], columns: Sequence[str], values: Values) -> int:
    """Take the values out of text columns, reading every row; that something happened stays."""
    changed = 0
    for number, *before in rows.order_by("pk").values_list("pk", *columns).iterator(chunk_size=AT_ONCE):
        after = [values.taken_out(text) for text in before]
        if after != before:
            changed += rows.model._default_manager.filter(pk=number).update(
                **dict(zip(columns, after, strict=True))
            )
    return changed


def _end_sessions(rows: QuerySet[Any], values: Values) -> int:
    """Delete the sessions whose content names the person, a message to staff say; they sign in again."""
    naming = [
        session.pk
        for session in rows.iterator(chunk_size=AT_ONCE)
        if any(values.are_in(text) for text in texts(session.get_decoded()))
    ]
    return int(rows.filter(pk__in=naming).delete()[0])
