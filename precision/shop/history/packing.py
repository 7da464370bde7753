"""Whole numbers out of PostgreSQL, many in one value.

A row of a result costs the server and the reader several times what its numbers cost. Here the server strings the
binary numbers of a column together (`string_agg(int8send(…))`), and the reader views them as an array.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from precision.engine.reading import Reader

ABSENT = -(2**63)  # stands for null on the way; no id, and no amount (the fields allow 10¹² units)
EPOCH_US = 946_684_800_000_000  # PostgreSQL counts microseconds from 2000-01-01


def number(expression: str) -> str:
    """Return the SQL of a whole number (bigint, or null) as `packed` wants it."""
    return f"int8send(coalesce({expression}, '{ABSENT}'::bigint))"


def time(expression: str) -> str:
    """Return the SQL of a timestamp with time zone (not null) as `packed` wants it; see `as_time`."""
    return f"timestamptz_send({expression})"


def as_time(name: str) -> pl.Expr:
    """Return the column that came by `time` as a timestamp, UTC."""
    return (pl.col(name) + EPOCH_US).cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias(name)


def packed(
    reader: Reader, columns: Mapping[str, str], source: str, *, by: Mapping[str, str] | None = None
) -> pl.DataFrame:
    """Return the columns (name → SQL made by `number` or `time`) of what follows FROM in `source`, as Int64.

    `by` are further columns (name → SQL expression) of any type that take few distinct values; rows come group by
    group. The columns of one group together may have 1 GiB: 26 million rows of five.
    """
    keys = [f'{expression} AS "{name}"' for name, expression in (by or {}).items()]
    strung = [f"string_agg({expression}, '') AS \"{name}\"" for name, expression in columns.items()]
    grouping = f" GROUP BY {', '.join(str(place + 1) for place in range(len(keys)))}" if keys else ""
    return _unpacked(reader.frame(f"SELECT {', '.join(keys + strung)} FROM {source}{grouping}"), columns)


def _unpacked(found: pl.DataFrame, columns: Mapping[str, str]) -> pl.DataFrame:
    others = found.drop(*columns)
    frames = [pl.DataFrame(schema={**others.schema, **dict.fromkeys(columns, pl.Int64)})]
    for place, row in enumerate(found.select(*columns).iter_rows(named=True)):
        if None in row.values():
            continue  # no rows at all
        arrays = {name: np.frombuffer(code, dtype=">i8").astype(np.int64) for name, code in row.items()}
        frames.append(
            pl.DataFrame(arrays).select(
                *(
                    pl.lit(others.get_column(name)[place], dtype).alias(name)
                    for name, dtype in others.schema.items()
                ),
                *columns,
            )
        )
    return pl.concat(frames).with_columns(
        pl.when(pl.col(name) != ABSENT).then(pl.col(name)) for name in columns
    )
