"""Everything that is encrypted under PII_KEYS, brought under the newest key.

A batch is a transaction of its own; what is under the newest key already is left alone, so that a run that was cut
short is simply started again. A value that somebody changes meanwhile is written under the newest key anyway.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Model
from psycopg import sql
from psycopg.types.json import Jsonb

from precision.shop import pii, tokens
from precision.shop.models import DeadLetter, Erasure, Identity, Organisation, Platform, Profile

BATCH = 2_000
SEALED: tuple[tuple[type[Model], str], ...] = (
    (Organisation, "match_key"),
    (Platform, "user_hash_secret"),
    (Profile, "personal"),
    (Identity, "ciphertext"),
    (Erasure, "pending"),
)
"""Columns of ciphertext; the content of dead letters has tokens within."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """What became of one column."""

    table: str
    column: str
    values: int
    changed: int


def rotate(*, write: bool = True) -> Iterator[Rotated]:
    """Yield one column after the other when all of it is under the newest key; without `write` only count."""
    for model, column in SEALED:
        yield _column(model, column, write=write)
    yield _column(DeadLetter, "payload", write=write)


def _column(model: type[Model], column: str, *, write: bool) -> Rotated:
    values = changed = last = 0
    while True:
        with transaction.atomic():
            rows = list(
                model._default_manager.filter(pk__gt=last, **{f"{column}__isnull": False})
                .order_by("pk")
                .values_list("pk", column)[:BATCH]
            )
            if not rows:
                return Rotated(model._meta.db_table, column, values, changed)
            fresh = [(pk, old, new) for pk, old in rows if (new := _new(old)) is not None]
            if write and fresh:
                _update(model, column, fresh)
        values += len(rows)
        changed += len(fresh)
        last = rows[-1][0]


def _new(value: Any) -> Any:
    """Return the value under the newest key; None where nothing is to be done."""
    if isinstance(value, bytes | memoryview):
        return pii.rotated(value) if len(value) else None
    after = _walk(value)
    return None if after == value else after


def _walk(value: Any) -> Any:
    """Return free content with its tokens under the newest key."""
    if isinstance(value, list):
        return [_walk(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {tokens.TOKEN} and isinstance(value[tokens.TOKEN], str):
        new = pii.rotated(value[tokens.TOKEN].encode("ascii"))
        return value if new is None else {tokens.TOKEN: new.decode("ascii")}
    if value.keys() == {tokens.PLAIN} and isinstance(value[tokens.PLAIN], dict):
        return {tokens.PLAIN: {name: _walk(each) for name, each in value[tokens.PLAIN].items()}}
    return {name: _walk(each) for name, each in value.items()}


def _update(model: type[Model], column: str, rows: list[tuple[int, Any, Any]]) -> None:
    """Write the new values of rows that still have the old ones."""
    is_json = not isinstance(rows[0][1], bytes | memoryview)
    kind = sql.SQL("jsonb" if is_json else "bytea")
    statement = sql.SQL(
        "UPDATE {table} AS m SET {column} = w.new FROM unnest(%s::bigint[], %s::{kind}[], %s::{kind}[]) "
        "AS w(id, old, new) WHERE m.id = w.id AND m.{column} = w.old"
    ).format(table=sql.Identifier(model._meta.db_table), column=sql.Identifier(column), kind=kind)
    wrap = Jsonb if is_json else bytes
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            [[pk for pk, _, _ in rows], [wrap(old) for _, old, _ in rows], [wrap(new) for _, _, new in rows]],
        )
