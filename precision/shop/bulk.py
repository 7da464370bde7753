"""Frames meet tables: locks, look-ups, blocks of ids, and records added or updated in two statements."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from io import BytesIO
from typing import Any

import polars as pl
from django.db import connection
from django.db.models import BinaryField, JSONField, Model
from psycopg import sql

from precision.engine.copying import copy_table
from precision.shop.models import Platform
from precision.shop.models.positions import PositionField

LOCK = 0x50524543  # namespace of our advisory locks: “PREC”
OUTCOME = "outcome"
ACCEPTED = "accepted"
UPDATED = "updated"
DUPLICATE = "duplicate"


def lock(platform: Platform) -> None:
    """Wait until no other writer of facts is at work on the platform, and keep others out until the
    transaction ends.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, platform.pk])


def execute(statement: sql.Composable) -> int:
    """Run a statement; return the number of rows it changed."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.rowcount)


def fetch(query: sql.Composable, schema: Mapping[str, Any]) -> pl.DataFrame:
    """Return the rows of a query, or those that a statement returns, as a frame; sees the running transaction.

    Each column comes as one array, because a message for each row costs several times as much; PostgreSQL
    limits an array to 1 GiB, some fifty million rows.
    """
    names = [sql.Identifier(name) for name in schema]
    statement = sql.SQL("WITH found ({}) AS ({}) SELECT {} FROM found").format(
        sql.SQL(", ").join(names),
        query,
        sql.SQL(", ").join(sql.SQL("array_agg({})").format(name) for name in names),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement)
        arrays = cursor.fetchone()
    return pl.DataFrame(
        {name: values or [] for name, values in zip(schema, arrays, strict=True)}, schema=dict(schema)
    )


def fetch_numbers(query: str, schema: Mapping[str, Any]) -> pl.DataFrame:
    """Return the rows of a query that gives whole numbers only, as a frame; sees the running transaction.

    Read by COPY, so that any number of rows costs no Python object each.
    """
    buffer = BytesIO()
    with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv)") as copy:
        for piece in copy:
            buffer.write(piece)
    if not buffer.tell():
        return pl.DataFrame(schema=dict(schema))
    buffer.seek(0)
    return pl.read_csv(buffer, has_header=False, schema=dict(schema))


def reserve_ids(model: type[Model], count: int) -> pl.Series:
    """Return `count` new ids of the model's table, ascending; other writers never get the same."""
    table = model._meta.db_table
    query = sql.SQL("SELECT nextval(pg_get_serial_sequence({}, 'id')) FROM generate_series(1, {})").format(
        sql.Literal(table), sql.Literal(count)
    )
    return fetch(query, {"id": pl.Int64}).get_column("id").sort()


def analyze(models: Iterable[type[Model]]) -> None:
    """Tell the planner what the tables hold now."""
    names = sql.SQL(", ").join(sql.Identifier(model._meta.db_table) for model in models)
    execute(sql.SQL("ANALYZE {}").format(names))


def stage(name: str, frame: pl.DataFrame, *, like: type[Model]) -> sql.Identifier:
    """Copy the frame into a temporary table with the model's column types; return the table's name."""
    table = sql.Identifier(f"incoming_{name}")
    execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table))
    execute(
        sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
            table, _names(frame.columns), sql.Identifier(like._meta.db_table)
        )
    )
    copy_table(f"incoming_{name}", frame)
    execute(sql.SQL("ANALYZE {}").format(table))
    return table


def lookup(
    model: type[Model], keys: pl.DataFrame, *, within: Mapping[str, Any], columns: Mapping[str, Any]
) -> pl.DataFrame:
    """Return the rows of the model whose values match a row of `keys` (distinct), among those `within`.

    Gives the columns of `keys` and the given `columns` (name → Polars type).
    """
    if not keys.height:
        return pl.DataFrame(schema={**keys.schema, **columns})
    table = stage("keys", keys, like=model)
    query = sql.SQL("SELECT {} FROM {} AS m JOIN {} AS t ON {} WHERE {}").format(
        sql.SQL(", ").join(sql.Identifier("m", name) for name in (*keys.columns, *columns)),
        sql.Identifier(model._meta.db_table), table,
        sql.SQL(" AND ").join(sql.SQL("m.{0} = t.{0}").format(sql.Identifier(name)) for name in keys.columns),
        _within(within),
    )  # fmt: skip
    return fetch(query, {**keys.schema, **columns})


