"""Rows of parts as they count: what a later export replaced or removed is left out."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

import polars as pl

from precision.shop.history.layout import Table
from precision.shop.history.manifest import Changes, Part

SEQUENCE = "__sequence"


def changed_keys(root: Path, table: Table, changes: Iterable[Changes]) -> pl.DataFrame:
    """Return the key column and SEQUENCE: the last export in which the key came anew or was removed."""
    frames = [
        pl.read_parquet(root / each.path).with_columns(pl.lit(each.sequence, pl.Int64).alias(SEQUENCE))
        for each in changes
    ]
    if not frames:
        return pl.DataFrame(schema={table.key: pl.Int64, SEQUENCE: pl.Int64})
    return pl.concat(frames).group_by(table.key).agg(pl.col(SEQUENCE).max())


def rows(root: Path, table: Table, parts: Sequence[Part], changed: pl.DataFrame) -> pl.LazyFrame:
    """Return the rows of the parts, all of one platform, that no later export replaced or removed.

    `changed` is that of `changed_keys`. A part counts whole but for keys with a later SEQUENCE, so that parts written
    after the last change are read without a join.
    """
    frames = []
    ordered = sorted(parts, key=lambda part: (part.sequence, part.month, part.path))
    for sequence, group in groupby(ordered, key=lambda part: part.sequence):
        frame = pl.scan_parquet([root / part.path for part in group], schema=dict(table.columns), glob=False)
        later = changed.filter(pl.col(SEQUENCE) > sequence).select(table.key)
        frames.append(frame.join(later.lazy(), on=table.key, how="anti") if later.height else frame)
    return pl.concat(frames) if frames else pl.LazyFrame(schema=dict(table.columns))
