"""The rows of a data set, made ready: new columns derived, repeated and unusable rows left out."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from precision.shop.importing import values
from precision.shop.importing.errors import ImportRefusedError
from precision.shop.importing.expressions import check_columns, condition, evaluate
from precision.shop.importing.reading import FILE, ROW, read_files
from precision.shop.importing.rejects import LONGEST_VALUE, Rejects
from precision.shop.mapping import DataFile, Mapping


def prepare(
    mapping: Mapping,
    data: DataFile,
    paths: Sequence[Path],
    *,
    kind: str,
    first: int,
    rejects: Rejects,
    most: int | None = None,
) -> tuple[pl.DataFrame, dict[int, int], int]:
    """Return the usable rows of a data set, the number of rows of each file (by position), and that of
    repetitions.

    `first` is the position of the first file within the import; `kind` is what a refused row counts as. A
    repetition is a row that a `duplicate` rule names, or that equals an earlier one where the rows are
    `unique`. `most`: rows that are read of each file, for a preview.
    """
    frame, rows = read_files(data, paths, first=first, kind=kind, rejects=rejects, most=most)
    check_columns(mapping, data, frame)
    given = [name for name in frame.columns if name not in {ROW, FILE, *data.drop}]
    usable = frame.height
    at = f"Mapping {mapping.name}, files.{data.name}"
    for name, expression in data.derive.items():
        frame = frame.with_columns(evaluate(frame, expression, at=f"{at}.derive.{name}").alias(name))
    for rule in data.duplicate:
        frame = frame.filter(~condition(frame, rule, at=f"{at}.duplicate"))
    if data.unique:
        frame = frame.unique(given, keep="first", maintain_order=True)
    repeated = usable - frame.height
    for reject in data.reject:
        if reject.column not in frame.columns:
            raise ImportRefusedError(
                f"{at}.reject names the column {reject.column!r}, which the data set does not have."
            )
        bad = condition(frame, reject.when, at=f"{at}.reject")
        if bad.any():
            rows_out = frame.filter(bad)
            shown = (
                values.as_text(rows_out.get_column(reject.column)).str.slice(0, LONGEST_VALUE).fill_null("")
            )
            rejects.add(
                rows_out.select(
                    file=FILE,
                    row=ROW,
                    column=pl.lit(reject.column),
                    value=pl.lit(shown),
                    code=pl.lit(reject.code),
                    reason=pl.lit(reject.reason),
                ),
                kind=kind,
            )
            frame = frame.filter(~bad)
    return frame, rows, repeated
