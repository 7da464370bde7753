"""Rows in by COPY: a Polars frame becomes rows of a table within the running transaction."""

from collections.abc import Sequence
from io import BytesIO

import polars as pl
from django.db import connection
from django.db.models import Model
from psycopg import sql

CHUNK_ROWS = 200_000  # bounds the memory of the text form, about 50 MiB


def copy_rows(model: type[Model], frame: pl.DataFrame) -> int:
    """Copy `frame` into the model's table; return the number of rows.

    Column names are the table's (`customer_id`, not `customer`). List columns become PostgreSQL arrays; null becomes
    NULL. A constraint that a row breaks raises django.db.IntegrityError and nothing is written.
    """
    return copy_table(model._meta.db_table, frame)


def copy_table(table: str, frame: pl.DataFrame, *, columns: Sequence[str] = ()) -> int:
    """Copy `frame` into the named table (temporary tables too); return the number of rows."""
    names = list(columns) or frame.columns
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, NULL '\\N')").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    text = frame.select(_array_text(frame, name) for name in names)
    # Django's cursor wrapper hands `copy` on to psycopg's, but not psycopg's errors on to Django's.
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        for chunk in text.iter_slices(CHUNK_ROWS):
            buffer = BytesIO()
            chunk.write_csv(
                buffer,
                include_header=False,
                null_value="\\N",
                quote_style="non_numeric",
                datetime_format="%Y-%m-%d %H:%M:%S%.6f%z" if _has_zone(chunk) else None,
            )
            copy.write(buffer.getbuffer())
    return frame.height


def _array_text(frame: pl.DataFrame, name: str) -> pl.Expr:
    """Return the column as COPY can read it: lists as `{1,2,NULL}`, everything else as it is."""
    column = pl.col(name)
    if not isinstance(frame.schema[name], pl.List):
        return column
    inner = frame.schema[name].inner  # type: ignore[attr-defined]
    if inner == pl.String:
        escaped = (
            pl.element().str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
        )
        items = column.list.eval(pl.concat_str(pl.lit('"'), escaped, pl.lit('"')).fill_null("NULL"))
    else:
        items = column.list.eval(pl.element().cast(pl.String).fill_null("NULL"))
    return pl.concat_str(pl.lit("{"), items.list.join(","), pl.lit("}")).alias(name)


def _has_zone(frame: pl.DataFrame) -> bool:
    """Return whether any column is a time with zone."""
    return any(isinstance(kind, pl.Datetime) and kind.time_zone for kind in frame.dtypes)
