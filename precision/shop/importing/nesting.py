"""Objects and lists within rows, as JSON Lines and Parquet have them: columns of their own, rows of their own."""

from pathlib import Path
from typing import Final

import polars as pl

from precision.shop.importing.errors import ImportRefusedError

DEEPEST: Final = 8
"""Levels of objects that are taken apart; what lies deeper is reached by expressions."""


def flattened(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with a column `outer.inner` for each member of each object, beside the objects themselves.

    A column that has such a name already stays.
    """
    for _ in range(DEEPEST):
        made = [
            pl.col(name).struct.field(inner.name).alias(f"{name}.{inner.name}")
            for name, kind in frame.schema.items()
            if isinstance(kind, pl.Struct)
            for inner in kind.fields
            if f"{name}.{inner.name}" not in frame.columns
        ]
        if not made:
            break
        frame = frame.with_columns(made)
    return frame


def exploded(frame: pl.DataFrame, column: str, *, path: Path) -> pl.DataFrame:
    """Return one row for each element of the lists in the column, the other columns repeated.

    A row with an empty list, or none, stays as one with nothing in the column. Raises ImportRefusedError when there is
    no such column, or it holds no lists.
    """
    if column not in frame.columns:
        there = ", ".join(name for name in frame.columns if not name.startswith("__"))
        raise ImportRefusedError(f"{path} has no column {column!r} to explode; it has {there}.")
    kind = frame.schema[column]
    if kind == pl.Null:  # no row of this file has a list
        return frame
    if not isinstance(kind, pl.List | pl.Array):
        raise ImportRefusedError(
            f"{path}: the column {column!r} holds {kind}, not lists, and cannot be exploded."
        )
    # Members that the file had by the list's name are those of the elements from here on.
    stale = [name for name in frame.columns if name.startswith(f"{column}.")]
    return frame.drop(stale).explode(column, empty_as_null=True, keep_nulls=True)