def upsert(
    model: type[Model],
    frame: pl.DataFrame,
    *,
    key: str | Sequence[str],
    within: Mapping[str, Any],
    defaults: Mapping[str, Any],
    touched: str | None = None,
    now: datetime,
    replace: bool = False,
) -> pl.DataFrame:
    """Add the records that are new, update the given fields of the others; return the key and OUTCOME of
    each.

    `key` is a column or several, of which only the last may be null; each record stands in the frame once. A null in
    the frame is “not given” and overwrites nothing; objects are merged key by key. With `replace` a null gives the
    column its default again, and objects are replaced as a whole. `within` are the fixed columns (the platform),
    `defaults` what a new row has where nothing is given, `touched` the time-of-change column. A row that changes
    moves in the log of facts.
    """
    keys = [key] if isinstance(key, str) else list(key)
    if not frame.height:
        return pl.DataFrame(schema={**{name: frame.schema[name] for name in keys}, OUTCOME: pl.String})
    table = stage(model._meta.model_name or "", frame, like=model)
    given = [name for name in frame.columns if name not in keys]
    columns = {str(field.column): field for field in model._meta.concrete_fields}
    merged = {name for name, field in columns.items() if isinstance(field, JSONField)}
    fresh = {
        name: _or_default(name, defaults.get(name)) if replace else _fresh(name, merged=name in merged)
        for name in given
    }
    target = sql.Identifier(model._meta.db_table)
    schema = {name: frame.schema[name] for name in keys}
    same = _same(keys, columns)
    returned = sql.SQL(", ").join(
        sql.SQL("m.{}::text" if isinstance(columns[name], BinaryField) else "m.{}").format(
            sql.Identifier(name)
        )
        for name in keys
    )
    constants = {**within, **{name: value for name, value in defaults.items() if name not in given}}
    if touched:
        constants[touched] = now
    # A writer on another way in may add the same record meanwhile: then the update below finds it.
    insert = sql.SQL(
        "INSERT INTO {} AS m ({}) SELECT {} FROM {} AS t "
        "WHERE NOT EXISTS (SELECT FROM {} AS m WHERE {} AND {}) ON CONFLICT DO NOTHING RETURNING {}"
    )
    chosen = [
        *(sql.SQL("t.{}").format(sql.Identifier(name)) for name in keys),
        *(_or_default(name, defaults.get(name)) for name in given),
        *(sql.Literal(value) for value in constants.values()),
    ]
    added = fetch(
        insert.format(
            target,
            _names([*keys, *given, *constants]),
            sql.SQL(", ").join(chosen),
            table,
            target,
            _within(within),
            same,
            returned,
        ),
        schema,
    )
    updated = pl.DataFrame(schema=schema)
    if given and added.height < frame.height:
        changes = [sql.SQL("{} = {}").format(sql.Identifier(name), fresh[name]) for name in given]
        if touched:
            changes.append(sql.SQL("{} = {}").format(sql.Identifier(touched), sql.Literal(now)))
        changes.extend(
            sql.SQL("{} = DEFAULT").format(sql.Identifier(name))
            for name, field in columns.items()
            if isinstance(field, PositionField)
        )
        differs = sql.SQL(" OR ").join(
            sql.SQL("{} IS DISTINCT FROM m.{}").format(fresh[name], sql.Identifier(name)) for name in given
        )
        update = sql.SQL("UPDATE {} AS m SET {} FROM {} AS t WHERE {} AND {} AND ({}) RETURNING {}")
        updated = fetch(
            update.format(
                target, sql.SQL(", ").join(changes), table, _within(within), same, differs, returned
            ),
            schema,
        )
    told = pl.concat(
        [
            added.with_columns(pl.lit(ACCEPTED).alias(OUTCOME)),
            updated.with_columns(pl.lit(UPDATED).alias(OUTCOME)),
        ]
    )
    found = frame.select(keys).join(told, on=keys, how="left", nulls_equal=True, maintain_order="left")
    return found.with_columns(pl.col(OUTCOME).fill_null(DUPLICATE))


def _same(keys: Sequence[str], columns: Mapping[str, Any]) -> sql.Composed:
    """Return the condition that a row of the table and one of the frame are one record."""
    pattern = {True: "m.{0} IS NOT DISTINCT FROM t.{0}", False: "m.{0} = t.{0}"}
    return sql.SQL(" AND ").join(
        sql.SQL(pattern[columns[name].null]).format(sql.Identifier(name)) for name in keys
    )


def _names(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _within(within: Mapping[str, Any]) -> sql.Composable:
    if not within:
        return sql.SQL("TRUE")
    return sql.SQL(" AND ").join(
        sql.SQL("m.{} = {}").format(sql.Identifier(name), sql.Literal(value))
        for name, value in within.items()
    )


def _fresh(name: str, *, merged: bool) -> sql.Composed:
    """Return the value that the row has after the update."""
    pattern = "m.{0} || coalesce(t.{0}, '{{}}'::jsonb)" if merged else "coalesce(t.{0}, m.{0})"
    return sql.SQL(pattern).format(sql.Identifier(name))


def _or_default(name: str, default: Any) -> sql.Composed:
    if default is None:
        return sql.SQL("t.{}").format(sql.Identifier(name))
    return sql.SQL("coalesce(t.{}, {})").format(sql.Identifier(name), sql.Literal(default))
